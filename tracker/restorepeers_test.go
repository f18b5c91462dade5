package tracker

import (
	"math/rand/v2"
	"testing"
	"time"
)

// successor returns a tracker that has taken in what b holds, downtime after the
// present of b: counts first, then peers.
func (b *rig) successor(downtime time.Duration, change func(o *Options)) (*rig, Restored) {
	b.t.Helper()
	next := newRig(b.t, change)
	next.time = b.time.Add(downtime)
	next.Tracker = New(next.opts, next.time)
	now := next.now()
	for _, r := range b.records() {
		next.Load(now, r)
	}
	states := b.states()
	for i := range states {
		states[i].Age += uint32(downtime / time.Second)
	}
	return next, next.RestorePeers(now, states)
}

// TestRestoredPeersAreAsBefore fills a tracker at random and compares its successor
// with it, peer by peer.
func TestRestoredPeersAreAsBefore(t *testing.T) {
	b := newRig(t, nil)
	rng := rand.New(rand.NewPCG(7, 7))
	events := []Event{EventNone, EventCompleted, EventStarted, EventStopped, EventPaused}
	for i := range 20_000 {
		h := hashN(byte(rng.IntN(50)), 0)
		if rng.IntN(4) == 0 {
			h = hashA // a large one
		}
		b.announce(h, peerN(Family(rng.IntN(2)), rng.IntN(1000)), func(a *Announce) {
			a.Left, a.Event = uint64(rng.IntN(2)), events[rng.IntN(len(events))]
		})
		if i%100 == 0 {
			b.advance(7 * time.Second)
		}
	}
	next, r := b.successor(0, nil)
	before, after := byName(t, b.states()), byName(t, next.states())
	if len(after) != len(before) || r != (Restored{Stored: uint64(len(before))}) {
		t.Fatalf("%d peers of %d, %+v", len(after), len(before), r)
	}
	for name, want := range before {
		want.Age++ // a tick, for the clocks' rounding
		if got := after[name]; got != want {
			t.Fatalf("%+v, want %+v", got, want)
		}
	}
	for h := range 50 {
		h := hashN(byte(h), 0)
		next.wantScrape(h, b.scrape(h))
	}
	next.wantScrape(hashA, b.scrape(hashA))
	if n := len(next.TakeChanges(nil, 100)); n != 0 || next.Stats().Completed != 0 || len(next.published) != 0 {
		t.Errorf("%d records changed, %d downloads counted, %d peers published", n, next.Stats().Completed, len(next.published))
	}
}

// TestRestoredPeerIsGoneInTime: no peer stays longer than a peer timeout after its
// last announce, however often it is taken over.
func TestRestoredPeerIsGoneInTime(t *testing.T) {
	for _, timeout := range []time.Duration{time.Second, time.Minute, 45 * time.Minute, 24 * time.Hour} {
		b := newRig(t, func(o *Options) { o.PeerTimeout = timeout })
		b.leech(hashA, peer4(1))
		announced := b.time
		for b.Stats().Peers[IPv4] > 0 {
			b.advance(timeout/64 + 13*time.Millisecond)
			b, _ = b.successor(0, func(o *Options) { o.PeerTimeout = timeout })
			b.sweepAll()
			if age := b.time.Sub(announced); age > timeout && b.Stats().Peers[IPv4] > 0 {
				t.Fatalf("stored after %v, %v is the timeout", age, timeout)
			}
		}
		if age := b.time.Sub(announced); timeout > time.Minute && age < timeout*9/10 {
			t.Errorf("gone after %v, long before %v", age, timeout)
		}
	}
}

