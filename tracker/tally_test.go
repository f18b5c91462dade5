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

// TestTallyFalseCounts holds the error bound that Tally states, for networks in a
// row, whatever the seed.
func TestTallyFalseCounts(t *testing.T) {
	for range 50 {
		falseCounts(t)
	}
}

func falseCounts(t *testing.T) {
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
		bound *= float64(tallyCells*heavy) / float64(len(tally.cells))
	}
	// Its standard deviation is a tenth of the expected 165.
	if most := 1.5 * bound * asked; float64(wrong) > most {
		t.Errorf("seed %x: %d of %d networks at the limit, want at most %.0f", tally.seed, wrong, asked, most)
	}
}

// TestTallyLevels counts IPv6 networks that lie within one another.
func TestTallyLevels(t *testing.T) {
	const in48, in56 = Network(0x2a00_0001_0002_0000), Network(0x2a00_0001_0002_0300)
	tally := NewTally()
	want := func(n Network, count uint32) {
		t.Helper()
		if got := tally.Count(n); got != count {
			t.Errorf("%x has %d, want %d", n, got, count)
		}
	}
	for i := range Network(8) { // 100 in each of eight /64s of a /56
		for range 100 {
			tally.Add(in56 + i)
		}
	}
	want(in56, 200)      // a quarter of the 800 that its /56 has
	want(in56+0xff, 200) // has none itself
	want(in56+0x100, 50) // only in the same /48
	want(in48+0x1_0000, 0)
	for range 900 {
		tally.Add(in56 + 1)
	}
	want(in56+1, 1000)
	want(in56+2, 425)
	tally.drain(25)
	want(in56+1, 975)
	want(in56+2, 400)    // 100 off the /56's 1,700
	want(in56+0x100, 81) // 400 off the /48's, of 1,300 left a sixteenth
	for i := range Network(2) {
		tally.Add(0xffff<<32 | 5 + i) // IPv4 addresses have no levels
	}
	want(0xffff<<32|5, 1)
	want(0xffff<<32|7, 0)
	want(0, 0)
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
