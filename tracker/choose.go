package tracker

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"unsafe"
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
	var drawn [maxChoice]uint32
	picks := drawn[:c.want]
	draw(rng, n, picks)
	switch {
	case n6 == 0:
		r.Peers4 = appendPicks(r.Peers4, p4, picks, skip4)
	case n4 == 0:
		r.Peers6 = appendPicks(r.Peers6, p6, picks, skip6)
	default:
		picks4, picks6 := split(picks, n4)
		r.Peers4 = appendPicks(r.Peers4, p4, picks4, skip4)
		r.Peers6 = appendPicks(r.Peers6, p6, picks6, skip6)
	}
}

// draw fills picks with different numbers below n, every set of them equally
// likely.
func draw(rng *rand.PCG, n uint32, picks []uint32) {
	if n <= maxShuffle {
		shuffle(rng, n, picks)
	} else {
		sample(rng, n, picks)
	}
}

// maxShuffle is the most numbers that are shuffled to draw some of them.
const maxShuffle = 512

var ascending = func() (a [maxShuffle]uint16) {
	for i := range a {
		a[i] = uint16(i)
	}
	return a
}()

// shuffle is draw for small n: the beginning of a Fisher-Yates shuffle, which
// has no branches to mispredict. Each random word is enough for two draws: in
// none does a number come up more often than another by more than one part in
// eight million.
func shuffle(rng *rand.PCG, n uint32, picks []uint32) {
	var deck [maxShuffle]uint16
	copy(deck[:n], ascending[:n])
	var word uint64
	for at := range picks {
		if word >>= 32; at&1 == 0 {
			word = rng.Uint64()
		}
		left := uint64(n - uint32(at))
		i := uint32(at) + uint32(uint64(uint32(word))*left>>32)
		deck[at&(maxShuffle-1)], deck[i&(maxShuffle-1)] = deck[i&(maxShuffle-1)], deck[at&(maxShuffle-1)]
		picks[at] = uint32(deck[at&(maxShuffle-1)])
	}
}

// sample is draw for large n, by Floyd's algorithm: for each of the last
// len(picks) numbers below n it draws one up to that, and takes it or, if it is
// taken already, the number itself.
func sample(rng *rand.PCG, n uint32, picks []uint32) {
	var taken sampled
	top := n - uint32(len(picks))
	for at := range picks {
		i := below(rng, top+1)
		if !taken.add(i) {
			i = top
			taken.add(i)
		}
		picks[at] = i
		top++
	}
}

// split moves the picks below n to the front. It returns them, and the others
// less n.
func split(picks []uint32, n uint32) (low, high []uint32) {
	at := 0
	for i, pick := range picks {
		if pick < n {
			picks[i], picks[at] = picks[at], pick
			at++
		}
	}
	low, high = picks[:at], picks[at:]
	for i := range high {
		high[i] -= n
	}
	return low, high
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

// appendPicks appends the candidates at the places picked.
func appendPicks[K key](dst []byte, p *peers[K], picks []uint32, skip uint32) []byte {
	dst, room := extend[K](dst, len(picks))
	if p.large != nil {
		for at, i := range picks {
			if i >= skip {
				i++
			}
			room[at] = p.large.at(i).key
		}
		return dst
	}
	for at, i := range picks {
		if i >= skip {
			i++
		}
		room[at] = p.list[i].key
	}
	return dst
}

// appendPeers appends the first n candidates.
func appendPeers[K key](dst []byte, p *peers[K], n, skip uint32) []byte {
	dst, room := extend[K](dst, int(n))
	for at := range room {
		i := uint32(at)
		if i >= skip {
			i++
		}
		room[at] = p.at(i).key
	}
	return dst
}

// extend makes dst longer by n peers in compact form, and returns those bytes
// also as keys, which have no alignment.
func extend[K key](dst []byte, n int) ([]byte, []K) {
	if n == 0 {
		return dst, nil
	}
	var k K
	at, size := len(dst), n*len(k)
	dst = slices.Grow(dst, size)[:at+size]
	return dst, unsafe.Slice((*K)(unsafe.Pointer(&dst[at])), n)
}

// below returns a random number below n, which must not be 0.
func below(rng *rand.PCG, n uint32) uint32 {
	hi, _ := bits.Mul64(rng.Uint64(), uint64(n))
	return uint32(hi)
}

// sampled is a set of at most maxChoice numbers, by open addressing. A slot is
// a number plus one, or 0.
type sampled [4 * (maxChoice + 1)]uint32

// add puts i into the set and says whether it was not in it.
func (s *sampled) add(i uint32) bool {
	const mask = uint32(len(s) - 1)
	for at := i * 0x9e3779b1 >> 16 & mask; ; at = (at + 1) & mask {
		switch s[at] {
		case 0:
			s[at] = i + 1
			return true
		case i + 1:
			return false
		}
	}
}