func TestRestorePeers(t *testing.T) {
	const age = 1000 // seconds, as many ticks
	state := func(p Peer, f PeerFlags) PeerState { return PeerState{InfoHash: hashA, Peer: p, Age: age, Flags: f} }
	seed := state(peer4(1), PeerSeeds|PeerCompleted)
	for _, c := range []struct {
		name   string
		change func(o *Options)
		before func(b *rig)
		states []PeerState
		want   Restored
		counts Counts
	}{
		{"seeder", nil, nil, []PeerState{seed}, Restored{Stored: 1}, Counts{Seeders: 1}},
		{"both families", nil, nil, []PeerState{seed, state(peer6(1), 0)}, Restored{Stored: 2}, Counts{Seeders: 1, Leechers: 1, Downloaders: 1}},
		{"partial seed", nil, nil, []PeerState{state(peer6(1), PeerPaused)}, Restored{Stored: 1}, Counts{Leechers: 1}},
		{"paused seeder", nil, nil, []PeerState{state(peer6(1), PeerPaused|PeerSeeds)}, Restored{Stored: 1}, Counts{Seeders: 1}},
		{"twice", nil, nil, []PeerState{seed, seed}, Restored{Stored: 2}, Counts{Seeders: 1}},
		{"timed out", func(o *Options) { o.PeerTimeout = age * time.Second }, nil, []PeerState{seed}, Restored{Expired: 1}, Counts{}},
		{"almost timed out", func(o *Options) { o.PeerTimeout = (age + 2) * time.Second }, nil, []PeerState{seed}, Restored{Stored: 1}, Counts{Seeders: 1}},
		{"older than time", nil, nil, []PeerState{{InfoHash: hashA, Peer: peer4(1), Age: 1<<32 - 1}}, Restored{Expired: 1}, Counts{}},
		{"port 0", nil, nil, []PeerState{state(MakePeer4([4]byte{8, 8, 8, 8}, 0), 0)}, Restored{Rejected: 1}, Counts{}},
		{"address not taken in", func(o *Options) { o.AllowPrivate = false }, nil,
			[]PeerState{state(MakePeer4([4]byte{10, 0, 0, 1}, 1), 0), seed}, Restored{Stored: 1, Rejected: 1}, Counts{Seeders: 1}},
		{"no room", func(o *Options) { o.MaxTorrents = 1 }, func(b *rig) { b.leech(hashB, peer4(1)) },
			[]PeerState{seed, state(peer4(2), 0)}, Restored{Rejected: 2}, Counts{}},
		{"announced since, as a leecher", nil, func(b *rig) { b.leech(hashA, peer4(1)) },
			[]PeerState{seed}, Restored{Stored: 1}, Counts{Leechers: 1, Downloaders: 1}},
		{"announced before that", nil, func(b *rig) { b.leech(hashA, peer4(1)); b.advance(2 * age * time.Second) },
			[]PeerState{seed}, Restored{Stored: 1}, Counts{Seeders: 1}},
		{"beyond the limits on an address", func(o *Options) { o.MaxPeersPerAddress, o.MaxTorrentsPerAddress = 1, 1 }, nil,
			[]PeerState{state(peer4(0), 0), state(peer4(1), PeerSeeds)}, Restored{Stored: 2}, Counts{Seeders: 1, Leechers: 1, Downloaders: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, c.change)
			if c.before != nil {
				c.before(b)
			}
			b.published = nil
			if got := b.RestorePeers(b.now(), c.states); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
			b.wantScrape(hashA, c.counts)
			if len(b.published) > 0 {
				t.Errorf("%d peers published", len(b.published))
			}
		})
	}
}

// TestCompletedSticks: a download that was counted once is not counted again, be the
// peer restored before or after it announces.
func TestCompletedSticks(t *testing.T) {
	flagged := []PeerState{{InfoHash: hashA, Peer: peer4(1), Age: 100, Flags: PeerCompleted | PeerSeeds}}
	for name, before := range map[string]func(b *rig){
		"restored first":   func(*rig) {},
		"announced first":  func(b *rig) { b.seed(hashA, peer4(1)) },
		"announced before": func(b *rig) { b.seed(hashA, peer4(1)); b.advance(200 * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, nil)
			before(b)
			b.RestorePeers(b.now(), flagged)
			b.advance(time.Minute)
			b.complete(hashA, peer4(1))
			b.wantScrape(hashA, Counts{Seeders: 1})
			b.complete(hashA, peer4(2))
			b.wantScrape(hashA, Counts{Seeders: 2, Downloaded: 1})
		})
	}
	t.Run("counted since", func(t *testing.T) {
		b := newRig(t, nil)
		b.complete(hashA, peer4(1))
		b.advance(200 * time.Second)
		b.RestorePeers(b.now(), []PeerState{{InfoHash: hashA, Peer: peer4(1), Age: 100}})
		b.complete(hashA, peer4(1))
		b.wantScrape(hashA, Counts{Seeders: 1, Downloaded: 1})
	})
}

