package store

import (
	"errors"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// Whatever is wrong with a value keeps the daemon from starting, and is said to
// be where it is.
func TestLoadRefusesDamage(t *testing.T) {
	last := []byte{0, 0, 0, 0, 0, 0, 0, 3}
	tests := []struct {
		name   string
		damage func(base, journal *bbolt.Bucket) error
		say    string
	}{
		{"base record", func(base, _ *bbolt.Bucket) error {
			return corrupt(base.Bucket([]byte{1}), keyState, baseHeader+hashSize)
		}, "bucket base, key 01: the checksum"},
		{"base sequence", func(base, _ *bbolt.Bucket) error {
			return corrupt(base.Bucket([]byte{1}), keyState, baseHeader-1)
		}, "bucket base, key 01: the checksum"},
		{"base header cut short", func(base, _ *bbolt.Bucket) error {
			return base.Bucket([]byte{1}).Put(keyState, make([]byte, baseHeader-1))
		}, "bucket base, key 01: the value has an impossible length"},
		{"base value lost", func(base, _ *bbolt.Bucket) error {
			return base.Bucket([]byte{1}).Delete(keyState)
		}, "bucket base, key 01: the value has an impossible length"},
		{"base shard lost", func(base, _ *bbolt.Bucket) error {
			return base.DeleteBucket([]byte{1})
		}, "bucket journal"},
		{"journal record", func(_, journal *bbolt.Bucket) error {
			return corrupt(journal.Bucket(last), keyChanges, journalHeader)
		}, "bucket journal, key 0000000000000003: the checksum"},
		{"journal value lost", func(_, journal *bbolt.Bucket) error {
			return journal.Bucket(last).Delete(keyChanges)
		}, "bucket journal, key 0000000000000003: the value has an impossible length"},
		{"first journal entry lost", func(_, journal *bbolt.Bucket) error {
			k, _ := journal.Cursor().First()
			return journal.DeleteBucket(k)
		}, "bucket journal, key 0000000000000003: expected entry 0000000000000002"},
		{"last journal entry lost", func(_, journal *bbolt.Bucket) error {
			return journal.DeleteBucket(last)
		}, "bucket journal: ends at entry 0000000000000002, expected 0000000000000003"},
		{"stray key in the journal", func(_, journal *bbolt.Bucket) error {
			return journal.Put([]byte("x"), nil)
		}, "bucket journal, key 78"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := damagedStore(t, test.damage)
			_, err := s.Load(func(tracker.Record) {})
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), s.path) || !strings.Contains(err.Error(), test.say) {
				t.Errorf("error %v, want ErrDamaged with the path and %q", err, test.say)
			}
			if _, err := s.Checkpoint(newFakeSource()); err == nil {
				t.Error("a file that did not load can be written")
			}
		})
	}
}

// damagedStore opens a file with a whole base and two journal entries, 2 and 3,
// after damage has been done to it.
func damagedStore(t *testing.T, damage func(base, journal *bbolt.Bucket) error) *Store {
	t.Helper()
	path := testPath(t)
	s, src := openLoaded(t, path)
	for version := range uint32(3) {
		for i := range 1000 {
			if version == 0 || i < 10 {
				src.put(record(i, version))
			}
		}
		checkpoint(t, s, src)
	}
	closeStore(t, s)
	edit(t, path, func(tx *bbolt.Tx) error {
		return damage(tx.Bucket(bucketBase), tx.Bucket(bucketJournal))
	})
	return openStore(t, path)
}

// corrupt changes one bit of byte i of a value.
func corrupt(b *bbolt.Bucket, key []byte, i int) error {
	return b.Put(key, flip([]byte(string(b.Get(key))), i))
}
