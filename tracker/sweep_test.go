package tracker

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestPeerTimeout(t *testing.T) {
	for _, timeout := range []time.Duration{time.Second, 7 * time.Minute, 45 * time.Minute, ticksPerTimeout * time.Second} {
		t.Run(timeout.String(), func(t *testing.T) {
			b := newRig(t, func(o *Options) { o.PeerTimeout = timeout })
			tick := b.clock.tick
			b.leech(hashA, peer4(1))
			b.seed(hashA, peer6(1))
			b.advance(timeout - tick)
			b.sweepAll()
			b.wantScrape(hashA, Counts{Seeders: 1, Leechers: 1, Downloaders: 1})
			b.leech(hashA, peer4(2))
			b.advance(tick)
			b.sweepAll()
			b.wantScrape(hashA, Counts{Leechers: 1, Downloaders: 1})
			r := b.announce(hashA, peer4(3), func(a *Announce) { a.BothFamilies = true })
			r.wantPeers(t, peer4(2))
		})
	}
}

func TestRenewalKeepsPeer(t *testing.T) {
	b := newRig(t, nil)
	b.leech(hashA, peer4(1))
	for range 10 {
		b.advance(b.opts.PeerTimeout - time.Second)
		b.leech(hashA, peer4(1))
		b.sweepAll()
	}
	b.wantScrape(hashA, Counts{Leechers: 1, Downloaders: 1})
}

// TestSweepOvertaken sweeps with an instant made before an announce.
func TestSweepOvertaken(t *testing.T) {
	b := newRig(t, nil)
	before := b.now()
	b.advance(b.opts.PeerTimeout - time.Second)
	b.leech(hashA, peer4(1))
	b.sweep(b.shardOf(hashA), before)
	b.wantScrape(hashA, Counts{Leechers: 1, Downloaders: 1})
}

// TestSweepFindsTheDead leaves peers for as long as their age can be told.
func TestSweepFindsTheDead(t *testing.T) {
	for _, timeouts := range []time.Duration{1, 2, 3} {
		b := newRig(t, nil)
		b.leech(hashA, peer4(1))
		b.advance(timeouts*b.opts.PeerTimeout - time.Second)
		b.sweepAll()
		kept := b.scrape(hashA).Leechers == 1
		if kept != (timeouts == 1) {
			t.Errorf("just before %d peer timeouts: kept %v", timeouts, kept)
		}
	}
}

func TestTorrentTimeout(t *testing.T) {
	const peer, torrent = ticksPerTimeout * time.Second, 720 * time.Hour
	for _, c := range []struct {
		name           string
		torrentTimeout time.Duration
		downloaded     uint64
		age            time.Duration // whole minutes; 0: at no age
	}{
		{"with a count", torrent, 1, torrent},
		{"without a count", torrent, 0, 69 * time.Minute},
		{"with a count, for ever", 0, 1, 0},
		{"without a count, for ever", 0, 0, 69 * time.Minute},
		{"with a count, shorter than a peer's", time.Hour, 1, time.Hour},
		{"without a count, shorter than a peer's", time.Hour, 0, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, func(o *Options) { o.TorrentTimeout = c.torrentTimeout })
			rec := Record{hashA, b.now().minute(), c.downloaded}
			b.Load(b.now(), rec)
			if c.age == 0 {
				c.age = 50 * 365 * 24 * time.Hour
				b.advance(c.age)
				b.sweepAll()
				if b.Torrents() != 1 {
					t.Error("dropped")
				}
				return
			}
			b.advance(c.age - time.Minute)
			b.sweepAll()
			if b.Torrents() != 1 {
				t.Errorf("dropped a minute before %v", c.age)
			}
			b.advance(time.Minute)
			b.sweepAll()
			if b.Torrents() != 0 {
				t.Errorf("kept at %v", c.age)
			}
		})
	}
}

