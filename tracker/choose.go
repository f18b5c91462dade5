package tracker

import (
	"math/bits"
	"math/rand/v2"
)

// maxChoice is the most peers that one choice can make.
const maxChoice = 255

// choice draws the peers of a reply from a torrent: uniformly and without
// repeats. Seeders get leechers only, and nobody gets itself.
type choice struct {
	seeder bool
	self   int    // the requester's place in its family's list, or -1
	family Family // the requester's
	both   bool   // peers of both families are wanted
	want   uint32
}

// choose appends the peers drawn to r.
func (c *choice) choose(rng *rand.PCG, p4 *peers[key4], p6 *peers[key6], r *Reply) {
	n4, skip4 := candidates(c, IPv4, p4.counts)
	n6, skip6 := candidates(c, IPv6, p6.counts)
	n := n4 + n6
	if n <= c.want {
		r.Peers4 = appendPeers(r.Peers4, p4, n4, skip4)
		r.Peers6 = appendPeers(r.Peers6, p6, n6, skip6)
		return
	}
	// Floyd's algorithm: for each of the last want numbers below n, draw one
	// up to it, and take that or, if it is taken already, the number itself.
	var taken sampled
	taken.reset(c.want)
	for top := n - c.want; top < n; top++ {
		i := below(rng, top+1)
		if !taken.add(i) {
			i = top
			taken.add(i)
		}
		if i < n4 {
			r.Peers4 = appendPeer(r.Peers4, p4, i, skip4)
		} else {
			r.Peers6 = appendPeer(r.Peers6, p6, i-n4, skip6)
		}
	}
}

// candidates returns how many peers of a family may be drawn, and the place in
// the list that is to be skipped, or none.
func candidates(c *choice, f Family, p counts) (n, skip uint32) {
	const none = ^uint32(0)
	if f != c.family && !c.both {
		return 0, none
	}
	if c.seeder {
		return p.leechers, none
	}
	if f == c.family && c.self >= 0 {
		return p.n - 1, uint32(c.self)
	}
	return p.n, none
}

func appendPeer[K key](dst []byte, p *peers[K], i, skip uint32) []byte {
	if i >= skip {
		i++
	}
	return append(dst, keyBytes(&p.list[i].key)...)
}

// appendPeers appends the first n peers.
func appendPeers[K key](dst []byte, p *peers[K], n, skip uint32) []byte {
	for i := range n {
		dst = appendPeer(dst, p, i, skip)
	}
	return dst
}

// below returns a random number below n, which must not be 0.
func below(rng *rand.PCG, n uint32) uint32 {
	hi, _ := bits.Mul64(rng.Uint64(), uint64(n))
	return uint32(hi)
}

// sampled is a small set of numbers.
type sampled struct {
	slots [2 * (maxChoice + 1)]uint32 // a number plus one, or 0; open addressing
	mask  uint32
}

// reset makes the set ready for at most n numbers.
func (s *sampled) reset(n uint32) { s.mask = 1<<bits.Len32(2*n) - 1 }

// add puts i into the set and says whether it was not in it.
func (s *sampled) add(i uint32) bool {
	for at := i * 0x9e3779b1 >> 16 & s.mask; ; at = (at + 1) & s.mask {
		switch s.slots[at] {
		case 0:
			s.slots[at] = i + 1
			return true
		case i + 1:
			return false
		}
	}
}
