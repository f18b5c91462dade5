package store

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// TestVerifyFindings: each damage is found, and named by where it is.
func TestVerifyFindings(t *testing.T) {
	last := []byte{0, 0, 0, 0, 0, 0, 0, 3}
	for _, c := range []struct {
		name   string
		damage func(chunks, journal *bbolt.Bucket) error
		want   []string
	}{
		{"none", func(_, _ *bbolt.Bucket) error { return nil }, nil},
		{"several", func(chunks, journal *bbolt.Bucket) error {
			return errors.Join(
				corrupt(nth(chunks, 1), recordTable.value, chunkHeader),
				corrupt(nth(chunks, 9), recordTable.value, chunkHeader),
				corrupt(journal.Bucket(last), keyChanges, journalHeader))
		}, []string{
			key1 + ": the checksum does not match",
			"bucket chunks, key 0900000009000000000000000000000000000000: the checksum does not match",
			"bucket journal, key 0000000000000003: the checksum does not match",
		}},
		{"wrong chunk", func(chunks, _ *bbolt.Bucket) error {
			return nth(chunks, 1).Put(recordTable.value, appendChunk(nil, 2, encoded(tracker.Record{InfoHash: tracker.InfoHash{0, 2}})))
		}, []string{key1 + ": an element belongs to another chunk"}},
		{"out of order", func(chunks, _ *bbolt.Bucket) error {
			return nth(chunks, 1).Put(recordTable.value, appendChunk(nil, 2, encoded(
				tracker.Record{InfoHash: tracker.InfoHash{1, 2}}, tracker.Record{InfoHash: tracker.InfoHash{1, 1}})))
		}, []string{key1 + ": the elements are out of order"}},
		{"base ahead", func(chunks, _ *bbolt.Bucket) error {
			return nth(chunks, 1).Put(recordTable.value, appendChunk(nil, 4, nil))
		}, []string{key1 + ": sequence 0000000000000004, the journal's is 0000000000000003"}},
		{"no value", func(chunks, _ *bbolt.Bucket) error { return nth(chunks, 1).Delete(recordTable.value) },
			[]string{key1 + ": the value has an impossible length"}},
		{"first chunk lost", func(chunks, _ *bbolt.Bucket) error { return chunks.DeleteBucket(make([]byte, hashSize)) },
			[]string{"bucket chunks: the first chunk does not cover the lowest key"}},
		{"stray keys", func(chunks, journal *bbolt.Bucket) error {
			return errors.Join(chunks.Put([]byte("xy"), nil), journal.Put([]byte("z"), nil))
		}, []string{"bucket chunks, key 7879: not a chunk", "bucket journal, key 7a: not a journal entry"}},
		{"entry lost", func(_, journal *bbolt.Bucket) error {
			k, _ := journal.Cursor().First()
			return journal.DeleteBucket(k)
		}, []string{"bucket journal, key 0000000000000003: expected entry 0000000000000002"}},
		{"last entry lost", func(_, journal *bbolt.Bucket) error { return journal.DeleteBucket(last) },
			[]string{"bucket journal: ends at entry 0000000000000002, expected 0000000000000003"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := damagedStore(t, c.damage)
			closeStore(t, s)
			before := read(t, s.path)
			findings, err := Verify(s.path)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range findings {
				got = append(got, f.Error())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
			if !slices.Equal(before, read(t, s.path)) {
				t.Error("the file has changed")
			}
		})
	}
}

func TestVerifyCannotLook(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "test.db")
	if _, err := Verify(path); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("no file: %v", err)
	}
	if _, err := Verify(dir); err == nil {
		t.Error("a directory verifies")
	}
	write(t, path, nil)
	if _, err := Verify(path); !errors.Is(err, ErrEmpty) {
		t.Errorf("empty file: %v", err)
	}
	s := openStore(t, path)
	if _, err := Verify(path); !errors.Is(err, ErrInUse) {
		t.Errorf("open file: %v", err)
	}
	closeStore(t, s)
	writeMeta(t, path, []byte{0, 0, 0, 99})
	if _, err := Verify(path); !errors.Is(err, ErrNewer) {
		t.Errorf("newer file: %v", err)
	}
	edit(t, path, func(tx *bbolt.Tx) error { return tx.DeleteBucket(bucketMeta) })
	if _, err := Verify(path); err == nil || !strings.Contains(err.Error(), "not a keeptrack database") {
		t.Errorf("foreign file: %v", err)
	}
}

