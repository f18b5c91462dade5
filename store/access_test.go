package store

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
	"keeptrack/tracker/override"
)

// wantOverrides fails the test unless the store has these overrides.
func wantOverrides(t *testing.T, s *Store, want ...override.Override) {
	t.Helper()
	got, err := s.Overrides()
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("overrides %v, %v, want %v", got, err, want)
	}
}

// put writes overrides.
func put(s *Store, all ...override.Override) error { return s.SetOverrides(all, nil) }

func TestOverrides(t *testing.T) {
	s := openStore(t, testPath(t))
	label, err := s.Label()
	if err != nil || label == (override.Label{}) {
		t.Errorf("label %q, %v", label, err)
	}
	refused := override.Override{InfoHash: testHash(1, 1), Decision: override.Refuse, Origin: label, Time: 1_700_000_000_000_000_001}
	dropped := override.Override{InfoHash: testHash(5, 2), Decision: override.Dropped, Origin: override.Label{9}, Time: 1}
	served := override.Override{InfoHash: testHash(9, 2), Decision: override.Serve, Time: 1_800_000_000_000_000_000}
	old := refused
	old.Decision = override.LocalTakenOff
	if err := errors.Join(put(s, served, old), put(s, dropped, refused)); err != nil {
		t.Fatal(err)
	}
	wantOverrides(t, s, refused, dropped, served)
	s, src := reopen(t, s)
	wantOverrides(t, s, refused, dropped, served)
	src.put(record(1, 1))
	checkpoint(t, s, src)
	for range 2 { // there, and not there any more
		if err := s.SetOverrides(nil, []tracker.InfoHash{served.InfoHash}); err != nil {
			t.Fatal(err)
		}
	}
	wantOverrides(t, s, refused, dropped)
	closeStore(t, s)
	wantSound(t, s.path)
	if _, _, err := Compact(s.path); err != nil {
		t.Fatal(err)
	}
	if info, err := Inspect(s.path, 0); err != nil || info.Overrides != 1 || info.DroppedOverrides != 1 || info.Label != label {
		t.Errorf("%+v, %v", info, err)
	}
	wantOverrides(t, openStore(t, s.path), refused, dropped)
}

func TestOverridesAgreed(t *testing.T) {
	s := openStore(t, testPath(t))
	if at, err := s.OverridesAgreed(); err != nil || !at.IsZero() {
		t.Errorf("a new file: %s, %v", at, err)
	}
	want := time.Unix(1_700_000_000, 0).UTC()
	if err := s.SetOverridesAgreed(want); err != nil {
		t.Fatal(err)
	}
	s, _ = reopen(t, s)
	if at, err := s.OverridesAgreed(); err != nil || at != want {
		t.Errorf("got %s, %v, want %s", at, err, want)
	}
}

// TestOverrideDuringACheckpoint: it waits for a transaction at most.
func TestOverrideDuringACheckpoint(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	for i := range 1000 {
		src.put(record(i, 1))
	}
	taken := 0
	src.onTake = func() {
		taken++
		if err := put(s, override.Override{InfoHash: testHash(1, taken)}); err != nil {
			t.Error(err)
		}
	}
	s.limits.batch = 100
	checkpoint(t, s, src)
	if all, err := s.Overrides(); err != nil || len(all) != taken || taken < 10 {
		t.Errorf("%d overrides, %v", len(all), err)
	}
	s, _ = reopen(t, s)
	wantRecords(t, loadAll(t, s), src.all())
}

// TestOverrideThatFails: nothing has changed, and what comes next does not
// build on what may not be on disk.
func TestOverrideThatFails(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	update := s.update
	failAfter(s, 0, false)
	o := override.Override{InfoHash: testHash(1, 1), Decision: override.Refuse, Time: 1}
	if err := put(s, o); !errors.Is(err, errDisk) || !strings.Contains(err.Error(), s.path) {
		t.Errorf("error %v, want the disk's with the path", err)
	}
	if !s.unsettled {
		t.Error("settled after a transaction failed")
	}
	s.update = update
	wantOverrides(t, s)
	src.put(record(1, 1))
	checkpoint(t, s, src)
	if err := put(s, o); err != nil || s.unsettled {
		t.Errorf("%v, unsettled %v", err, s.unsettled)
	}
	wantOverrides(t, s, o)
}

// TestOverrideGolden holds the layout that docs/internals/format.md describes.
func TestOverrideGolden(t *testing.T) {
	s := openStore(t, testPath(t))
	h := testHash(1, 2)
	if err := put(s, override.Override{InfoHash: h, Decision: override.Refuse, Origin: override.Label{0xab, 0xcd, 0xef, 1}, Time: 0x1797cfe10dd20001}); err != nil {
		t.Fatal(err)
	}
	err := s.db.View(func(tx *bbolt.Tx) error {
		if got, want := tx.Bucket(bucketAccess).Get(h[:]), fromHex(t, "021797cfe10dd20001abcdef01"); !bytes.Equal(got, want) {
			t.Errorf("stored %x, want %x", got, want)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestDamagedAccessAndFloors(t *testing.T) {
	path := testPath(t)
	closeStore(t, openStore(t, path))
	edit(t, path, func(tx *bbolt.Tx) error {
		h := testHash(1, 1)
		access, seen, meta := tx.Bucket(bucketAccess), tx.Bucket(bucketSeen), tx.Bucket(bucketMeta)
		return errors.Join(access.Put(h[:], fromHex(t, "0300000000000000000000000000")[:13]), access.Put([]byte("ab"), make([]byte, 13)),
			access.Put(append(h[:19:19], 7), make([]byte, 9)), meta.Put(keyAgreed, []byte{1}),
			seen.Put([]byte("node"), make([]byte, 8)), seen.Put([]byte("xy"), make([]byte, 8)), seen.Put([]byte("last"), nil))
	})
	findings, err := Verify(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"bucket meta, key overrides_agreed: " + errLength.Error(),
		"bucket access, key " + testHash(1, 1).String() + ": not an override",
		"bucket access, key 0100000001000000000000000000000000000007: not an override",
		"bucket access, key 6162: not an override",
		"bucket livesync_seen, key 6c617374: not the replay floor of an instance",
		"bucket livesync_seen, key 7879: not the replay floor of an instance",
	}
	var got []string
	for _, f := range findings {
		got = append(got, f.Error())
	}
	slices.Sort(got[1:4])
	slices.Sort(want[1:4])
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
	edit(t, path, func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Delete(keyAgreed) })
	if _, err := openStore(t, path).Overrides(); !errors.Is(err, ErrDamaged) {
		t.Errorf("error %v, want ErrDamaged", err)
	}
}

func FuzzOverride(f *testing.F) {
	h := testHash(1, 2)
	f.Add(h[:], make([]byte, 13))
	f.Add([]byte{}, []byte{1})
	f.Fuzz(func(t *testing.T, k, v []byte) {
		o, err := decodeOverride(k, v)
		if err != nil {
			return
		}
		if again := o.Append(nil); !bytes.Equal(again[:hashSize], k) || !bytes.Equal(again[hashSize:], v) || o.Check() != nil {
			t.Errorf("%x %x becomes %x", k, v, again)
		}
	})
}
