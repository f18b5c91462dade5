package store

import (
	"maps"
	"slices"
	"testing"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// fakeSource is a tracker reduced to what the store sees of one, as naive as can
// be.
type fakeSource struct {
	torrents map[tracker.InfoHash]*fakeTorrent
	removed  map[tracker.InfoHash]bool
	parts    partsOf // what changes say of them
	fileOnly bool    // the file may have records that the source lacks
	inFlight int     // changes taken and neither settled nor restored
	settled  tracker.Settlement
	// onTake and onExpired, if set, are called before the methods do anything.
	onTake, onExpired func()
	// expired, if set, says which records go that the source lacks.
	expired func(tracker.InfoHash) bool
}

type fakeTorrent struct {
	record tracker.Record // of a partial torrent, what was counted here
	dirty  bool           // has changed since last taken
	saved  bool           // has been taken: it may be in the file

	partial bool
	floor   uint64
}

func newFakeSource() *fakeSource {
	return &fakeSource{torrents: map[tracker.InfoHash]*fakeTorrent{}, removed: map[tracker.InfoHash]bool{}}
}

// torrent returns a torrent, a new one if there is none.
func (f *fakeSource) torrent(h tracker.InfoHash) *fakeTorrent {
	t := f.torrents[h]
	if t == nil {
		t = &fakeTorrent{partial: f.fileOnly, record: tracker.Record{InfoHash: h}}
		t.saved = f.removed[h] && !t.partial
		if t.saved {
			delete(f.removed, h)
		}
		f.torrents[h] = t
	}
	return t
}

// put creates a torrent or changes it.
func (f *fakeSource) put(r tracker.Record) {
	t := f.torrent(r.InfoHash)
	t.record, t.dirty = r, true
}

// complete counts a completed download.
func (f *fakeSource) complete(h tracker.InfoHash, minute uint32) {
	t := f.torrent(h)
	t.record.LastAnnounce, t.dirty = minute, true
	t.record.Downloaded++
	if t.floor > 0 {
		t.floor++
	}
}

// tell takes in what another instance tells.
func (f *fakeSource) tell(h tracker.InfoHash, minute uint32, n uint64) {
	t := f.torrent(h)
	t.record.LastAnnounce, t.dirty = minute, true
	if t.partial {
		t.floor = max(t.floor, n)
	} else {
		t.record.Downloaded = max(t.record.Downloaded, n)
	}
}

// load puts in a torrent that comes from the file.
func (f *fakeSource) load(r tracker.Record) {
	f.torrents[r.InfoHash] = &fakeTorrent{record: r, saved: true}
}

// remove forgets a torrent, unless something is known of it that the file lacks.
func (f *fakeSource) remove(h tracker.InfoHash) (gone bool) {
	t := f.torrents[h]
	if t == nil || t.partial && t.record.Downloaded+t.floor > 0 {
		return false
	}
	if t.saved {
		f.removed[h] = true
	}
	delete(f.torrents, h)
	return true
}

// evict leaves a torrent to the file alone, if that has it.
func (f *fakeSource) evict(h tracker.InfoHash) {
	if t := f.torrents[h]; t != nil && t.saved && !t.dirty && f.inFlight == 0 {
		delete(f.torrents, h)
		f.fileOnly = true
	}
}

// all returns every record.
func (f *fakeSource) all() map[tracker.InfoHash]tracker.Record {
	all := map[tracker.InfoHash]tracker.Record{}
	for h, t := range f.torrents {
		all[h] = t.record
	}
	return all
}

func (f *fakeSource) TakeChanges(dst []tracker.Change, limit int) []tracker.Change {
	if f.onTake != nil {
		f.onTake()
	}
	end := len(dst) + limit
	for _, h := range slices.SortedFunc(maps.Keys(f.removed), compareHashes) {
		if len(dst) == end {
			return dst
		}
		dst = append(dst, tracker.Change{Record: tracker.Record{InfoHash: h}, Removed: true})
		delete(f.removed, h)
		f.inFlight++
	}
	for _, h := range slices.SortedFunc(maps.Keys(f.torrents), compareHashes) {
		t := f.torrents[h]
		if !t.dirty {
			continue
		}
		if len(dst) == end {
			return dst
		}
		c := tracker.Change{Record: t.record, Partial: t.partial, Floor: t.floor}
		if !t.partial {
			c.Parts = f.parts.list(h)
		}
		dst = append(dst, c)
		t.dirty, t.saved = false, !t.partial
		f.inFlight++
	}
	return dst
}

func (f *fakeSource) RestoreChanges(changes []tracker.Change) {
	f.inFlight -= len(changes)
	for _, c := range changes {
		t := f.torrents[c.InfoHash]
		switch {
		case t != nil && !c.Removed:
			t.dirty = true
		case t == nil && !c.Partial, c.Removed && t.partial:
			f.removed[c.InfoHash] = true
		}
	}
}

func (f *fakeSource) Settle(s tracker.Settlement) {
	f.inFlight -= s.Taken
	f.settled.Taken += s.Taken
	f.settled.Expired += s.Expired
	for _, in := range s.Partial {
		f.settled.Partial = append(f.settled.Partial, in)
		if t := f.torrents[in.InfoHash]; t != nil && t.partial {
			t.record.Downloaded = max(in.Downloaded+t.record.Downloaded, t.floor)
			t.partial, t.saved, t.floor = false, true, 0
		}
	}
}

func (f *fakeSource) Expired(r tracker.Record) bool {
	if f.onExpired != nil {
		f.onExpired()
	}
	return f.expired != nil && f.torrents[r.InfoHash] == nil && f.expired(r.InfoHash)
}

// testHash returns an info hash that begins with a byte, a different one for each i.
func testHash(first, i int) tracker.InfoHash {
	return tracker.InfoHash{byte(first), byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i), 19: byte(first ^ i)}
}

// loadAll returns everything in the store.
func loadAll(t *testing.T, s *Store) map[tracker.InfoHash]tracker.Record {
	t.Helper()
	all := map[tracker.InfoHash]tracker.Record{}
	var last tracker.Record
	n, err := s.Load(func(r tracker.Record) {
		if len(all) > 0 && compareRecords(last, r) >= 0 {
			t.Errorf("%s is loaded after %s", r.InfoHash, last.InfoHash)
		}
		all[r.InfoHash], last = r, r
	})
	if err != nil {
		t.Fatal(err)
	}
	if n != len(all) {
		t.Errorf("Load returns %d, called for %d", n, len(all))
	}
	return all
}

// wantRecords fails the test unless both hold the same.
func wantRecords(t *testing.T, got, want map[tracker.InfoHash]tracker.Record) {
	t.Helper()
	if maps.Equal(got, want) {
		return
	}
	t.Errorf("%d records, want %d", len(got), len(want))
	for h, w := range want {
		if g, ok := got[h]; !ok {
			t.Errorf("%s is missing", h)
		} else if g != w {
			t.Errorf("%+v, want %+v", g, w)
		}
	}
	for h := range got {
		if _, ok := want[h]; !ok {
			t.Errorf("%s should not be there", h)
		}
	}
}

// wantWhole runs bbolt's consistency check.
func wantWhole(t *testing.T, db *bbolt.DB) {
	t.Helper()
	err := db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			t.Error(err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