func TestVerifyMeta(t *testing.T) {
	for name, key := range map[string][]byte{"secret": keySecret, "created": keyCreated} {
		t.Run(name, func(t *testing.T) {
			path := testPath(t)
			closeStore(t, openStore(t, path))
			edit(t, path, func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Put(key, []byte{1}) })
			findings, err := Verify(path)
			if err != nil || len(findings) != 1 || !strings.Contains(findings[0].Error(), string(key)) {
				t.Errorf("found %v, %v", findings, err)
			}
		})
	}
}

// TestFileCutShortWhileOpen: what can no longer be read is an error, not the
// end of the process.
func TestFileCutShortWhileOpen(t *testing.T) {
	path, _ := filledFile(t)
	s := openStore(t, path)
	if err := os.Truncate(path, 2*int64(os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(func(tracker.Record) {}); !errors.Is(err, ErrDamaged) {
		t.Errorf("error %v, want ErrDamaged", err)
	}
}

// TestVerifyParts: each damage to the parts and the origins is found by Verify, and by
// whoever loads them, and named by where it is.
func TestVerifyParts(t *testing.T) {
	second := func(tx *bbolt.Tx) *bbolt.Bucket { return nth(partTable.in(tx).base, 1) }
	entry := func(tx *bbolt.Tx) *bbolt.Bucket { return nth(partTable.in(tx).journal, 0) }
	origin := testOrigin(1)
	for _, c := range []struct {
		name   string
		damage func(tx *bbolt.Tx) error
		want   string
	}{
		{"value of a part", func(tx *bbolt.Tx) error { return corrupt(second(tx), partTable.value, chunkHeader+partSize-1) }, "bucket part_chunks, key "},
		{"a chunk's sequence", func(tx *bbolt.Tx) error { return corrupt(second(tx), partTable.value, chunkHeader-1) }, "bucket part_chunks, key "},
		{"journal entry", func(tx *bbolt.Tx) error { return corrupt(entry(tx), keyChanges, journalHeader+partKeySize-1) }, "bucket part_journal, key 0000000000000002: the checksum does not match"},
		{"journal's end", func(tx *bbolt.Tx) error { return partTable.in(tx).journal.SetSequence(9) }, "bucket part_journal: ends at entry 0000000000000002, expected 0000000000000009"},
		{"first chunk", func(tx *bbolt.Tx) error { return partTable.in(tx).base.DeleteBucket(partTable.lowest()) }, "bucket part_chunks: the first chunk does not cover the lowest key"},
		{"kind of an origin", func(tx *bbolt.Tx) error { return corrupt(tx.Bucket(bucketOrigins), origin[:], 0) }, "bucket origins, key 0100000000000001: not an origin"},
		{"name of an origin", func(tx *bbolt.Tx) error { return tx.Bucket(bucketOrigins).Put(make([]byte, 8), make([]byte, 9)) }, "bucket origins, key 0000000000000000: not an origin"},
		{"two present ones", func(tx *bbolt.Tx) error {
			return tx.Bucket(bucketOrigins).Put([]byte{7: 9}, []byte{originPresent, 8: 0})
		}, "bucket origins, key 0100000000000001: a second present origin"},
		{"length of alone", func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Put(keyAlone, []byte{1}) }, "bucket meta, key alone"},
		{"length of the secret's end", func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Put(keyRetired, []byte{1}) }, "bucket meta, key connection_secret_retired"},
		{"no origins", func(tx *bbolt.Tx) error { return tx.DeleteBucket(bucketOrigins) }, "bucket origins is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := fileWithParts(t)
			edit(t, path, c.damage)
			findings, err := Verify(path)
			if err != nil || len(findings) != 1 || !strings.Contains(findings[0].Error(), c.want) {
				t.Errorf("found %v, %v, want %q", findings, err, c.want)
			}
			if _, err := Export(path, io.Discard); !errors.Is(err, ErrDamaged) {
				t.Errorf("exported, %v", err)
			}
			if _, err := Inspect(path, 1); !errors.Is(err, ErrDamaged) {
				t.Errorf("inspected, %v", err)
			}
			s, err := Open(path, zerolog.Nop())
			if err == nil {
				defer closeStore(t, s)
				if _, err = s.Load(func(tracker.Record) {}); err == nil {
					err = s.LoadParts(func(tracker.TorrentPart) {})
				}
			}
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("loaded, %v", err)
			}
		})
	}
}
