package store

import (
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// chunksOf returns the index of the file.
func chunksOf(t testing.TB, s *Store) (x chunkIndex) {
	t.Helper()
	err := s.db.View(func(tx *bbolt.Tx) (err error) {
		x, err = recordTable.in(tx).readIndex()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// wantEven fails the test unless all chunks but one have from 1,500 to 4,096
// records.
func wantEven(t *testing.T, x chunkIndex) {
	t.Helper()
	small := 0
	for _, c := range x {
		if c.elements < normal.target/2 {
			small++
		}
		if c.elements > maxChunk {
			t.Errorf("chunk %s has %d records", c.low, c.elements)
		}
	}
	if small > 1 {
		t.Errorf("%d of %d chunks are small", small, len(x))
	}
}

// TestChunksFollowTheTorrents: wherever the info hashes are, chunks are of one
// length, and grow and shrink with what they cover.
func TestChunksFollowTheTorrents(t *testing.T) {
	at := func(i int) tracker.InfoHash { return testHash(7, i) } // all near to each other
	s, src := openLoaded(t, testPath(t))
	wantCut := func(least, most int) {
		t.Helper()
		x := chunksOf(t, s)
		wantEven(t, x)
		if len(x) < least || len(x) > most {
			t.Errorf("%d chunks, want %d to %d", len(x), least, most)
		}
	}
	for i := range 60_000 {
		src.put(tracker.Record{InfoHash: at(2 * i), LastAnnounce: 1})
	}
	checkpoint(t, s, src)
	wantCut(18, 22)
	for i := range 20_000 { // all of them in a part of the base
		src.put(tracker.Record{InfoHash: at(20_001 + 2*i), LastAnnounce: 2})
	}
	for round := range uint32(3) { // which comes round in that
		for i := range 30_000 {
			src.put(tracker.Record{InfoHash: at(4 * i), LastAnnounce: 3 + round})
		}
		checkpoint(t, s, src)
	}
	wantCut(24, 29)
	for i := range 60_000 {
		if i%20 != 0 {
			src.remove(at(2 * i))
		}
	}
	for round := range uint32(3) {
		checkpoint(t, s, src)
		for i := range 20_000 {
			src.put(tracker.Record{InfoHash: at(20_001 + 2*i), LastAnnounce: 9 + round})
		}
	}
	checkpoint(t, s, src)
	wantCut(7, 9)
	s, _ = reopen(t, s)
	wantRecords(t, loadAll(t, s), src.all())
}

// TestManyChangesOfOneChunk: a chunk that the journal has very much for is not
// rewritten at once, which would take memory for all of it.
func TestManyChangesOfOneChunk(t *testing.T) {
	const few, many = 40, 2000
	s, src := openLoaded(t, testPath(t))
	s.limits = limits{batch: 50, entries: 1024, cutting: cutting{target: 10, most: 15}}
	for i := range few {
		src.put(tracker.Record{InfoHash: testHash(i, i), LastAnnounce: 1})
	}
	checkpoint(t, s, src)
	var pieces [][]byte
	for i := range many {
		pieces = append(pieces, appendRecord(nil, tracker.Record{InfoHash: testHash(few-1, 1000+i), LastAnnounce: 2}))
	}
	// A journal as if nothing had been rewritten for long.
	err := s.db.Update(func(tx *bbolt.Tx) error {
		records := recordTable.in(tx)
		for part := range slices.Chunk(pieces, 100) {
			sequence, err := records.journal.NextSequence()
			if err != nil {
				return err
			}
			if err := records.putChanges(sequence, recordTable.appendJournal(nil, slices.Concat(part...), nil)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	path := s.path
	closeStore(t, s)
	s, src = openLoaded(t, path)
	s.limits = limits{batch: 50, entries: 1024, cutting: cutting{target: 10, most: 15}}
	for round := range uint32(60) {
		for i := range 30 {
			src.put(tracker.Record{InfoHash: testHash(i, i), LastAnnounce: 3 + round})
		}
		checkpoint(t, s, src)
		wantRecords(t, walked(t, s), src.all())
		rewritten, sequence := 0, sequenceOf(t, s)
		for _, c := range chunksOf(t, s) {
			if c.sequence == sequence {
				rewritten += c.elements
			}
		}
		if limit := rewriteFactor*30 + 15; rewritten == 0 || rewritten > limit {
			t.Fatalf("%d records rewritten for 30 changes, want at most %d", rewritten, limit)
		}
	}
	if x := chunksOf(t, s); len(x) < (few+many)/20 {
		t.Errorf("%d chunks", len(x))
	}
}

// walked returns what is in the file of an open store.
func walked(t *testing.T, s *Store) map[tracker.InfoHash]tracker.Record {
	t.Helper()
	all := map[tracker.InfoHash]tracker.Record{}
	err := s.db.View(func(tx *bbolt.Tx) error {
		_, _, err := walk(tx, func(r tracker.Record) { all[r.InfoHash] = r })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestCheckpointRefusesDamage: what can no longer be read right is not written
// again under a new checksum. The error names it, nothing is written, and nothing
// of the changes is lost.
func TestCheckpointRefusesDamage(t *testing.T) {
	entry := []byte{0, 0, 0, 0, 0, 0, 0, 3}
	for _, c := range []struct {
		name   string
		damage func(chunks, journal *bbolt.Bucket) error
		want   string
	}{
		{"chunk", func(chunks, _ *bbolt.Bucket) error {
			for i := range 250 {
				if err := corrupt(nth(chunks, i), recordTable.value, chunkHeader+hashSize); err != nil {
					return err
				}
			}
			return nil
		}, "bucket chunks, key "},
		{"journal record", func(_, journal *bbolt.Bucket) error {
			return corrupt(journal.Bucket(entry), keyChanges, journalHeader+5)
		}, "bucket journal, key 0000000000000003: the checksum does not match"},
		{"journal's length", func(_, journal *bbolt.Bucket) error {
			return corrupt(journal.Bucket(entry), keyChanges, 7)
		}, "bucket journal, key 0000000000000003: the value has an impossible length"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := damagedStore(t, func(_, _ *bbolt.Bucket) error { return nil })
			src := newFakeSource()
			for _, r := range loadAll(t, s) {
				src.load(r)
			}
			err := s.db.Update(func(tx *bbolt.Tx) error {
				return c.damage(recordTable.in(tx).base, recordTable.in(tx).journal)
			})
			if err != nil {
				t.Fatal(err)
			}
			before := sequenceOf(t, s)
			for i := range 20 {
				src.put(record(i, 9))
			}
			if res, err := s.Checkpoint(src, Along{}); err == nil || !strings.Contains(err.Error(), c.want) || res.Records != 0 {
				t.Errorf("%+v, error %v, want %q", res, err, c.want)
			}
			if got := sequenceOf(t, s); got != before {
				t.Errorf("sequence %d, it was %d", got, before)
			}
			if n := len(src.TakeChanges(nil, 1000)); n != 20 {
				t.Errorf("%d changes are left, want all 20", n)
			}
		})
	}
}

// TestJournalStaysShort: checkpoints of few changes rewrite a share of the base, so
// that the journal does not get more and more entries.
func TestJournalStaysShort(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	s.limits.entries, s.limits.cutting = 50, cutting{target: 10, most: 15}
	for i := range 3000 {
		src.put(record(i, 1))
	}
	checkpoint(t, s, src)
	for round := range uint32(200) {
		checkpoint(t, s, &lastChanged{src, record(int(round)*7, 2+round)})
	}
	if n := journalEntries(t, s); n > 60 {
		t.Errorf("%d entries", n)
	}
}

// lastChanged is a source of which one torrent has changed, for speed.
type lastChanged struct {
	*fakeSource
	record tracker.Record
}

func (l *lastChanged) TakeChanges(dst []tracker.Change, _ int) []tracker.Change {
	return append(dst, tracker.Change{Record: l.record})
}