// TestRestoredPeersCountForTheirNetwork: what was restored is held against who joins.
func TestRestoredPeersCountForTheirNetwork(t *testing.T) {
	b := newRig(t, func(o *Options) { o.MaxPeersPerAddress, o.MaxTorrentsPerAddress = 2, 3 })
	b.RestorePeers(b.now(), []PeerState{{InfoHash: hashA, Peer: peer4(0)}, {InfoHash: hashA, Peer: peer4(1)}})
	port := func(port uint16) Peer { return MakePeer(peer4(0).Addr(), port) }
	for _, c := range []struct {
		name string
		hash InfoHash
		peer Peer
		want Rejection
	}{
		{"a third peer", hashA, port(9), RejectedPeers},
		{"a third torrent", hashB, port(9), NotRejected},
		{"a fourth torrent", hashN(1, 3), port(9), RejectedTorrents},
		{"a restored peer renews", hashA, peer4(1), NotRejected},
		{"somebody else", hashN(1, 3), peer4(9), NotRejected},
	} {
		if got := b.leech(c.hash, c.peer).Rejected; got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestRestoredPeersCountForMemory: there are no more than fit, and those that do not
// are told of.
func TestRestoredPeersCountForMemory(t *testing.T) {
	const limit, n = 1 << 20, 50_000
	b := newRig(t, func(o *Options) { o.MaxMemory = limit })
	states := make([]PeerState, n)
	for i := range states {
		states[i] = PeerState{InfoHash: hashN(byte(i), i), Peer: peer4(i)}
	}
	r := b.RestorePeers(b.now(), states)
	if used, _ := b.Memory(); used > limit+limit/8 || used < limit/2 {
		t.Errorf("%d bytes in use of %d", used, limit)
	}
	if r.Stored == 0 || r.Stored+r.Rejected != n || r.Stored != b.Stats().Peers[IPv4] {
		t.Errorf("%+v, %d are stored", r, b.Stats().Peers[IPv4])
	}
}

// TestRestoredPeersArePublishedAgain: a restored peer is published with its next announce if
// its age says so, and not before.
func TestRestoredPeersArePublishedAgain(t *testing.T) {
	b := newRig(t, nil)
	b.advance(15 * time.Minute) // no quarter of the timeout ends within the next ten
	b.RestorePeers(b.now(), []PeerState{
		{InfoHash: InfoHash{}, Peer: peer4(0), Age: 590}, {InfoHash: InfoHash{}, Peer: peer4(1), Age: 610},
	})
	b.published = nil
	b.leech(InfoHash{}, peer4(0))
	if len(b.published) != 0 {
		t.Errorf("published before ten minutes: %v", b.published)
	}
	b.leech(InfoHash{}, peer4(1))
	if len(b.published) != 1 {
		t.Errorf("published %d after ten minutes, want 1", len(b.published))
	}
}

// TestRestoreMovesTheLastAnnounce: a torrent was last announced when the youngest of
// its peers was, if the database does not know better.
func TestRestoreMovesTheLastAnnounce(t *testing.T) {
	b := newRig(t, nil)
	b.advance(30 * time.Minute)
	b.Load(b.now(), Record{InfoHash: hashA, LastAnnounce: b.now().minute() - 20, Downloaded: 1})
	for _, c := range []struct {
		minutes, want uint32 // before now
	}{{30, 20}, {20, 20}, {5, 5}, {7, 5}} {
		b.RestorePeers(b.now(), []PeerState{{InfoHash: hashA, Peer: peer4(int(c.minutes)), Age: 60 * c.minutes}})
		if r, _ := b.record(&hashA); r.LastAnnounce != b.now().minute()-c.want {
			t.Errorf("after one %d minutes old: %d minutes ago, want %d", c.minutes, b.now().minute()-r.LastAnnounce, c.want)
		}
	}
	b.RestorePeers(b.now(), []PeerState{{InfoHash: hashB, Peer: peer4(1), Age: 600}})
	if r, ok := b.record(&hashB); !ok || r.LastAnnounce != b.now().minute()-10 {
		t.Errorf("a torrent that was unknown: %+v", r)
	}
}
