package migrations

import (
	"encoding/hex"
	"maps"
	"testing"

	"go.etcd.io/bbolt"
)

func TestOverrides(t *testing.T) {
	for _, c := range []struct{ name, old, want string }{
		{"added", "01000000006553f100", "8117979cfe362a000000000000"},
		{"taken off", "00000000006553f100", "8017979cfe362a000000000000"},
		{"of 1970", "010000000000000000", "81000000000000000000000000"},
		{"before 1970", "01ffffffffffffffff", "81000000000000000000000000"},
		{"beyond 2262", "017fffffffffffffff", "817fffffffcd0d280000000000"},
		{"too short", "0100000000000000", ""},
		{"of another kind", "020000000000000000", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := open(t)
			key := make([]byte, 20)
			err := db.Update(func(tx *bbolt.Tx) error {
				if err := initial(tx); err != nil {
					return err
				}
				if err := access(tx); err != nil {
					return err
				}
				old, err := hex.DecodeString(c.old)
				if err != nil {
					return err
				}
				return tx.Bucket([]byte("access")).Put(key, old)
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Update(overrides); (err != nil) != (c.want == "") || err != nil {
				if c.want != "" {
					t.Error(err)
				}
				return
			}
			got := map[string]string{}
			err = db.View(func(tx *bbolt.Tx) error {
				if l := tx.Bucket([]byte("meta")).Get([]byte("label")); len(l) != labelSize || l[0] == 0 {
					t.Errorf("label %x", l)
				}
				return tx.Bucket([]byte("access")).ForEach(func(k, v []byte) error {
					got[hex.EncodeToString(k)] = hex.EncodeToString(v)
					return nil
				})
			})
			if want := map[string]string{hex.EncodeToString(key): c.want}; err != nil || !maps.Equal(got, want) {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
		})
	}
}
