package tracker

import (
	"math/rand/v2"
	"testing"
)

// TestLargeSwarm has a swarm grow to many pages of peers and shrink again, with
// roles that change, and looks at all of it in between.
func TestLargeSwarm(t *testing.T) {
	for f := range Family(2) {
		b := newRig(t, nil)
		rng := rand.New(rand.NewPCG(1, uint64(f)))
		n := 0
		for _, target := range []int{300, 1000, 1100, 9000, 8000, 12_000, 5000, 900, 140, 3000, 100, 0} {
			for ; n < target; n++ {
				b.announce(hashA, peerN(f, n), func(a *Announce) { a.Left = rng.Uint64N(2) })
				b.announce(hashA, peerN(f, rng.IntN(n+1)), func(a *Announce) { a.Left = rng.Uint64N(2) })
			}
			for ; n > target; n-- {
				b.stop(hashA, peerN(f, n-1))
				if n > 1 {
					b.announce(hashA, peerN(f, rng.IntN(n-1)), func(a *Announce) { a.Left = rng.Uint64N(2) })
				}
			}
			if got := b.Stats().Peers[f]; got != uint64(target) {
				t.Errorf("%v: %d peers, want %d", f, got, target)
			}
			checkInvariants(t, b.Tracker)
		}
	}
}

// TestLargeSwarmExpires lets every other of many peers time out.
func TestLargeSwarmExpires(t *testing.T) {
	const n = 10_000
	b := newRig(t, nil)
	for i := range n {
		b.announce(hashA, peer4(i), func(a *Announce) { a.Left = uint64(i % 3) })
		b.announce(hashA, peer6(i), func(a *Announce) { a.Left = uint64(i % 5) })
	}
	b.advance(b.opts.PeerTimeout / 2)
	for i := 0; i < n; i += 2 {
		b.announce(hashA, peer4(i), func(a *Announce) { a.Left = uint64(i % 3) })
	}
	b.advance(b.opts.PeerTimeout / 2)
	b.sweepAll()
	if got := b.Stats().Peers; got != [2]uint64{n / 2, 0} {
		t.Errorf("%d peers are left", got)
	}
	checkInvariants(t, b.Tracker)
	b.advance(b.opts.PeerTimeout)
	b.sweepAll()
	if got := b.Stats().Peers; got != [2]uint64{} {
		t.Errorf("%d peers are left", got)
	}
}
