package tracker

import (
	"encoding/binary"
	"fmt"
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

func TestPeersPerWiderNetwork(t *testing.T) {
	for _, w := range wider {
		for _, c := range []struct{ limit, others int }{{1, 0}, {10, 20}, {10, 1000}, {200, 3000}} {
			t.Run(fmt.Sprintf("%s, %+v", w.name, c), func(t *testing.T) {
				b := limited(t, c.limit, 0)
				for i := range c.others {
					b.leech(hashA, portOf(IPv6, 1000+i, 0))
				}
				networks, most := 1<<w.bits, w.times*c.limit
				stored, tries := 0, 0
				for ; stored == tries && tries < 2*most+100; tries++ { // each from the next /64
					before := b.Stats().Peers[IPv6]
					p := within(w.bits, tries*4099%networks)
					p.port += uint16(tries / networks)
					b.leech(hashA, p)
					stored += int(b.Stats().Peers[IPv6] - before)
				}
				slack := 0
				if c.others+most > maxClassRoom { // where it is less exact
					slack = networkSlack
				}
				if stored < most-slack || stored > most+slack {
					t.Errorf("%d peers stored, want %d", stored, most)
				}
				rejected := b.Stats().PeersRejected[RejectedPeers]
				b.leech(hashA, within(w.bits, networks)) // the next prefix
				if got := b.Stats().PeersRejected[RejectedPeers]; rejected == 0 || got != rejected {
					t.Errorf("%d rejected, then %d", rejected, got)
				}
			})
		}
	}
}

func TestTorrentsPerWiderNetwork(t *testing.T) {
	for _, w := range wider {
		t.Run(w.name, func(t *testing.T) {
			const limit = 50
			b := limited(t, 0, limit)
			networks := 1 << w.bits
			for i := range w.times * limit { // none of its /64s, nor of a /48's /56s, comes near its own limit
				b.leech(loadHash(i), within(w.bits, i*13%networks))
			}
			b.wantRejected(0, 0)
			b.leech(hashA, within(w.bits, networks-1))
			b.wantRejected(0, 1)
			b.leech(hashA, within(w.bits, networks)) // the next prefix
			b.wantRejected(0, 1)
			b.advance(ticksPerTimeout * time.Second) // all of it comes back in a peer timeout
			b.sweepAll()
			for i := range w.times * limit {
				b.leech(loadHash(10_000+i), within(w.bits, i*13%networks))
			}
			b.wantRejected(0, 1)
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
