package store

import (
	"maps"
	"testing"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// fakeSource is a tracker reduced to what the store sees of one, as naive as can
// be.
type fakeSource struct {
	torrents [tracker.ShardCount]map[tracker.InfoHash]*fakeTorrent
	removed  [tracker.ShardCount]map[tracker.InfoHash]bool
	// onTake and onRecords, if set, are called before the methods do anything.
	onTake, onRecords func(shard int)
}

type fakeTorrent struct {
	record tracker.Record
	dirty  bool // has changed since last taken
	saved  bool // has been taken: it may be in the file
}

func newFakeSource() *fakeSource {
	f := &fakeSource{}
	for shard := range f.torrents {
		f.torrents[shard] = map[tracker.InfoHash]*fakeTorrent{}
		f.removed[shard] = map[tracker.InfoHash]bool{}
	}
	return f
}

// put creates a torrent or changes it.
func (f *fakeSource) put(r tracker.Record) {
	shard := r.InfoHash[0]
	t := f.torrents[shard][r.InfoHash]
	if t == nil {
		t = &fakeTorrent{saved: f.removed[shard][r.InfoHash]}
		delete(f.removed[shard], r.InfoHash)
		f.torrents[shard][r.InfoHash] = t
	}
	t.record, t.dirty = r, true
}

// load puts in a torrent that comes from the file.
func (f *fakeSource) load(r tracker.Record) {
	f.torrents[r.InfoHash[0]][r.InfoHash] = &fakeTorrent{record: r, saved: true}
}

// remove forgets a torrent.
func (f *fakeSource) remove(h tracker.InfoHash) {
	if t := f.torrents[h[0]][h]; t != nil && t.saved {
		f.removed[h[0]][h] = true
	}
	delete(f.torrents[h[0]], h)
}

// get returns a torrent's record.
func (f *fakeSource) get(h tracker.InfoHash) (tracker.Record, bool) {
	t := f.torrents[h[0]][h]
	if t == nil {
		return tracker.Record{}, false
	}
	return t.record, true
}

// all returns every record.
func (f *fakeSource) all() map[tracker.InfoHash]tracker.Record {
	all := map[tracker.InfoHash]tracker.Record{}
	for _, shard := range f.torrents {
		for h, t := range shard {
			all[h] = t.record
		}
	}
	return all
}

func (f *fakeSource) TakeChanges(shard int, c *tracker.Changes) {
	if f.onTake != nil {
		f.onTake(shard)
	}
	for _, t := range f.torrents[shard] {
		if t.dirty {
			c.Records = append(c.Records, t.record)
			t.dirty, t.saved = false, true
		}
	}
	for h := range f.removed[shard] {
		c.Removed = append(c.Removed, h)
	}
	clear(f.removed[shard])
}

func (f *fakeSource) RestoreChanges(shard int, c *tracker.Changes) {
	for _, r := range c.Records {
		if t := f.torrents[shard][r.InfoHash]; t != nil {
			t.dirty = true
		} else {
			f.removed[shard][r.InfoHash] = true
		}
	}
	for _, h := range c.Removed {
		if f.torrents[shard][h] == nil {
			f.removed[shard][h] = true
		}
	}
}

func (f *fakeSource) Records(shard int, dst []tracker.Record) []tracker.Record {
	if f.onRecords != nil {
		f.onRecords(shard)
	}
	for _, t := range f.torrents[shard] {
		dst = append(dst, t.record)
	}
	return dst
}

// testHash returns an info hash in the given shard, a different one for each i.
func testHash(shard, i int) tracker.InfoHash {
	return tracker.InfoHash{byte(shard), byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i), 19: byte(shard ^ i)}
}

// loadAll returns everything in the store.
func loadAll(t *testing.T, s *Store) map[tracker.InfoHash]tracker.Record {
	t.Helper()
	all := map[tracker.InfoHash]tracker.Record{}
	n, err := s.Load(func(r tracker.Record) {
		if _, twice := all[r.InfoHash]; twice {
			t.Errorf("%s is loaded twice", r.InfoHash)
		}
		all[r.InfoHash] = r
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