// TestAnnouncedInTheFuture is about a clock that was wrong once.
func TestAnnouncedInTheFuture(t *testing.T) {
	b := newRig(t, nil)
	for i, ahead := range []uint32{1, 60, 1 << 28, 1<<32 - 1 - b.now().minute()} {
		b.Load(b.now(), Record{hashN(1, i), b.now().minute() + ahead, 1})
	}
	if b.sweepAll(); b.Torrents() != 4 {
		t.Errorf("%d torrents are left of 4", b.Torrents())
	}
}

// TestAnnouncedTooFarInTheFuture: a last announce further ahead than a torrent is
// kept is taken as now, one exactly as far is believed.
func TestAnnouncedTooFarInTheFuture(t *testing.T) {
	b := newRig(t, nil)
	now, keep := b.now().minute(), uint32(b.opts.TorrentTimeout/time.Minute)
	b.Load(b.now(), Record{hashA, now + keep, 1})
	b.Load(b.now(), Record{hashB, now + keep + 1, 1})
	b.sweepAll()
	for h, want := range map[InfoHash]uint32{hashA: now + keep, hashB: now} {
		if o, ok := b.Overview(h); !ok || o.LastAnnounce != want {
			t.Errorf("%s: last announce %d (kept %v), want %d", h, o.LastAnnounce, ok, want)
		}
	}
}

func TestTorrentWithPeersStays(t *testing.T) {
	b := newRig(t, nil)
	b.leech(hashA, peer6(1))
	for range 20 {
		b.advance(b.opts.PeerTimeout / 2)
		b.leech(hashA, peer6(1))
		b.sweepAll()
	}
	if b.Torrents() != 1 {
		t.Error("dropped")
	}
}

// TestSweepManyTorrents makes a sweep go through more torrents than it looks at
// in one go, and drop every other.
func TestSweepManyTorrents(t *testing.T) {
	const n = 5*walkChunk + 7
	b := newRig(t, nil)
	hashes := b.hashesIn(1, n)
	for i, h := range hashes {
		b.leech(h, peer4(i))
	}
	b.advance(b.opts.PeerTimeout - time.Second)
	for i := 0; i < n; i += 2 {
		b.leech(hashes[i], peer6(i))
	}
	b.advance(time.Second)
	b.sweepAll()
	for i, h := range hashes {
		want := Counts{}
		if i%2 == 0 {
			want = Counts{Leechers: 1, Downloaders: 1}
		}
		b.wantScrape(h, want)
	}
	if want := (n + 1) / 2; b.Torrents() != want {
		t.Errorf("%d torrents, want %d", b.Torrents(), want)
	}
}

// TestRun lets the sweep run in virtual time and looks how long peers outstay
// their time.
func TestRun(t *testing.T) {
	for _, timeout := range []time.Duration{time.Second, 21 * time.Second, 3 * time.Minute, 45 * time.Minute} {
		t.Run(timeout.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := testOptions()
				o.PeerTimeout, o.TorrentTimeout = timeout, timeout+2*time.Minute
				tr := New(o, time.Now())
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error)
				go func() { done <- tr.Run(ctx) }()

				time.Sleep(timeout / 3)
				var r Reply
				for i := range ShardCount {
					a := Announce{InfoHash: hashN(byte(i), i), Peer: peer4(i), Event: EventCompleted}
					tr.Announce(tr.Instant(time.Now()), &a, &r)
				}
				time.Sleep(timeout - timeout/100)
				if got := tr.Stats().Peers[IPv4]; got != ShardCount {
					t.Errorf("%d peers before their time, want %d", got, ShardCount)
				}
				time.Sleep(timeout/100 + min(timeout/16, time.Minute) + sweepPause)
				if got := tr.Stats().Peers[IPv4]; got != 0 {
					t.Errorf("%d peers past their time", got)
				}
				if got := tr.Torrents(); got != ShardCount {
					t.Errorf("%d torrents before their time, want %d", got, ShardCount)
				}
				time.Sleep(3 * time.Minute)
				if got := tr.Torrents(); got != 0 {
					t.Errorf("%d torrents past their time", got)
				}
				cancel()
				if err := <-done; err != nil {
					t.Errorf("Run: %v", err)
				}
				checkInvariants(t, tr)
			})
		})
	}
}
