package livesync

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestArrivedNumbers compares with a map, with packets in any order and repeated.
func TestArrivedNumbers(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var a arrived
		seen := make(map[uint32]bool)
		for range 20_000 {
			n := a.below + rng.Uint32N(uint32(1+rng.IntN(200)))
			if rng.IntN(50) == 0 {
				n = a.below + streamWindow - 1 + rng.Uint32N(3)
			}
			if rng.IntN(10) == 0 && a.below > 0 {
				n = rng.Uint32N(a.below)
			}
			if want := !seen[n] && n-a.below < streamWindow; a.fresh(n) != want {
				t.Fatalf("seed %d: fresh(%d) is not %v, below %d", seed, n, want, a.below)
			}
			if a.fresh(n) {
				a.add(n)
				seen[n] = true
			}
		}
		var want []uint32
		for n := range a.end {
			if !seen[n] {
				want = append(want, n)
			}
		}
		got, end := a.missing(1 << 20)
		if !slices.Equal(got, want) || end != a.end || len(want) > 0 && a.below != want[0] {
			t.Fatalf("seed %d: missing %v to %d, want %v to %d", seed, got, end, want, a.end)
		}
		if len(want) > 3 {
			if got, end := a.missing(3); !slices.Equal(got, want[:3]) || end != want[3] {
				t.Errorf("seed %d: the first three: %v to %d, want %v", seed, got, end, want[:4])
			}
		}
	}
}
