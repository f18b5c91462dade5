package tracker

import (
	"slices"
	"testing"
	"time"
)

// TestPublished goes through what is published of an announce.
func TestPublished(t *testing.T) {
	const renew = 10 * time.Minute
	paused := func(a *Announce) { a.Event = EventPaused }
	for _, c := range []struct {
		name string
		do   func(b *rig) // up to the announce in question
		last func(b *rig)
		want []SyncFlags
	}{
		{"a new leecher", nil, func(b *rig) { b.leech(hashA, peer4(1)) }, []SyncFlags{0}},
		{"a new seeder", nil, func(b *rig) { b.seed(hashA, peer4(1)) }, []SyncFlags{SyncSeeding}},
		{"a new partial seed", nil, func(b *rig) { b.announce(hashA, peer4(1), paused) }, []SyncFlags{0}},
		{"a new peer that completes", nil, func(b *rig) { b.complete(hashA, peer4(1)) }, []SyncFlags{SyncSeeding | SyncComplete}},
		{"a new peer that completes with bytes left", nil, func(b *rig) {
			b.announce(hashA, peer4(1), func(a *Announce) { a.Event = EventCompleted })
		}, []SyncFlags{0}},
		{"a stop of an unknown peer", func(b *rig) { b.leech(hashA, peer4(2)) }, func(b *rig) { b.stop(hashA, peer4(1)) }, []SyncFlags{SyncStopped | SyncStray}},
		{"a stop on an unknown torrent", nil, func(b *rig) { b.stop(hashA, peer4(1)) }, []SyncFlags{SyncStopped | SyncStray}},
		{"a stop at port 0", nil, func(b *rig) { b.stop(hashA, MakePeer(peer4(1).Addr(), 0)) }, nil},
		{"a stop", func(b *rig) { b.leech(hashA, peer4(1)) }, func(b *rig) { b.stop(hashA, peer4(1)) }, []SyncFlags{SyncStopped}},
		{"a stop of a seeder", func(b *rig) { b.seed(hashA, peer4(1)) }, func(b *rig) {
			b.announce(hashA, peer4(1), func(a *Announce) { a.Left, a.Event = 0, EventStopped })
		}, []SyncFlags{SyncStopped}},
		{"a second stop", func(b *rig) { b.leech(hashA, peer4(1)); b.stop(hashA, peer4(1)) }, func(b *rig) { b.stop(hashA, peer4(1)) }, []SyncFlags{SyncStopped | SyncStray}},
		{"back after a stop", func(b *rig) { b.leech(hashA, peer4(1)); b.stop(hashA, peer4(1)) }, func(b *rig) { b.leech(hashA, peer4(1)) }, []SyncFlags{0}},
		{"a renewal at once", func(b *rig) { b.leech(hashA, peer4(1)) }, func(b *rig) { b.leech(hashA, peer4(1)) }, nil},
		{"a renewal at renew_after", func(b *rig) { b.leech(hashA, peer4(1)); b.advance(renew) }, func(b *rig) { b.leech(hashA, peer4(1)) }, nil},
		{"a renewal past renew_after", func(b *rig) { b.leech(hashA, peer4(1)); b.advance(renew + time.Second) }, func(b *rig) { b.leech(hashA, peer4(1)) }, []SyncFlags{0}},
		{"a seeder's renewal past renew_after", func(b *rig) { b.complete(hashA, peer4(1)); b.advance(renew + time.Second) }, func(b *rig) { b.seed(hashA, peer4(1)) }, []SyncFlags{SyncSeeding}},
		{"an instant made before the last announce", func(b *rig) { b.leech(hashA, peer4(1)); b.advance(-time.Second) }, func(b *rig) { b.leech(hashA, peer4(1)) }, nil},
		{"a completion", func(b *rig) { b.leech(hashA, peer4(1)) }, func(b *rig) { b.complete(hashA, peer4(1)) }, []SyncFlags{SyncSeeding | SyncComplete}},
		{"a completion of a seeder", func(b *rig) { b.seed(hashA, peer4(1)) }, func(b *rig) { b.complete(hashA, peer4(1)) }, []SyncFlags{SyncSeeding | SyncComplete}},
		{"a second completion", func(b *rig) { b.complete(hashA, peer4(1)) }, func(b *rig) { b.complete(hashA, peer4(1)) }, nil},
		{"from leeching to seeding", func(b *rig) { b.leech(hashA, peer4(1)) }, func(b *rig) { b.seed(hashA, peer4(1)) }, []SyncFlags{SyncSeeding}},
		{"from seeding to leeching", func(b *rig) { b.seed(hashA, peer4(1)) }, func(b *rig) { b.leech(hashA, peer4(1)) }, []SyncFlags{0}},
		{"from leeching to paused", func(b *rig) { b.leech(hashA, peer4(1)) }, func(b *rig) { b.announce(hashA, peer4(1), paused) }, nil},
		{"port 0", nil, func(b *rig) { b.leech(hashA, MakePeer(peer4(1).Addr(), 0)) }, nil},
		{"an address not accepted", nil, func(b *rig) { b.leech(hashA, MakePeer4([4]byte{0, 1, 2, 3}, 1)) }, nil},
		{"heard from another instance", nil, func(b *rig) { b.sync(hashA, peer4(1), SyncSeeding|SyncComplete) }, nil},
		{"a stop heard from another instance", func(b *rig) { b.leech(hashA, peer4(1)) }, func(b *rig) { b.sync(hashA, peer4(1), SyncStopped) }, nil},
		{"a renewal of a peer heard of just now", func(b *rig) { b.sync(hashA, peer4(1), 0) }, func(b *rig) { b.leech(hashA, peer4(1)) }, nil},
		{"a stop of a peer heard of", func(b *rig) { b.sync(hashA, peer4(1), 0) }, func(b *rig) { b.stop(hashA, peer4(1)) }, []SyncFlags{SyncStopped}},
		{"a completion heard of before", func(b *rig) { b.sync(hashA, peer4(1), SyncSeeding|SyncComplete) }, func(b *rig) { b.complete(hashA, peer4(1)) }, nil},
		{"a refused torrent", func(b *rig) { b.SetAccess(&Access{Mode: AccessAllow}) }, func(b *rig) { b.leech(hashA, peer4(1)) }, nil},
		{"a peer of the other family", func(b *rig) { b.leech(hashA, peer4(1)) }, func(b *rig) { b.leech(hashA, peer6(1)) }, []SyncFlags{0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, func(o *Options) { o.RenewAfter = renew })
			if c.do != nil {
				c.do(b)
			}
			b.published = nil
			c.last(b)
			var got []SyncFlags
			for _, r := range b.published {
				got = append(got, r.Flags)
				if r.InfoHash != hashA || r.Peer != peer4(1) && r.Peer != peer6(1) {
					t.Errorf("published %v %v", r.InfoHash, r.Peer)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("published %x, want %x", got, c.want)
			}
		})
	}
}

