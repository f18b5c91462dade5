package migrations

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// open returns an empty database, checked and closed when the test ends.
func open(t *testing.T) *bbolt.DB {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "test.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := db.View(func(tx *bbolt.Tx) error {
			for err := range tx.Check() {
				t.Error(err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestStepsRunInOrderOnAnEmptyFile(t *testing.T) {
	db := open(t)
	for _, step := range Steps {
		if step.Prepare != nil {
			prepare(t, db, step.Prepare(), 1)
		}
		if err := db.Update(step.Apply); err != nil {
			t.Fatalf("step %s: %v", step.Name, err)
		}
	}
}

func TestInitial(t *testing.T) {
	secrets := make([][]byte, 2)
	for i := range secrets {
		db := open(t)
		before := time.Now().Unix()
		if err := db.Update(initial); err != nil {
			t.Fatal(err)
		}
		err := db.View(func(tx *bbolt.Tx) error {
			for _, name := range []string{"base", "journal"} {
				if tx.Bucket([]byte(name)) == nil {
					t.Errorf("bucket %s is missing", name)
				}
			}
			meta := tx.Bucket([]byte("meta"))
			secrets[i] = bytes.Clone(meta.Get([]byte("connection_secret")))
			created := meta.Get([]byte("created"))
			if len(created) != 8 {
				t.Fatalf("created is %d bytes, want 8", len(created))
			}
			if at := int64(binary.BigEndian.Uint64(created)); at < before || at > time.Now().Unix() {
				t.Errorf("created %d, want a time from %d to now", at, before)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(secrets[i]) != secretSize {
			t.Errorf("the secret is %d bytes, want %d", len(secrets[i]), secretSize)
		}
	}
	if bytes.Equal(secrets[0], secrets[1]) {
		t.Error("two databases have the same secret")
	}
}

func TestInitialRefusesAFileInUse(t *testing.T) {
	db := open(t)
	if err := db.Update(initial); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(initial); err == nil {
		t.Error("the first step ran twice")
	}
}
