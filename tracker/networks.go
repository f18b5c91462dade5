package tracker

import (
	"math"
	"sync/atomic"
	"unsafe"
)

// networkCounts counts the peers of a large list by network, at all of its levels,
// in at least as many counters as there are peers, or thrice as many for IPv6. At
// each level a network has two of them, which it shares with others; its count is
// the lower. Each counter holds two of the others' peers on
// average, whoever they are, and networkSlack is taken off for them. So a count is
// at most that much too low, and a network with c peers seems to have l with a
// probability of at most (2/(l+networkSlack-c))²: 1.6e-5 for half of a limit of
// 1,000, and 1e-6 for any limit where all others have one peer each.
//
// When there have to be more counters, or far fewer will do, the others are filled
// beside those in use, a few peers with each that comes or goes.
type networkCounts struct {
	now    counters
	next   counters // that the peers at the first filled positions are counted in
	filled uint32
	levels uint32 // that the networks have at most
	seed   uint64
	bytes  *atomic.Int64 // to which the counters are added
}

const (
	networkSlack = 8
	minCounters  = 512
	// segmentCounters is the most counters that are allocated at a time.
	segmentCounters = 4096
	// With every peer that comes, fillComing are counted in the next counters:
	// begun when there are 7 peers for 8 counters, these are there in time. One
	// that goes has less of that done, as many may go at once.
	fillComing, fillGoing = 8, 2

	mostCounted  = math.MaxUint16 - networkSlack
	counterBytes = int64(unsafe.Sizeof(uint16(0)))
)

// counters are a power of two of counters, or none. One that has reached the
// greatest number stays there.
type counters struct {
	segments [][]uint16 // nil where all are 0
	n        uint32
}

func newCounters(n uint32) counters {
	return counters{segments: make([][]uint16, max(n/segmentCounters, 1)), n: n}
}

// places returns the numbers of a network's two counters at a level.
func (c *counters) places(n Network, level int, seed uint64) (i, j uint32) {
	hash, mask := hashNetwork(n, level, seed), c.n-1
	i, j = uint32(hash)&mask, uint32(hash>>32)&mask
	if i == j {
		j ^= 1
	}
	return i, j
}

func (c *counters) get(i uint32) uint16 {
	if segment := c.segments[i/segmentCounters]; segment != nil {
		return segment[i%segmentCounters]
	}
	return 0
}

// add adds by to a counter, and its memory to bytes.
func (c *counters) add(i uint32, by int, bytes *atomic.Int64) {
	segment := c.segments[i/segmentCounters]
	if segment == nil {
		segment = make([]uint16, min(c.n, segmentCounters))
		c.segments[i/segmentCounters] = segment
		bytes.Add(int64(len(segment)) * counterBytes)
	}
	if counter := &segment[i%segmentCounters]; *counter < math.MaxUint16 {
		*counter += uint16(by)
	}
}

func newNetworkCounts[K key](seed uint64, bytes *atomic.Int64) networkCounts {
	c := networkCounts{now: newCounters(minCounters), levels: 1, seed: seed, bytes: bytes}
	if entryBytes[K]() != int64(entrySize4) {
		c.levels = networkLevels
	}
	return c
}

// discard takes the memory of the counters off bytes.
func (c *counters) discard(bytes *atomic.Int64) {
	for _, segment := range c.segments {
		bytes.Add(-int64(len(segment)) * counterBytes)
	}
}

// of returns about the number of peers of a network at a level.
func (c *networkCounts) of(n Network, level int) uint32 {
	i, j := c.now.places(n, level, c.seed)
	return uint32(max(min(c.now.get(i), c.now.get(j)), networkSlack) - networkSlack)
}

// count adds by to the counters of a network.
func (c *networkCounts) count(in *counters, n Network, by int) {
	for level := range n.levels() {
		i, j := in.places(n, level, c.seed)
		in.add(i, by, c.bytes)
		in.add(j, by, c.bytes)
	}
}

// came counts a peer that has come to position at.
func (c *networkCounts) came(n Network, at uint32) {
	c.count(&c.now, n, 1)
	if at < c.filled {
		c.count(&c.next, n, 1)
	}
}

// went takes a peer off that goes from position at.
func (c *networkCounts) went(n Network, at uint32) {
	c.count(&c.now, n, -1)
	if at < c.filled {
		c.count(&c.next, n, -1)
	}
}

// moved takes note of a peer that moves to another position.
func (c *networkCounts) moved(n Network, to, from uint32) {
	switch before, after := from < c.filled, to < c.filled; {
	case before && !after:
		c.count(&c.next, n, -1)
	case !before && after:
		c.count(&c.next, n, 1)
	}
}

// resize begins to fill other counters if those in use are too few, or far too
// many, for so many peers. It says whether some are being filled.
func (c *networkCounts) resize(peers uint32) bool {
	switch counted := peers * c.levels; {
	case c.next.n > 0:
	case counted > c.now.n-c.now.n/8:
		c.next = newCounters(2 * c.now.n)
	case counted < c.now.n/8 && c.now.n > minCounters:
		c.next = newCounters(c.now.n / 2)
	default:
		return false
	}
	return true
}

// fill counts in the next counters up to steps more of so many peers, whose
// networks network returns by position. When all are there, those take the place of
// the counters in use.
func (c *networkCounts) fill(peers uint32, steps int, network func(at uint32) Network) {
	if !c.resize(peers) {
		return
	}
	for c.filled = min(c.filled, peers); c.filled < peers && steps > 0; steps-- {
		c.count(&c.next, network(c.filled), 1)
		c.filled++
	}
	if c.filled == peers {
		c.now.discard(c.bytes)
		c.now, c.next, c.filled = c.next, counters{}, 0
	}
}
