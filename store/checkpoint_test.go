package store

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// errDisk is the failure of a transaction in tests.
var errDisk = errors.New("no space left on device")

// record returns a record somewhere, another one for each i.
func record(i int, version uint32) tracker.Record {
	return tracker.Record{InfoHash: testHash(i%256, i), LastAnnounce: version, Downloaded: uint64(i)}
}

// checkpoint runs one that must succeed.
func checkpoint(t *testing.T, s *Store, src Source) Result {
	t.Helper()
	return checkpointWith(t, s, src, nil)
}

func checkpointWith(t *testing.T, s *Store, src Source, floors func() ReplayFloors) Result {
	t.Helper()
	res, err := s.Checkpoint(src, Along{Floors: floors})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// journalEntries returns the length of the journal.
func journalEntries(t testing.TB, s *Store) (n int) {
	t.Helper()
	err := s.db.View(func(tx *bbolt.Tx) error {
		return recordTable.in(tx).journal.ForEachBucket(func([]byte) error {
			n++
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// sequenceOf returns the sequence of the newest journal entry ever written.
func sequenceOf(t testing.TB, s *Store) (n uint64) {
	t.Helper()
	err := s.db.View(func(tx *bbolt.Tx) error {
		n = recordTable.in(tx).journal.Sequence()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// reopen closes the store and opens the file again.
func reopen(t *testing.T, s *Store) (*Store, *fakeSource) {
	t.Helper()
	path := s.path
	closeStore(t, s)
	return openLoaded(t, path)
}

// transactions counts the store's transactions from now on.
func transactions(s *Store) *int {
	n := new(int)
	update := s.update
	s.update = func(fn func(*bbolt.Tx) error) error {
		*n++
		return update(fn)
	}
	return n
}

func TestCheckpointIsLoaded(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	for i := range 1000 {
		src.put(record(i, 1))
	}
	if res := checkpoint(t, s, src); res.Records != 1000 || res.Removed != 0 || res.Bytes < 1000*recordSize {
		t.Errorf("result %+v, want 1000 records and their bytes", res)
	}
	for i := range 1000 {
		switch {
		case i%10 == 0:
			src.remove(record(i, 0).InfoHash)
		case i%3 == 0:
			src.put(record(i, 2))
		}
	}
	if res := checkpoint(t, s, src); res.Records != 300 || res.Removed != 100 {
		t.Errorf("result %+v, want 300 records and 100 removed", res)
	}
	s, _ = reopen(t, s)
	wantRecords(t, loadAll(t, s), src.all())
}

func TestCheckpointWithoutChanges(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	src.put(record(1, 1))
	checkpoint(t, s, src)
	n := transactions(s)
	if res := checkpoint(t, s, src); *n != 0 || res != (Result{}) {
		t.Errorf("%d transactions for nothing, result %+v", *n, res)
	}
}

func TestSmallCheckpointIsOneTransaction(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	n := transactions(s)
	for i := range 10 {
		src.put(record(i*25, 1))
	}
	checkpoint(t, s, src)
	if *n != 1 {
		t.Errorf("%d transactions, want 1", *n)
	}
}

func TestRemovedTorrentCanComeBack(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	for _, change := range []func(){
		func() { src.put(record(1, 1)) },
		func() { src.remove(record(1, 0).InfoHash) },
		func() { src.put(record(1, 3)) },
	} {
		change()
		checkpoint(t, s, src)
		wantRecords(t, loadAll(t, s), src.all())
	}
}

// forgetful is a source that names every changed torrent twice.
type forgetful struct{ *fakeSource }

func (f forgetful) TakeChanges(dst []tracker.Change, limit int) []tracker.Change {
	return slices.Repeat(f.fakeSource.TakeChanges(dst, limit/2), 2)
}

func TestTorrentTakenTwice(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	for i := range 1000 {
		src.put(record(i, 1))
	}
	checkpoint(t, s, src)
	src.remove(record(1, 0).InfoHash)
	src.remove(record(900, 0).InfoHash)
	src.put(record(2, 2))
	if res := checkpoint(t, s, forgetful{src}); res.Removed != 2 || res.Records != 1 {
		t.Errorf("%+v, want 2 removed and 1 changed", res)
	}
	s, _ = reopen(t, s)
	wantRecords(t, loadAll(t, s), src.all())
}

func TestCheckpointBeforeLoad(t *testing.T) {
	path := testPath(t)
	s, src := openLoaded(t, path)
	for i := range 300 {
		src.put(record(i, 1))
	}
	checkpoint(t, s, src)
	closeStore(t, s)

	s = openStore(t, path)
	empty := newFakeSource()
	empty.put(record(1, 2))
	if _, err := s.Checkpoint(empty, Along{}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one that names the file", err)
	}
	wantRecords(t, loadAll(t, s), src.all())
}

// After a failure part-way everything not written is changed once more, and
// what was written is not.
func TestFailedCheckpoint(t *testing.T) {
	tests := []struct {
		name      string
		succeed   int  // transactions before the failing one
		committed bool // the failing one takes effect nevertheless
	}{
		{"first transaction", 0, false},
		{"later transaction", 3, false},
		{"first transaction, after it took effect", 0, true},
		{"later transaction, after it took effect", 3, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, src := openLoaded(t, testPath(t))
			s.limits.batch = 100
			for i := range 1000 {
				src.put(record(i, 1))
			}
			checkpoint(t, s, src)
			for i := range 1000 {
				if i%10 == 0 {
					src.remove(record(i, 0).InfoHash)
				} else {
					src.put(record(i, 2))
				}
			}
			update := s.update
			failAfter(s, test.succeed, test.committed)
			first, err := s.Checkpoint(src, Along{})
			if !errors.Is(err, errDisk) || !strings.Contains(err.Error(), s.path) {
				t.Fatalf("error %v, want the disk's and the path", err)
			}
			if done := first.Records + first.Removed; done < 100*test.succeed || done > 110*test.succeed {
				t.Errorf("%d changes written in %d transactions of 100", done, test.succeed)
			}
			s.update = update
			second := checkpoint(t, s, src)
			if n := first.Records + second.Records; n != 900 {
				t.Errorf("%d records written altogether, want 900", n)
			}
			if n := first.Removed + second.Removed; n != 100 {
				t.Errorf("%d removals written altogether, want 100", n)
			}
			s, _ = reopen(t, s)
			wantRecords(t, loadAll(t, s), src.all())
		})
	}
}

// failAfter makes all transactions after the first n fail; if committed is set,
// with an error that comes too late to undo them.
func failAfter(s *Store, n int, committed bool) {
	update := s.update
	s.update = func(fn func(*bbolt.Tx) error) error {
		if n--; n >= 0 {
			return update(fn)
		}
		if committed {
			return errors.Join(update(fn), errDisk)
		}
		return update(func(tx *bbolt.Tx) error { return errors.Join(fn(tx), errDisk) })
	}
}

func TestCheckpointOnAFullDisk(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	src.put(record(1, 1))
	checkpoint(t, s, src)
	for i := range 10000 {
		src.put(record(i, 2))
	}
	s.db.MaxSize = 1 // no growth
	if res, err := s.Checkpoint(src, Along{}); err == nil {
		t.Fatalf("no error, result %+v", res)
	}
	s.db.MaxSize = 0
	if res := checkpoint(t, s, src); res.Records != 10000 {
		t.Errorf("%d records written, want all 10000", res.Records)
	}
	s, _ = reopen(t, s)
	wantRecords(t, loadAll(t, s), src.all())
}

// A torrent that changes while it is being written comes with the next
// checkpoint.
func TestChangesDuringACheckpoint(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	for i := range 1000 {
		src.put(record(i, 1))
	}
	checkpoint(t, s, src)
	for i := range 10 {
		src.put(record(i, 2))
	}
	changed := 0
	src.onExpired = func() {
		if changed < 500 {
			src.put(record(changed, 3))
			changed++
		}
	}
	if res := checkpoint(t, s, src); res.Records != 10 || changed != 500 {
		t.Fatalf("%d records written, %d changed meanwhile", res.Records, changed)
	}
	src.onExpired = nil
	if res := checkpoint(t, s, src); res.Records != changed {
		t.Errorf("%d records written, want the %d that changed", res.Records, changed)
	}
	s, _ = reopen(t, s)
	wantRecords(t, loadAll(t, s), src.all())
}

// The promises on which the layout was chosen: what a changed record costs to
// write, bookkeeping included, and how long the journal gets, restarts or not.
func TestWritingCostAndJournalLength(t *testing.T) {
	const torrents, share, rounds = 200_000, 20, 40
	s, src := openLoaded(t, testPath(t))
	for i := range torrents {
		src.put(record(i, 1))
	}
	checkpoint(t, s, src)
	var written Result
	for round := range rounds {
		if round%20 == 10 {
			s, src = reopen(t, s)
		}
		for i := range torrents / share {
			src.put(record((i*share*7+round)%torrents, uint32(round+2)))
		}
		res := checkpoint(t, s, src)
		written.Records += res.Records
		written.Bytes += res.Bytes
		// The first rounds also pay for filling the base.
		if limit := share/rewriteFactor + 2; round > limit && journalEntries(t, s) > limit {
			t.Fatalf("round %d: the journal has %d entries of 1/%d of the torrents each, want at most %d", round, journalEntries(t, s), share, limit)
		}
	}
	perRecord := float64(written.Bytes) / float64(written.Records)
	t.Logf("%.1f bytes written per changed record", perRecord)
	if perRecord > 4*recordSize {
		t.Errorf("%.1f bytes written per changed record, want at most %d", perRecord, 4*recordSize)
	}
	s, _ = reopen(t, s)
	wantRecords(t, loadAll(t, s), src.all())
}

// TestFileGoneWhileOpen: checkpoints go on and say that nothing will be left of
// them.
func TestFileGoneWhileOpen(t *testing.T) {
	other, _ := filledFile(t)
	for name, take := range map[string]func(path string) error{
		"deleted":  os.Remove,
		"replaced": func(path string) error { return os.Rename(other, path) },
		"moved":    func(path string) error { return os.Rename(path, path+".old") },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "test.db")
			s, src := openLoaded(t, path)
			if err := take(path); err != nil {
				t.Fatal(err)
			}
			for i := range 2 {
				src.put(record(i, 1))
				res, err := s.Checkpoint(src, Along{})
				if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "was replaced or deleted while it was open") {
					t.Errorf("error %v, want one that names the file", err)
				}
				if res.Records != 1 {
					t.Errorf("%d records written, want 1", res.Records)
				}
			}
			wantRecords(t, loadAll(t, s), src.all())
		})
	}
	path := testPath(t)
	s, src := openLoaded(t, path)
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Checkpoint(src, Along{}); err == nil {
		t.Error("not noticed without changes")
	}
	if err := os.Rename(path+".old", path); err != nil {
		t.Fatal(err)
	}
	checkpoint(t, s, src)
}
