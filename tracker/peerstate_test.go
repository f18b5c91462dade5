package tracker

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// states returns the peers of all shards.
func (b *rig) states() (all []PeerState) {
	for i := range ShardCount {
		for some := range b.PeerStates(i, func() time.Time { return b.time }) {
			if len(some) > walkWork {
				b.t.Errorf("%d peers in a lock hold", len(some))
			}
			all = append(all, some...)
		}
	}
	return all
}

// TestPeersAreThereUntilTheirTimeout: of a peer that has timed out nothing is told,
// although the sweep has not found it yet.
func TestPeersAreThereUntilTheirTimeout(t *testing.T) {
	b := newRig(t, nil)
	b.leech(hashA, peer4(1))
	b.leech(hashA, peer6(1))
	b.advance(b.opts.PeerTimeout - b.clock.tick)
	if got := b.states(); len(got) != 2 {
		t.Errorf("%d peers of 2 just before their timeout", len(got))
	}
	b.advance(b.clock.tick)
	if got := b.states(); len(got) != 0 {
		t.Errorf("at their timeout: %+v", got)
	}
}

// peerName names a peer of a torrent.
type peerName struct {
	hash InfoHash
	peer Peer
}

// byName returns the states by peer, none of which may come twice.
func byName(t *testing.T, states []PeerState) map[peerName]PeerState {
	t.Helper()
	found := make(map[peerName]PeerState)
	for _, s := range states {
		name := peerName{s.InfoHash, s.Peer}
		if _, twice := found[name]; twice {
			t.Fatalf("%v comes twice", name)
		}
		found[name] = s
	}
	return found
}

func TestPeerStatesTellAllThatIsKnown(t *testing.T) {
	b := newRig(t, nil) // a tick is a second
	paused := func(a *Announce) { a.Event = EventPaused }
	b.leech(hashA, peer4(1))
	b.seed(hashA, peer6(2))
	b.complete(hashA, peer4(3))
	b.announce(hashB, peer6(4), paused)
	b.complete(hashB, peer4(5))
	b.leech(hashB, peer4(5)) // lost some of it
	b.leech(hashB, peer4(6))
	b.stop(hashB, peer4(6))
	b.advance(100 * time.Second)
	b.seed(hashB, peer4(7))
	want := map[peerName]PeerState{
		{hashA, peer4(1)}: {Age: 101},
		{hashA, peer6(2)}: {Age: 101, Flags: PeerSeeds},
		{hashA, peer4(3)}: {Age: 101, Flags: PeerSeeds | PeerCompleted},
		{hashB, peer6(4)}: {Age: 101, Flags: PeerPaused},
		{hashB, peer4(5)}: {Age: 101, Flags: PeerCompleted},
		{hashB, peer4(7)}: {Age: 1, Flags: PeerSeeds},
	}
	for name, s := range want {
		s.InfoHash, s.Peer = name.hash, name.peer
		want[name] = s
	}
	if got := byName(t, b.states()); !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	b.advance(b.opts.PeerTimeout - 50*time.Second) // nothing is swept yet
	if got := b.states(); len(got) != 1 || got[0].Peer != peer4(7) {
		t.Errorf("got %v, want the one that has not timed out", got)
	}
}

// TestPeerStatesOfALargeSwarm: all peers come, once each, a piece at a time.
func TestPeerStatesOfALargeSwarm(t *testing.T) {
	b := newRig(t, nil)
	b.PublishTo(nil)
	const n = 3*walkWork + 17
	for i := range n {
		b.announce(hashA, peer4(i), func(a *Announce) { a.Left = uint64(i % 2) })
		b.announce(hashA, peer6(i), func(a *Announce) { a.Left = uint64(i % 3) })
	}
	b.leech(hashB, peer4(1))
	all := byName(t, b.states())
	if len(all) != 2*n+1 {
		t.Fatalf("%d peers, want %d", len(all), 2*n+1)
	}
	for i := range n {
		if s := all[peerName{hashA, peer4(i)}]; s.Age != 1 || s.Flags&PeerSeeds != PeerFlags(1-i%2) {
			t.Fatalf("peer %d: %+v", i, s)
		}
	}
}

// TestPeerStatesWhileAnnouncesGoOn: a peer that stays and does not announce comes at
// least once unless others make it move, of which a swarm without coming and going
// has none.
func TestPeerStatesWhileAnnouncesGoOn(t *testing.T) {
	b := newRig(t, nil)
	b.PublishTo(nil)
	hashes := b.hashesIn(7, 1000)
	for _, h := range hashes {
		b.seed(h, peer4(1))
	}
	rng, seen := rand.New(rand.NewPCG(1, 2)), make(map[InfoHash]bool)
	dropped := make(map[InfoHash]bool)
	for some := range b.PeerStates(7, func() time.Time { return b.time }) {
		for _, s := range some {
			seen[s.InfoHash] = true
		}
		for range 20 { // torrents go, and others take their places
			h := hashes[rng.IntN(len(hashes))]
			dropped[h] = true
			b.stop(h, peer4(1))
		}
		b.advance(time.Second)
	}
	for _, h := range hashes {
		if !seen[h] && !dropped[h] {
			t.Errorf("%v is missing", h)
		}
	}
	if b.states(); !slices.ContainsFunc(hashes, func(h InfoHash) bool { return !dropped[h] }) {
		t.Error("nothing has stayed")
	}
}

// TestPeerStatesEnd: whoever stops to listen is not called again.
func TestPeerStatesEnd(t *testing.T) {
	b := newRig(t, nil)
	for _, h := range b.hashesIn(3, 2*walkChunk) {
		b.leech(h, peer4(1))
	}
	pieces := 0
	for range b.PeerStates(3, func() time.Time { return b.time }) {
		pieces++
		break
	}
	if pieces != 1 {
		t.Errorf("%d pieces", pieces)
	}
}
