package tracker

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// holdings returns the sample of networks that hold so many torrents each, all of
// them in it.
func holdings(networks ...uint32) (sample []holding) {
	for _, n := range networks {
		for range n {
			sample = append(sample, holding{score: n, amount: 1})
		}
	}
	return sample
}

func TestLevel(t *testing.T) {
	for _, c := range []struct {
		name   string
		sample []holding
		need   float64
		want   uint32
	}{
		{"nothing is held", nil, 1, 0},
		{"one network", holdings(100), 10, 90},
		{"one network that is not enough", holdings(100), 101, 0},
		{"all of one network", holdings(100), 100, 0},
		{"the one that holds most", holdings(1, 2, 100, 50), 20, 80},
		{"two that hold most", holdings(1, 2, 100, 50), 60, 45},
		{"just down to the second", holdings(100, 50), 50, 50},
		{"equals", holdings(10, 10, 10, 10), 4, 9},
		{"a part of one", holdings(10, 10, 10, 10), 1, 9},
		{"nobody holds more than one", holdings(1, 1, 1), 1, 0},
		{"one holds two", holdings(2, 1), 1, 1},
		{"one holds three", holdings(3), 1, 2},
		{"what belongs to nobody does not go", []holding{{0, 1000}, {10, 10}}, 5, 5},
		{"large amounts", []holding{{1000, 1e9}, {10, 1e9}}, 5e8, 500},
		{"heavier than its score", []holding{{10, 1000}, {1000, 10}}, 500, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := level(c.sample, c.need); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
}

// TestLevelIsEnough takes away what random networks hold above the level, and
// compares with what had to go.
func TestLevelIsEnough(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		networks, all := make([]uint32, 1+r.IntN(20)), 0
		for i := range networks {
			networks[i] = 1 + r.Uint32N(1+r.Uint32N(50))
			all += int(networks[i])
		}
		need := 1 + r.IntN(all)
		at := level(holdings(networks...), float64(need))
		above := func(at uint32) (sum int) {
			for _, n := range networks {
				sum += int(n - min(n, at))
			}
			return sum
		}
		if above(at) < need || above(at+1) >= need {
			t.Errorf("%v: level %d makes %d go, one more %d; want %d", networks, at, above(at), above(at+1), need)
		}
	}
}

func TestLastRank(t *testing.T) {
	sample := []idle{{rank{5, 10}, 1}, {rank{1, 30}, 2}, {rank{1, 20}, 1}, {rank{900, 1}, 4}}
	for _, c := range []struct {
		need   float64
		want   rank
		enough bool
	}{
		{0.5, rank{1, 20}, true},
		{1, rank{1, 20}, true},
		{2, rank{1, 30}, true},
		{4, rank{5, 10}, true},
		{8, rank{900, 1}, true},
		{9, rank{900, 1}, false},
	} {
		if got, enough := lastRank(slices.Clone(sample), c.need); got != c.want || enough != c.enough {
			t.Errorf("need %g: %v %v, want %v %v", c.need, got, enough, c.want, c.enough)
		}
	}
	if _, enough := lastRank(nil, 1); enough {
		t.Error("nothing is enough")
	}
}
