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
		damage func(chunks, journal *bbolt.Bucket) error
		say    string
	}{
		{"record", func(chunks, _ *bbolt.Bucket) error {
			return corrupt(nth(chunks, 1), recordTable.value, chunkHeader+hashSize)
		}, key1 + ": the checksum"},
		{"sequence", func(chunks, _ *bbolt.Bucket) error {
			return corrupt(nth(chunks, 1), recordTable.value, chunkHeader-1)
		}, key1 + ": the checksum"},
		{"chunk's header cut short", func(chunks, _ *bbolt.Bucket) error {
			return nth(chunks, 1).Put(recordTable.value, make([]byte, chunkHeader-1))
		}, key1 + ": the value has an impossible length"},
		{"chunk's value lost", func(chunks, _ *bbolt.Bucket) error {
			return nth(chunks, 1).Delete(recordTable.value)
		}, key1 + ": the value has an impossible length"},
		{"first chunk lost", func(chunks, _ *bbolt.Bucket) error {
			return chunks.DeleteBucket(make([]byte, hashSize))
		}, "bucket chunks: the first chunk does not cover the lowest key"},
		{"records of another chunk", func(chunks, _ *bbolt.Bucket) error {
			return nth(chunks, 1).Put(recordTable.value, []byte(string(nth(chunks, 2).Get(recordTable.value))))
		}, key1 + ": an element belongs to another chunk"},
		{"chunk of the future", func(chunks, _ *bbolt.Bucket) error {
			return nth(chunks, 1).Put(recordTable.value, appendChunk(nil, 4, nil))
		}, key1 + ": sequence 0000000000000004, the journal's is 0000000000000003"},
		{"stray key among the chunks", func(chunks, _ *bbolt.Bucket) error {
			return chunks.Put([]byte("xy"), nil)
		}, "bucket chunks, key 7879: not a chunk"},
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
			if _, err := s.Checkpoint(newFakeSource(), Along{}); err == nil {
				t.Error("a file that did not load can be written")
			}
		})
	}
}

// key1 is how errors name the second chunk of damagedStore's file.
const key1 = "bucket chunks, key 0100000001000000000000000000000000000000"

// nth returns a chunk's bucket.
func nth(chunks *bbolt.Bucket, n int) *bbolt.Bucket {
	c := chunks.Cursor()
	k, _ := c.First()
	for range n {
		k, _ = c.Next()
	}
	return chunks.Bucket(k)
}

// damagedStore opens a file with a whole base of many chunks and two journal
// entries, 2 and 3, after damage has been done to it.
func damagedStore(t *testing.T, damage func(chunks, journal *bbolt.Bucket) error) *Store {
	t.Helper()
	path := testPath(t)
	s, src := openLoaded(t, path)
	s.limits.cutting = cutting{target: 4, most: 5}
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
		return damage(recordTable.in(tx).base, recordTable.in(tx).journal)
	})
	return openStore(t, path)
}

// corrupt changes one bit of byte i of a value.
func corrupt(b *bbolt.Bucket, key []byte, i int) error {
	return b.Put(key, flip([]byte(string(b.Get(key))), i))
}
