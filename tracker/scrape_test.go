package tracker

import (
	"slices"
	"testing"
)

func TestScrape(t *testing.T) {
	paused := func(a *Announce) { a.Event = EventPaused }
	for _, c := range []struct {
		name string
		do   func(b *rig)
		want Counts
	}{
		{"unknown", func(*rig) {}, Counts{}},
		{"both families together", func(b *rig) {
			b.leech(hashA, peer4(1))
			b.leech(hashA, peer6(1))
			b.seed(hashA, peer6(2))
			b.complete(hashA, peer4(2))
		}, Counts{Seeders: 2, Leechers: 2, Downloaders: 2, Downloaded: 1}},
		{"a partial seed is no downloader", func(b *rig) {
			b.leech(hashA, peer4(1))
			b.announce(hashA, peer4(2), paused)
			b.announce(hashA, peer6(2), paused)
		}, Counts{Leechers: 3, Downloaders: 1}},
		{"the last event decides", func(b *rig) {
			b.announce(hashA, peer4(1), paused)
			b.leech(hashA, peer4(1))
			b.leech(hashA, peer4(2))
			b.announce(hashA, peer4(2), paused)
		}, Counts{Leechers: 2, Downloaders: 1}},
		{"a partial seed that seeds", func(b *rig) {
			b.announce(hashA, peer4(1), paused)
			b.announce(hashA, peer4(1), func(a *Announce) { a.Left, a.Event = 0, EventPaused })
		}, Counts{Seeders: 1}},
		{"a seeder that leeches again", func(b *rig) {
			b.announce(hashA, peer4(1), func(a *Announce) { a.Left, a.Event = 0, EventPaused })
			b.leech(hashA, peer4(1))
		}, Counts{Leechers: 1, Downloaders: 1}},
		{"a partial seed that stops", func(b *rig) {
			b.announce(hashA, peer4(1), paused)
			b.stop(hashA, peer4(1))
		}, Counts{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, nil)
			c.do(b)
			b.wantScrape(hashA, c.want)
			for s := range b.ScrapeAll() {
				if s.InfoHash != hashA || s.Counts != c.want {
					t.Errorf("full scrape: %+v", s)
				}
			}
		})
	}
}

func TestScrapeAll(t *testing.T) {
	b := newRig(t, nil)
	b.leech(hashN(3, 1), peer4(1))
	b.seed(hashN(3, 2), peer4(1))
	b.seed(hashN(4, 1), peer4(1))
	b.SetAccess(&Access{Mode: AccessDeny, List: hashSet(hashN(3, 2))})
	got := slices.Collect(b.ScrapeAll())
	want := []Scraped{{hashN(3, 1), Counts{Leechers: 1, Downloaders: 1}}, {hashN(4, 1), Counts{Seeders: 1}}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestScrapeAllDuringSweep: all torrents that stay are there, while others go
// and make room for them to move into.
func TestScrapeAllDuringSweep(t *testing.T) {
	const n = 64 * walkChunk
	b := newRig(t, nil)
	hashes := b.hashesIn(3, n)
	for range 10 {
		for i, h := range hashes {
			if i%2 == 0 {
				b.complete(h, peer4(1))
			} else {
				b.leech(h, peer4(1))
			}
		}
		b.advance(b.opts.PeerTimeout)
		swept := make(chan struct{})
		go func() {
			defer close(swept)
			b.sweep(3, b.now())
		}()
		for done := false; !done; {
			select {
			case <-swept:
				done = true
			default:
			}
			found := map[InfoHash]bool{}
			for s := range b.ScrapeAll() {
				found[s.InfoHash] = true
			}
			for i := 0; i < n; i += 2 {
				if !found[hashes[i]] {
					t.Fatalf("torrent %d is missing", i)
				}
			}
		}
	}
}

func TestStats(t *testing.T) {
	b := newRig(t, nil)
	b.leech(hashN(3, 1), peer4(1))
	b.seed(hashN(3, 1), peer6(1))
	b.complete(hashN(4, 1), peer6(1))
	b.sync(hashN(5, 1), peer4(2), SyncSeeding|SyncComplete)
	b.stop(hashN(3, 1), peer4(1))
	want := Stats{
		ShardTotals: ShardTotals{Peers: [2]uint64{1, 2}, Seeders: [2]uint64{1, 2}, Completed: 2},
		Torrents:    3,
	}
	want.Memory, _ = b.Memory()
	if got := b.Stats(); got != want || got.Memory == 0 {
		t.Errorf("%+v, want %+v", got, want)
	}
}
