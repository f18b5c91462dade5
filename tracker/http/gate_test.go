package http

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestGate(t *testing.T) {
	for _, test := range []struct {
		name         string
		limit        int64
		open         int64
		enters, last bool
	}{
		{"no bound", 0, 1000, true, true},
		{"empty", 2, 0, true, true},
		{"one free", 2, 1, true, false},
		{"full", 2, 2, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := gate{limit: test.limit}
			g.open.Store(test.open)
			if got := g.enter(); got != test.enters {
				t.Errorf("the first enters: %v", got)
			}
			if got := g.enter(); got != test.last {
				t.Errorf("the second enters: %v", got)
			}
		})
	}
}

// TestGateAtOnce has more enter at once than may.
func TestGateAtOnce(t *testing.T) {
	const limit, many, rounds = 3, 8, 2000
	g := gate{limit: limit}
	var inside, beyond atomic.Int64
	var group sync.WaitGroup
	for range many {
		group.Go(func() {
			for range rounds {
				if !g.enter() {
					continue
				}
				if inside.Add(1) > limit || g.open.Load() > limit {
					beyond.Add(1)
				}
				inside.Add(-1)
				g.leave()
			}
		})
	}
	group.Wait()
	if beyond.Load() > 0 || g.open.Load() != 0 {
		t.Errorf("%d times too many, %d left", beyond.Load(), g.open.Load())
	}
}
