package tracker

import (
	"math/rand/v2"
	"sync"
	"testing"
)

// TestTallyIsNeverTooLow counts networks of all kinds up and down and compares
// with what they have.
func TestTallyIsNeverTooLow(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	tally, have := NewTally(), make(map[Network]uint32)
	for range 200_000 {
		n := Network(r.Uint64N(20_000) * r.Uint64N(3))
		if have[n] > 0 && r.IntN(3) == 0 {
			have[n]--
			tally.Remove(n)
		} else {
			have[n]++
			tally.Add(n)
		}
	}
	wrong := 0
	for n, want := range have {
		got := tally.Count(n)
		if got < want {
			t.Fatalf("%x is counted %d times instead of %d", n, got, want)
		}
		if got > want {
			wrong++
		}
	}
	// 40,000 networks of a few each fill 60 % of the counters.
	if share := float64(wrong) / float64(len(have)); share > 0.4 {
		t.Errorf("%.2f of the counts are too high", share)
	}
	for n, c := range have {
		for range c {
			tally.Remove(n)
		}
	}
	for n := range have {
		if got := tally.Count(n); got != 0 {
			t.Fatalf("%x is counted %d times after all", n, got)
		}
	}
}

// TestTallyFalseCounts holds the error bound that Tally states.
func TestTallyFalseCounts(t *testing.T) {
	const heavy, asked = 4096, 200_000
	tally := NewTally()
	for n := range Network(heavy) {
		for range 10 {
			tally.Add(n)
		}
	}
	wrong := 0
	for n := range Network(asked) {
		if tally.Count(heavy+n) >= 10 {
			wrong++
		}
	}
	bound := 1.0
	for range tallyCells {
		bound *= float64(tallyCells*heavy) / tallySize
	}
	// Its standard deviation is a tenth of the expected 165.
	if most := 1.5 * bound * asked; float64(wrong) > most {
		t.Errorf("%d of %d networks at the limit, want at most %.0f", wrong, asked, most)
	}
}

func TestTallyDrains(t *testing.T) {
	tally := NewTally()
	for n := range Network(3) {
		for range 10 * (n + 1) {
			tally.Add(n)
		}
	}
	for _, want := range [][3]uint32{{5, 15, 25}, {0, 10, 20}, {0, 5, 15}} {
		tally.drain(5)
		for n, count := range want {
			if got := tally.Count(Network(n)); got != count {
				t.Errorf("network %d has %d, want %d", n, got, count)
			}
		}
	}
}

func TestTallyAtOnce(t *testing.T) {
	const workers, rounds = 8, 1000
	tally := NewTally()
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for range rounds {
				tally.Add(1)
			}
		})
	}
	group.Wait()
	if got := tally.Count(1); got != workers*rounds {
		t.Errorf("%d counted", got)
	}
}