// TestPublishedAgain holds that a peer is published often enough to stay known elsewhere,
// and not much more often, however often it announces.
func TestPublishedAgain(t *testing.T) {
	const timeout, renew = ticksPerTimeout, 600 // seconds, which are ticks
	for _, every := range []int{1, 60, 250, renew, renew + 1, 1024, 1800, timeout - 1} {
		for _, h := range []InfoHash{hashA, hashB, {1, 0xff, 0xff}, {2, 0x12, 0x34}} {
			b := newRig(t, func(o *Options) { o.RenewAfter = renew * time.Second })
			last, published, longest := 0, 0, 0
			const long = 20 * timeout
			for at := 0; at < long; at += every {
				b.published = nil
				if b.leech(h, peer4(1)); len(b.published) > 0 {
					longest, last = max(longest, at-last), at
					published++
				}
				b.advance(time.Duration(every) * time.Second)
			}
			if most := max(every, timeout/4+min(every, renew)); longest > most || longest == 0 {
				t.Errorf("%v, announced every %d s: not published for %d s", h, every, longest)
			}
			if most := long/min(max(every, timeout/4), long) + 2; every <= renew && published > most {
				t.Errorf("%v, announced every %d s: published %d times", h, every, published)
			}
		}
	}
}

func TestNobodyToPublishTo(t *testing.T) {
	b := newRig(t, nil)
	b.PublishTo(nil)
	if r := b.leech(hashA, peer4(1)); r.Leechers != 1 {
		t.Errorf("%+v", r)
	}
}

// TestPublishedBeforeCopied holds that whatever ServedPage has copied has been published
// before: otherwise a count could reach others ahead of the completion in it.
func TestPublishedBeforeCopied(t *testing.T) {
	b, locked := newRig(t, nil), false
	b.PublishTo(func(r SyncRecord) {
		s := b.shard(&r.InfoHash)
		if locked = !s.mu.TryLock(); !locked {
			s.mu.Unlock()
		}
	})
	b.seed(hashA, peer4(1))
	if !locked {
		t.Error("the shard can be copied while a peer in it is not published yet")
	}
}

func TestNotPublishedWhenFull(t *testing.T) {
	b := newRig(t, func(o *Options) { o.MaxTorrents = 1 })
	b.leech(hashA, peer4(1))
	b.published = nil
	if b.leech(hashB, peer4(1)); len(b.published) != 0 {
		t.Errorf("published %v", b.published)
	}
}
