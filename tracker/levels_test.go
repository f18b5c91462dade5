package tracker

import (
	"encoding/binary"
	"testing"
	"time"
)

// within returns a peer in the n-th /64 of an IPv6 /56, or of a /48, by the number
// of bits between the prefixes.
func within(bits, n int) Peer {
	p := peer6(0)
	binary.BigEndian.PutUint64(p.addr[:], 0x2a00_0001_0002_0300&^(1<<bits-1)+uint64(n))
	return p
}

// wider are the prefixes that lie around a /64, and how many times its limit they
// may have.
var wider = []struct {
	name  string
	bits  int
	times int
}{{"56", 8, 4}, {"48", 16, 16}}

func TestTorrentsPerWiderNetwork(t *testing.T) {
	for _, w := range wider {
		t.Run(w.name, func(t *testing.T) {
			const limit = 50
			b := limited(t, 0, limit)
			networks := 1 << w.bits
			for i := range w.times * limit { // none of its /64s, nor of a /48's /56s, comes near its own limit
				b.leech(loadHash(i), within(w.bits, i*13%networks))
			}
			b.wantTurned(0, 0)
			b.leech(hashA, within(w.bits, networks-1))
			b.wantTurned(0, 1)
			b.leech(hashA, within(w.bits, networks)) // the next prefix
			b.wantTurned(0, 1)
			b.advance(ticksPerTimeout * time.Second) // all of it comes back in a peer timeout
			b.sweepAll()
			for i := range w.times * limit {
				b.leech(loadHash(10_000+i), within(w.bits, i*13%networks))
			}
			b.wantTurned(0, 1)
		})
	}
}

func TestFirstCompletionsPerWiderNetwork(t *testing.T) {
	for _, w := range wider {
		t.Run(w.name, func(t *testing.T) {
			const limit = 50
			c := newCompleting(t, limit, 720*time.Hour)
			networks := 1 << w.bits
			for i := range w.times * limit {
				c.complete(loadHash(i), within(w.bits, i*13%networks))
			}
			c.wantUncounted(0)
			c.complete(hashA, within(w.bits, networks-1))
			c.wantUncounted(1)
			c.complete(hashB, within(w.bits, networks))
			c.wantUncounted(1)
		})
	}
}
