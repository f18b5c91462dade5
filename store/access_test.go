package store

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// wantOverrides fails the test unless the store has these overrides.
func wantOverrides(t *testing.T, s *Store, want ...AccessOverride) {
	t.Helper()
	got, err := s.AccessOverrides()
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("overrides %v, %v, want %v", got, err, want)
	}
}

func TestAccessOverrides(t *testing.T) {
	s := openStore(t, testPath(t))
	added := AccessOverride{testHash(1, 1), true, time.Unix(1_700_000_000, 0).UTC()}
	taken := AccessOverride{testHash(9, 2), false, time.Unix(1_800_000_000, 0).UTC()}
	for _, o := range []AccessOverride{taken, {added.InfoHash, false, taken.Since}, added} {
		if err := s.SetAccessOverride(o); err != nil {
			t.Fatal(err)
		}
	}
	wantOverrides(t, s, added, taken)
	s, src := reopen(t, s)
	wantOverrides(t, s, added, taken)
	src.put(record(1, 1))
	checkpoint(t, s, src)
	for range 2 { // there, and not there any more
		if err := s.DropAccessOverride(added.InfoHash); err != nil {
			t.Fatal(err)
		}
	}
	wantOverrides(t, s, taken)
	closeStore(t, s)
	wantSound(t, s.path)
	if _, _, err := Compact(s.path); err != nil {
		t.Fatal(err)
	}
	if info, err := Inspect(s.path, 0); err != nil || info.Overrides != 1 {
		t.Errorf("%+v, %v", info, err)
	}
	wantOverrides(t, openStore(t, s.path), taken)
}

// TestAccessOverrideDuringACheckpoint: it waits for a transaction at most.
func TestAccessOverrideDuringACheckpoint(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	for i := range 1000 {
		src.put(record(i, 1))
	}
	taken := 0
	src.onTake = func() {
		taken++
		if err := s.SetAccessOverride(AccessOverride{InfoHash: testHash(1, taken)}); err != nil {
			t.Error(err)
		}
	}
	s.limits.batch = 100
	checkpoint(t, s, src)
	if all, err := s.AccessOverrides(); err != nil || len(all) != taken || taken < 10 {
		t.Errorf("%d overrides, %v", len(all), err)
	}
	s, _ = reopen(t, s)
	wantRecords(t, loadAll(t, s), src.all())
}

// TestAccessOverrideThatFails: nothing has changed, and what comes next does not
// build on what may not be on disk.
func TestAccessOverrideThatFails(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	update := s.update
	failAfter(s, 0, false)
	o := AccessOverride{testHash(1, 1), true, time.Unix(1, 0).UTC()}
	if err := s.SetAccessOverride(o); !errors.Is(err, errDisk) || !strings.Contains(err.Error(), s.path) {
		t.Errorf("error %v, want the disk's with the path", err)
	}
	if !s.unsettled {
		t.Error("settled after a transaction failed")
	}
	s.update = update
	wantOverrides(t, s)
	src.put(record(1, 1))
	checkpoint(t, s, src)
	if err := s.SetAccessOverride(o); err != nil || s.unsettled {
		t.Errorf("%v, unsettled %v", err, s.unsettled)
	}
	wantOverrides(t, s, o)
}

// TestOverrideGolden holds the layout that docs/format.md describes.
func TestOverrideGolden(t *testing.T) {
	o := AccessOverride{testHash(1, 2), true, time.Unix(0x65000000, 0).UTC()}
	v := encodeOverride(o)
	if want := fromHex(t, "010000000065000000"); !bytes.Equal(v, want) {
		t.Errorf("encoded %x, want %x", v, want)
	}
	if got := decodeOverride(o.InfoHash[:], v); got != o {
		t.Errorf("decoded %+v, want %+v", got, o)
	}
}

func TestDamagedAccessAndFloors(t *testing.T) {
	path := testPath(t)
	closeStore(t, openStore(t, path))
	edit(t, path, func(tx *bbolt.Tx) error {
		h := testHash(1, 1)
		access, seen := tx.Bucket(bucketAccess), tx.Bucket(bucketSeen)
		return errors.Join(access.Put(h[:], []byte{2, 0, 0, 0, 0, 0, 0, 0, 0}), access.Put([]byte("ab"), make([]byte, overrideSize)),
			seen.Put([]byte("node"), make([]byte, 8)), seen.Put([]byte("xy"), make([]byte, 8)), seen.Put([]byte("last"), nil))
	})
	findings, err := Verify(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"bucket access, key " + testHash(1, 1).String() + ": no override",
		"bucket access, key 6162: no override",
		"bucket livesync_seen, key 6c617374: no instance's replay floor",
		"bucket livesync_seen, key 7879: no instance's replay floor",
	}
	var got []string
	for _, f := range findings {
		got = append(got, f.Error())
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
	if _, err := openStore(t, path).AccessOverrides(); !errors.Is(err, ErrDamaged) {
		t.Errorf("error %v, want ErrDamaged", err)
	}
}

func FuzzOverride(f *testing.F) {
	h := testHash(1, 2)
	f.Add(h[:], encodeOverride(AccessOverride{Listed: true, Since: time.Unix(1, 0)}))
	f.Add([]byte{}, []byte{1})
	f.Fuzz(func(t *testing.T, k, v []byte) {
		if checkOverride(k, v) != nil {
			return
		}
		o := decodeOverride(k, v)
		if again := encodeOverride(o); !bytes.Equal(o.InfoHash[:], k) || !bytes.Equal(again, v) {
			t.Errorf("%x %x becomes %x %x", k, v, o.InfoHash, again)
		}
	})
}
