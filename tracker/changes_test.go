package tracker

import (
	"slices"
	"testing"
	"time"
)

// changes takes the changes of the shard of hashA and hashB.
func (b *rig) changes() *Changes {
	c := new(Changes)
	b.TakeChanges(int(hashA[0]), c)
	slices.SortFunc(c.Records, func(x, y Record) int { return slices.Compare(x.InfoHash[:], y.InfoHash[:]) })
	return c
}

func (b *rig) wantChanges(records []Record, removed []InfoHash) *Changes {
	b.t.Helper()
	c := b.changes()
	if !slices.Equal(c.Records, records) || !slices.Equal(c.Removed, removed) {
		b.t.Errorf("changes %+v; want %+v, removed %v", c, records, removed)
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
	c := Changes{Records: []Record{{InfoHash: hashB}}, Removed: []InfoHash{hashB}}
	b.TakeChanges(int(hashA[0]), &c)
	if len(c.Records) != 2 || c.Records[0].InfoHash != hashB || c.Records[1].InfoHash != hashA || len(c.Removed) != 1 {
		t.Errorf("%+v", c)
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
			b.RestoreChanges(int(hashA[0]), failed)
			var removed []InfoHash
			if c.removed {
				removed = append(removed, hashB)
			}
			if c.lost {
				removed = append(removed, hashA)
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
