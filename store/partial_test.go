package store

import (
	"errors"
	"testing"

	"keeptrack/tracker"
)

// TestPartialChanges: what is counted here is added to what the file has, what
// others tell is merged by the maximum, be the file's record in a chunk, in the
// journal or removed by it.
func TestPartialChanges(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	s.limits.cutting = cutting{target: 4, most: 5}
	for i := range 100 {
		src.put(tracker.Record{InfoHash: testHash(i, i), LastAnnounce: 10, Downloaded: 100})
	}
	checkpoint(t, s, src)
	src.put(tracker.Record{InfoHash: testHash(90, 90), LastAnnounce: 11, Downloaded: 200})
	src.remove(testHash(91, 91))
	checkpoint(t, s, src)
	if journalEntries(t, s) != 1 {
		t.Fatal("the journal has no changes")
	}
	for _, c := range []struct {
		name        string
		first       int // the info hash
		here, floor uint64
		minute      uint32
		want        tracker.Record
		written     int
		found       bool
	}{
		{"in a chunk", 1, 3, 0, 12, tracker.Record{LastAnnounce: 12, Downloaded: 103}, 1, true},
		{"told less", 2, 3, 102, 12, tracker.Record{LastAnnounce: 12, Downloaded: 103}, 1, true},
		{"told more", 3, 3, 999, 12, tracker.Record{LastAnnounce: 12, Downloaded: 999}, 1, true},
		{"the file is ahead in time", 4, 0, 101, 9, tracker.Record{LastAnnounce: 10, Downloaded: 101}, 1, true},
		{"nothing new", 5, 0, 7, 10, tracker.Record{LastAnnounce: 10, Downloaded: 100}, 0, true},
		{"in the journal", 90, 1, 0, 12, tracker.Record{LastAnnounce: 12, Downloaded: 201}, 1, true},
		{"removed by the journal", 91, 1, 0, 12, tracker.Record{LastAnnounce: 12, Downloaded: 1}, 1, false},
		{"not there", 200, 1, 5, 12, tracker.Record{LastAnnounce: 12, Downloaded: 5}, 1, false},
		{"up to the largest", 6, tracker.MaxDownloaded, 0, 12, tracker.Record{LastAnnounce: 12, Downloaded: tracker.MaxDownloaded}, 1, true},
	} {
		h := testHash(c.first, c.first)
		c.want.InfoHash = h
		src := newFakeSource()
		src.torrents[h] = &fakeTorrent{dirty: true, partial: true, floor: c.floor,
			record: tracker.Record{InfoHash: h, LastAnnounce: c.minute, Downloaded: c.here}}
		if res := checkpoint(t, s, src); res.Records != c.written {
			t.Errorf("%s: %+v, want %d written", c.name, res, c.written)
		}
		if in := src.settled.Partial; len(in) != 1 || in[0].Found != c.found || in[0].InfoHash != h {
			t.Errorf("%s: settled %+v", c.name, in)
		}
		if got := walked(t, s)[h]; got != c.want {
			t.Errorf("%s: %+v in the file, want %+v", c.name, got, c.want)
		}
	}
}

// TestPartialChangeThatFailsTooLate: the transaction fails after it has taken
// effect. What was counted is not counted twice by the next try.
func TestPartialChangeThatFailsTooLate(t *testing.T) {
	for _, late := range []bool{true, false} {
		s, src := openLoaded(t, testPath(t))
		h := testHash(1, 1)
		src.put(tracker.Record{InfoHash: h, LastAnnounce: 1, Downloaded: 5})
		checkpoint(t, s, src)
		src.evict(h)
		src.complete(h, 2)
		src.complete(h, 2)
		update := s.update
		failAfter(s, 0, late)
		if _, err := s.Checkpoint(src, Along{}); !errors.Is(err, errDisk) {
			t.Fatal(err)
		}
		s.update = update
		src.complete(h, 3)
		checkpoint(t, s, src)
		if got := walked(t, s)[h]; got.Downloaded != 8 || src.torrents[h].record != got {
			t.Errorf("failed late: %v: %+v in the file, %+v in memory, want 8", late, got, src.torrents[h].record)
		}
	}
}

// TestExpiredGo: records that the source lacks and does not want any more go with
// the rewriting of their chunk.
func TestExpiredGo(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	for i := range 1000 {
		src.put(record(i, 1))
	}
	checkpoint(t, s, src)
	want := src.all()
	for i := range 400 {
		h := record(i, 0).InfoHash
		src.evict(h)
		if i%2 == 0 {
			delete(want, h)
		}
	}
	src.expired = func(h tracker.InfoHash) bool { _, wanted := want[h]; return !wanted }
	for i := range 1000 - 400 { // all of the base comes round
		src.put(record(400+i, 2))
		want[record(400+i, 0).InfoHash] = record(400+i, 2)
	}
	checkpoint(t, s, src)
	wantRecords(t, walked(t, s), want)
	if src.settled.Expired != 200 {
		t.Errorf("%d expired, want 200", src.settled.Expired)
	}
}

// TestTakenTogether: of what a batch has of a torrent the latest counts, and a
// partial change adds to what is before it in the batch.
func TestTakenTogether(t *testing.T) {
	h := testHash(1, 1)
	change := func(n uint64) tracker.Change {
		return tracker.Change{Record: tracker.Record{InfoHash: h, LastAnnounce: 20, Downloaded: n}}
	}
	partial := func(n uint64) tracker.Change {
		c := change(n)
		c.Partial = true
		return c
	}
	removed := tracker.Change{Record: tracker.Record{InfoHash: h}, Removed: true}
	for _, c := range []struct {
		name  string
		taken []tracker.Change
		want  uint64 // 0: no record
	}{
		{"removed, then partial", []tracker.Change{removed, partial(2)}, 2},
		{"changed, then partial", []tracker.Change{change(7), partial(2)}, 9},
		{"changed, removed, then partial", []tracker.Change{change(7), removed, partial(2)}, 2},
		{"partial twice", []tracker.Change{partial(2), partial(3)}, 103},
		{"partial, then changed", []tracker.Change{partial(2), change(7)}, 7},
		{"partial, then removed", []tracker.Change{partial(2), removed}, 0},
		{"changed twice", []tracker.Change{change(7), change(8)}, 8},
	} {
		s, src := openLoaded(t, testPath(t))
		src.put(tracker.Record{InfoHash: h, LastAnnounce: 10, Downloaded: 100})
		checkpoint(t, s, src)
		checkpoint(t, s, &takenOnce{Source: src, changes: c.taken})
		if got := walked(t, s)[h]; got.Downloaded != c.want {
			t.Errorf("%s: %+v in the file, want %d", c.name, got, c.want)
		}
	}
}

// takenOnce is a source with the changes given.
type takenOnce struct {
	Source
	changes []tracker.Change
}

func (o *takenOnce) TakeChanges(dst []tracker.Change, _ int) []tracker.Change {
	dst = append(dst, o.changes...)
	o.changes = nil
	return dst
}
