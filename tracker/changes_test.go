package tracker

import (
	"cmp"
	"reflect"
	"slices"
	"testing"
	"time"
)

// changes takes all changes, in order of info hash, those removed last.
func (b *rig) changes() []Change {
	c := b.TakeChanges(nil, 1000)
	slices.SortFunc(c, func(x, y Change) int {
		if x.Removed != y.Removed {
			return cmp.Compare(removal(x), removal(y))
		}
		return slices.Compare(x.InfoHash[:], y.InfoHash[:])
	})
	return c
}

func removal(c Change) int {
	if c.Removed {
		return 1
	}
	return 0
}

func (b *rig) wantChanges(records []Record, removed []InfoHash) []Change {
	b.t.Helper()
	c := b.changes()
	var want []Change
	for _, r := range records {
		want = append(want, Change{Record: r})
	}
	for _, h := range removed {
		want = append(want, Change{Record: Record{InfoHash: h}, Removed: true})
	}
	if !sameChanges(c, want) {
		b.t.Errorf("changes %+v; want %+v", c, want)
	}
	return c
}

// expireAll lets every peer time out and then every torrent.
func (b *rig) expireAll() {
	b.advance(b.opts.PeerTimeout)
	b.sweepAll()
	b.advance(b.opts.TorrentTimeout)
	b.sweepAll()
}

func TestWhatChanges(t *testing.T) {
	for _, c := range []struct {
		name    string
		do      func(b *rig)
		changed bool
	}{
		{"nothing", func(*rig) {}, false},
		{"a renewal in the same minute", func(b *rig) { b.leech(hashA, peer4(1)) }, false},
		{"a new peer in the same minute", func(b *rig) { b.leech(hashA, peer4(2)) }, false},
		{"a renewal in the next minute", func(b *rig) { b.advance(time.Minute); b.leech(hashA, peer4(1)) }, true},
		{"a completion", func(b *rig) { b.complete(hashA, peer4(1)) }, true},
		{"a completion heard of", func(b *rig) { b.sync(hashA, peer4(1), SyncSeeding|SyncComplete) }, true},
		{"a stop in the same minute", func(b *rig) { b.stop(hashA, peer4(1)) }, false},
		{"the end of a peer", func(b *rig) { b.complete(hashA, peer4(1)); b.changes(); b.advance(b.opts.PeerTimeout); b.sweepAll() }, false},
		{"a scrape", func(b *rig) { b.scrape(hashA) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, nil)
			b.leech(hashA, peer4(1))
			b.wantChanges([]Record{{hashA, b.now().minute(), 0}}, nil)
			c.do(b)
			var want []Record
			if c.changed {
				want = b.records()
			}
			b.wantChanges(want, nil)
			b.wantChanges(nil, nil)
		})
	}
}

func TestChangesAreAppended(t *testing.T) {
	b := newRig(t, nil)
	b.leech(hashA, peer4(1))
	before := Change{Record: Record{InfoHash: hashB}, Removed: true}
	if c := b.TakeChanges([]Change{before}, 10); len(c) != 2 || !reflect.DeepEqual(c[0], before) || c[1].InfoHash != hashA || c[1].Removed {
		t.Errorf("%+v", c)
	}
}

// TestChangesInParts takes the changes of many torrents a few at a time, and has
// a part fail now and then.
func TestChangesInParts(t *testing.T) {
	const n = 3000
	for _, limit := range []int{1, 7, 64, 255, 256, 257, 1000, n, 2 * n} {
		b := newRig(t, nil)
		for i := range n {
			if i < n/3 {
				b.Load(b.now(), Record{hashN(2, i), 0, 0})
			} else {
				b.leech(hashN(1, i), peer4(i))
			}
		}
		b.sweepAll() // those loaded go
		taken, failed := make(map[InfoHash]int), 0
		for round := 0; round < 2; {
			c := b.TakeChanges(nil, limit)
			if len(c) > limit {
				t.Fatalf("%d changes of at most %d", len(c), limit)
			}
			if failed < 3 && len(c) > 0 && len(taken) > n/2 {
				b.RestoreChanges(c)
				failed++
				continue
			}
			for i := range c {
				if taken[c[i].InfoHash]++; c[i].Removed != (c[i].InfoHash[0] == 2) {
					t.Fatalf("%+v", c[i])
				}
			}
			if len(c) < limit {
				round++
			}
		}
		for h, times := range taken {
			if times != 1 {
				t.Fatalf("limit %d: %v is taken %d times", limit, h, times)
			}
		}
		if len(taken) != n {
			t.Errorf("limit %d: %d torrents, want %d", limit, len(taken), n)
		}
	}
}

