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
	c4, c6 := candidatesOf(c, IPv4, p4.counts), candidatesOf(c, IPv6, p6.counts)
	n := c4.n + c6.n
	switch {
	case n <= c.want:
		r.Peers4 = appendPeers(r.Peers4, p4, c4)
		r.Peers6 = appendPeers(r.Peers6, p6, c6)
	case n <= maxShuffle:
		deck := ascending
		appendDrawn(r, shuffle(rng, deck[:n], c.want), p4, p6, c4, c6)
	default:
		var drawn [maxChoice]uint32
		appendDrawn(r, sample(rng, n, drawn[:c.want]), p4, p6, c4, c6)
	}
}

// appendDrawn appends the candidates drawn to r: those below c4.n are of IPv4.
func appendDrawn[N number](r *Reply, drawn []N, p4 *peers[key4], p6 *peers[key6], c4, c6 candidates) {
	switch {
	case c6.n == 0:
		r.Peers4 = appendPicks(r.Peers4, p4, drawn, c4)
	case c4.n == 0:
		r.Peers6 = appendPicks(r.Peers6, p6, drawn, c6)
	default:
		drawn4, drawn6 := split(drawn, c4.n)
		r.Peers4 = appendPicks(r.Peers4, p4, drawn4, c4)
		r.Peers6 = appendPicks(r.Peers6, p6, drawn6, c6)
	}
}

// number is what candidates are drawn by, from 0 on.
type number interface{ uint16 | uint32 }

// Each random word is enough for several draws: what a draw leaves of it is multiplied for
// the next. As long as the product of what is drawn from stays below 1<<40, no number comes
// up more often than another by more than one part in eight million.

// maxShuffle is the most numbers that are shuffled to draw some of them.
const maxShuffle = 512

var ascending = func() (a [maxShuffle]uint16) {
	for i := range a {
		a[i] = uint16(i)
	}
	return a
}()

// shuffle draws want of the cards of a deck, every row of them equally likely: the
// beginning of a Fisher-Yates shuffle, which has no branches to mispredict.
func shuffle(rng *rand.PCG, deck []uint16, want uint32) (drawn []uint16) {
	n := uint32(len(deck))
	var word uint64
	for at := range want {
		if at%4 == 0 { // maxShuffle⁴ is 1<<36
			word = rng.Uint64()
		}
		var i uint64
		i, word = bits.Mul64(word, uint64(n-at))
		i += uint64(at)
		deck[at], deck[i] = deck[i], deck[at]
	}
	return deck[:want]
}

// sample fills picks with different numbers below n, every row of them equally likely, for
// an n too large to shuffle: instead of one that was drawn before, another is drawn.
func sample(rng *rand.PCG, n uint32, picks []uint32) []uint32 {
	var taken sampled
	var word uint64
	for at, draws := 0, 0; at < len(picks); draws++ {
		if draws%2 == 0 || n > 1<<20 { // two draws: 1<<40
			word = rng.Uint64()
		}
		var i uint64
		i, word = bits.Mul64(word, uint64(n))
		if pick := uint32(i); !taken.has(pick, picks[:at]) {
			taken.add(pick)
			picks[at] = pick
			at++
		}
	}
	return picks
}

// sampled is a filter for a set of at most maxChoice numbers, with a bit for each
// remainder: one that is clear means that a number is not in the set.
type sampled [1024 / 64]uint64

func (s *sampled) add(i uint32) { s[i%1024/64] |= 1 << (i % 64) }

// has says whether i is in the set, whose numbers are given.
func (s *sampled) has(i uint32, set []uint32) bool {
	return s[i%1024/64]>>(i%64)&1 != 0 && slices.Contains(set, i)
}

// split moves the picks below n to the front. It returns them, and the others
// less n.
func split[N number](picks []N, n uint32) (low, high []N) {
	at := 0
	for i, pick := range picks {
		if uint32(pick) < n {
			picks[i], picks[at] = picks[at], pick
			at++
		}
	}
	low, high = picks[:at], picks[at:]
	for i := range high {
		high[i] -= N(n)
	}
	return low, high
}

// candidates are the peers of a family that may be drawn: the first n of its list, but
// for the one at the place skip.
type candidates struct{ n, skip uint32 }

func candidatesOf(c *choice, f Family, p counts) candidates {
	const none = ^uint32(0)
	if f != c.family && !c.both {
		return candidates{0, none}
	}
	if c.seeder {
		return candidates{p.leechers, none}
	}
	if f == c.family && c.self >= 0 {
		return candidates{p.n - 1, uint32(c.self)}
	}
	return candidates{p.n, none}
}

// place returns the place in the list of a candidate.
func (c candidates) place(candidate uint32) uint32 {
	if candidate >= c.skip {
		candidate++
	}
	return candidate
}

// appendPicks appends the candidates picked.
func appendPicks[K key, N number](dst []byte, p *peers[K], picks []N, c candidates) []byte {
	dst, room := extend[K](dst, len(picks))
	if p.large != nil {
		for at, i := range picks {
			room[at] = p.large.at(c.place(uint32(i))).key
		}
		return dst
	}
	for at, i := range picks {
		room[at] = p.list[c.place(uint32(i))].key
	}
	return dst
}

// appendPeers appends all candidates.
func appendPeers[K key](dst []byte, p *peers[K], c candidates) []byte {
	dst, room := extend[K](dst, int(c.n))
	for at := range room {
		room[at] = p.at(c.place(uint32(at))).key
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
