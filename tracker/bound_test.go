package tracker

import "testing"

func TestCountersOfWhatNetworksHold(t *testing.T) {
	for _, c := range []struct {
		bytes int64
		want  int
	}{
		{0, 1 << 20}, // no limit
		{1, 1 << 18},
		{32<<20 - 1, 1 << 18},
		{32 << 20, 1 << 19},
		{64<<20 - 1, 1 << 19},
		{64 << 20, 1 << 20},
		{1 << 40, 1 << 20},
	} {
		if got := heldCounters(c.bytes); got != c.want {
			t.Errorf("%d bytes: %d counters, want %d", c.bytes, got, c.want)
		}
	}
}