func TestRemoved(t *testing.T) {
	minute := newRig(t, nil).now().minute()
	for _, c := range []struct {
		name string
		do   func(b *rig) // hashA is in the database
		want []InfoHash
	}{
		{"timed out", func(b *rig) { b.expireAll() }, []InfoHash{hashA}},
		{"created again", func(b *rig) { b.expireAll(); b.leech(hashA, peer4(1)) }, nil},
		{"created and timed out again", func(b *rig) { b.expireAll(); b.leech(hashA, peer4(1)); b.expireAll() }, []InfoHash{hashA}},
		{"one that the database never had", func(b *rig) { b.leech(hashB, peer4(1)); b.expireAll() }, []InfoHash{hashA}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, nil)
			b.Load(b.now(), Record{hashA, minute, 3})
			c.do(b)
			b.wantChanges(b.records(), c.want)
			b.wantChanges(nil, nil)
		})
	}
}

func TestRestoreChanges(t *testing.T) {
	for _, c := range []struct {
		name    string
		between func(b *rig) // taking and restoring
		removed bool         // hashB, which the database may have
		lost    bool         // hashA, which the database had
	}{
		{"at once", func(*rig) {}, false, true},
		{"changed meanwhile", func(b *rig) { b.complete(hashB, peer4(5)) }, false, true},
		{"changed and taken meanwhile", func(b *rig) { b.complete(hashB, peer4(5)); b.changes() }, false, true},
		{"the removed one is back", func(b *rig) { b.leech(hashA, peer4(1)) }, false, false},
		{"the changed one is removed", func(b *rig) { b.expireAll() }, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, nil)
			b.Load(b.now(), Record{hashA, b.now().minute(), 3})
			b.expireAll()
			b.leech(hashB, peer4(1))
			failed := b.wantChanges(b.records(), []InfoHash{hashA})
			c.between(b)
			b.RestoreChanges(failed)
			var removed []InfoHash
			if c.lost {
				removed = append(removed, hashA)
			}
			if c.removed {
				removed = append(removed, hashB)
			}
			b.wantChanges(b.records(), removed)
			b.wantChanges(nil, nil)
		})
	}
}

func TestLoad(t *testing.T) {
	b := newRig(t, func(o *Options) { o.MaxTorrents = 1 })
	want := []Record{{hashA, 29_000_000, 7}, {hashB, 29_000_001, 1 << 40}}
	for _, r := range want {
		b.Load(b.now(), r)
	}
	if got := b.records(); !slices.Equal(got, want) || b.Torrents() != 2 {
		t.Errorf("%v, %d torrents", got, b.Torrents())
	}
	b.wantScrape(hashB, Counts{Downloaded: 1 << 40})
	if s := b.Stats(); s.Completed != 0 {
		t.Errorf("%d completed", s.Completed)
	}
	b.wantChanges(nil, nil)
	if r := b.complete(hashB, peer4(1)); r.Downloaded != 1<<40+1 {
		t.Errorf("downloaded %d", r.Downloaded)
	}
}

// sameChanges compares changes, nil and empty being the same.
func sameChanges(a, b []Change) bool {
	return slices.EqualFunc(a, b, func(a, b Change) bool { return reflect.DeepEqual(a, b) })
}
