package livesync

import (
	"slices"
	"testing"
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/override"
)

// TestAnswers: every override that spreads in the ranges asked for is told once, in
// packets that are full, at the pace.
func TestAnswers(t *testing.T) {
	held := newHeld()
	last := tracker.InfoHash{}
	for i := range last {
		last[i] = 0xff
	}
	want := map[tracker.InfoHash]bool{}
	put := func(h tracker.InfoHash, d override.Decision, told bool) {
		held.set.Put(override.Override{InfoHash: h, Decision: d, Time: 1})
		if told {
			want[h] = true
		}
	}
	for i := range 25 {
		put(tracker.InfoHash{7, byte(i)}, override.Refuse, true)
		put(tracker.InfoHash{8, byte(i)}, override.Serve, false) // not asked for
		put(tracker.InfoHash{9, byte(i)}, override.LocalAdded, false)
	}
	put(tracker.InfoHash{}, override.Dropped, true)
	put(last, override.Refuse, true)
	a := answers{pace: newPacer(100)}
	for range 2 {
		for _, first := range []byte{0, 3, 7, 9, 255} {
			a.add(first)
		}
	}
	now := time.Unix(1_700_000_000, 0)
	var sizes []int
	for a.left > 0 {
		some, wait := a.next(held, 10, now, nil)
		if len(some) == 0 {
			if a.left > 0 && !wait.After(now) {
				t.Fatalf("%d ranges are left, to be looked at again at %s", a.left, wait)
			}
			now = wait
			continue
		}
		sizes = append(sizes, len(some))
		for _, o := range some {
			if !want[o.InfoHash] {
				t.Errorf("told %s, twice or not asked for", o.InfoHash)
			}
			delete(want, o.InfoHash)
		}
	}
	if len(want) > 0 || !slices.Equal(sizes, []int{10, 10, 7}) {
		t.Errorf("not told %v; packets of %v", want, sizes)
	}
	if took := now.Sub(time.Unix(1_700_000_000, 0)); took > 20*time.Millisecond {
		t.Errorf("three packets took %s at 100 a second", took)
	}
	if some, wait := a.next(held, 10, now.Add(time.Hour), nil); len(some) > 0 || !wait.IsZero() {
		t.Errorf("nothing is asked for: %v, %s", some, wait)
	}
}

// TestAnswersArePaced: however often they are asked for.
func TestAnswersArePaced(t *testing.T) {
	held := newHeld()
	for i := range 1000 {
		held.set.Put(override.Override{InfoHash: tracker.InfoHash{7, byte(i >> 8), byte(i)}, Decision: override.Refuse})
	}
	a, packets := answers{pace: newPacer(10)}, 0
	for now := time.Unix(1_700_000_000, 0); now.Unix() < 1_700_000_010; now = now.Add(time.Millisecond) {
		a.add(7)
		if some, _ := a.next(held, 10, now, nil); len(some) > 0 {
			packets++
		}
	}
	if packets < 99 || packets > 102 {
		t.Errorf("%d packets in 10 seconds at 10 a second", packets)
	}
}
