package tracker

import (
	"math/rand/v2"
	"sync/atomic"
)

// Tally counts by Network in memory of a fixed size, half a mebibyte without
// pointers. Its methods may be called from any goroutine and never block.
//
// Every network has tallyCells of the counters, which a hash with a secret key
// picks and others may share; the lowest of them is its count. A count is never
// too low. It is too high by n or more only if each of the network's counters
// is shared with others that have n together. With H networks at a limit, that
// puts one with a count of 0 at the limit with a probability of at most
// (tallyCells·H / tallySize)³: 2e-11 for ten of them, 1.2e-5 for a thousand.
// Nobody can tell which networks share a counter.
type Tally struct {
	seed  uint64
	cells [tallySize]atomic.Uint32
}

const (
	tallySize     = 1 << tallySizeBits
	tallySizeBits = 17
	tallyCells    = 3
)

// NewTally returns a Tally with all counts 0.
func NewTally() *Tally { return &Tally{seed: rand.Uint64()} }

// Count returns how often n was added and not removed, or more.
func (t *Tally) Count(n Network) uint32 {
	h := t.hash(n)
	return min(t.cell(h, 0).Load(), t.cell(h, 1).Load(), t.cell(h, 2).Load())
}

// Add counts n once more.
func (t *Tally) Add(n Network) {
	for i, h := 0, t.hash(n); i < tallyCells; i++ {
		t.cell(h, i).Add(1)
	}
}

// Remove takes back one Add of n.
func (t *Tally) Remove(n Network) {
	for i, h := 0, t.hash(n); i < tallyCells; i++ {
		t.cell(h, i).Add(^uint32(0))
	}
}

// drain takes amount off every counter, or what there is. It does not go
// together with Remove.
func (t *Tally) drain(amount uint32) {
	for i := range t.cells {
		c := &t.cells[i]
		for n := c.Load(); n > 0 && !c.CompareAndSwap(n, n-min(n, amount)); n = c.Load() {
		}
	}
}

func (t *Tally) hash(n Network) uint64 { return mix(uint64(n), tallySize, t.seed) }

// cell returns the i-th counter of the network with hash h.
func (t *Tally) cell(h uint64, i int) *atomic.Uint32 {
	return &t.cells[h>>(i*(64/tallyCells))%tallySize]
}
