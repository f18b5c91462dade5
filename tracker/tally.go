package tracker

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
	"unsafe"
)

// Tally counts by Network in memory of a fixed size without pointers. Its methods
// may be called from any goroutine and never block.
//
// An IPv6 network counts at three levels: its /64, and the /56 and the /48 that
// this lies in, whose counts go up by a quarter and a sixteenth. So a limit on
// the count of a network allows a /56 four times as much, and a /48 sixteen times.
//
// At each level tallyCells of the counters, which a hash with a secret key picks
// and others may share, have the count; it is the lowest of them. A count is never
// too low. It is too high by n or more only if each of the network's counters is
// shared with others that have n together. With H networks at a limit, that puts
// one with a count of 0 at the limit with a probability of at most
// (tallyCells·H / counters)³: 2e-11 for ten of them in a Tally of NewTally,
// 1.2e-5 for a thousand. Nobody can tell which networks share a counter.
type Tally struct {
	seed  uint64
	mask  uint64
	cells []atomic.Uint32 // in parts of tallyUnit
}

const (
	tallySize  = 1 << 17 // half a mebibyte
	tallyCells = 3
	// tallyUnit is what one adds to the counters of an IPv4 address or a /64.
	tallyUnit = 1 << (2 * (networkLevels - 1))
)

// NewTally returns a Tally of half a mebibyte with all counts 0.
func NewTally() *Tally { return newTally(tallySize) }

// newTally returns a Tally with so many counters, a power of two up to 1<<21.
func newTally(counters int) *Tally {
	return &Tally{seed: rand.Uint64(), mask: uint64(counters) - 1, cells: make([]atomic.Uint32, counters)}
}

// Count returns how often n was added and not removed, or more, and no less than
// the count of the /56 and the /48 that it lies in.
func (t *Tally) Count(n Network) uint32 {
	most := uint32(0)
	for level := range n.levels() {
		h := hashNetwork(n, level, t.seed)
		most = max(most, min(t.cell(h, 0).Load(), t.cell(h, 1).Load(), t.cell(h, 2).Load()))
	}
	return most / tallyUnit
}

// Add counts n once more.
func (t *Tally) Add(n Network) { t.add(n, 1) }

// Remove takes back one Add of n.
func (t *Tally) Remove(n Network) { t.add(n, ^uint32(0)) }

// add counts n so many times more, modulo 1<<32.
func (t *Tally) add(n Network, times uint32) {
	for level := range n.levels() {
		h, by := hashNetwork(n, level, t.seed), times*(tallyUnit>>(2*level))
		for i := range tallyCells {
			t.cell(h, i).Add(by)
		}
	}
}

// prefetch fetches the counters of n.
func (t *Tally) prefetch(n Network) {
	for level := range n.levels() {
		h := hashNetwork(n, level, t.seed)
		for i := range tallyCells {
			prefetchLines(unsafe.Pointer(t.cell(h, i)), 0)
		}
	}
}

// drain takes amount off every counter, or what there is. It does not go
// together with Remove.
func (t *Tally) drain(amount uint32) {
	amount = uint32(min(uint64(amount)*tallyUnit, math.MaxUint32))
	for i := range t.cells {
		c := &t.cells[i]
		for n := c.Load(); n > 0 && !c.CompareAndSwap(n, n-min(n, amount)); n = c.Load() {
		}
	}
}

// cell returns the i-th counter of the network with hash h.
func (t *Tally) cell(h uint64, i int) *atomic.Uint32 {
	return &t.cells[h>>(i*(64/tallyCells))&t.mask]
}
