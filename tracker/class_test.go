package tracker

import "testing"

// TestClassSteps holds what a block may waste: IPv4 blocks of four peers and
// more are a quarter larger than the class below at most.
func TestClassSteps(t *testing.T) {
	for c := classFor(inlinePeers + 1); c+1 < classCount; c++ {
		if words, next := shapes4[c].words, shapes4[c+1].words; next*4 > words*5 {
			t.Errorf("blocks of %d words, next of %d", words, next)
		}
	}
}

// TestPagesFit holds that the allocator has the sizes of pages of IPv4 blocks, so
// that it rounds none of them up.
func TestPagesFit(t *testing.T) {
	for i := classFor(inlinePeers + 1); i < classCount; i++ {
		words := shapes4[i].pageWords()
		if size := cap(append([]uint64(nil), make([]uint64, words)...)); size != words {
			t.Errorf("pages of %d words take %d", words, size)
		}
	}
}

// TestEverySize lets swarms of each family grow past the last class and shrink
// again, some further than others, so that blocks of every class move.
func TestEverySize(t *testing.T) {
	for _, f := range []Family{IPv4, IPv6} {
		b := newRig(t, nil)
		const swarms, most = 5, maxClassRoom + 20
		for n := range most {
			for s := range swarms {
				p := peerN(f, n)
				b.announce(hashN(1, s), p, func(a *Announce) { a.Left = uint64(n % 3) })
			}
			checkInvariants(t, b.Tracker)
		}
		for n := most - 1; n >= 0; n-- {
			for s := range swarms {
				if n > 0 || s%2 == 0 {
					b.stop(hashN(1, s), peerN(f, (n+s)%most))
				}
			}
			checkInvariants(t, b.Tracker)
		}
		for s := range swarms {
			want := uint32(s % 2)
			if got := b.scrape(hashN(1, s)); got.Seeders+got.Leechers != want {
				t.Errorf("%v swarm %d: %+v, want %d peers", f, s, got, want)
			}
		}
		if t.Failed() {
			return
		}
	}
}
