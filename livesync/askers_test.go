package livesync

import (
	"fmt"
	"testing"
	"time"

	"keeptrack/livesync/transport"
)

// TestWhoAsksAgainIsAnsweredLess has one ask for its peers twice a second for a day.
func TestWhoAsksAgainIsAnsweredLess(t *testing.T) {
	a, now := make(askers), time.Unix(1e9, 0)
	hours := make([]int, 24)
	for hour := range hours {
		for range 2 * 3600 {
			if a.admit(node, now) {
				hours[hour]++
			}
			now = now.Add(time.Second / 2)
		}
	}
	if hours[0] > 20 || hours[23] > 8 || hours[23] == 0 {
		t.Errorf("answered %v times an hour", hours)
	}
	now = now.Add(forgiveAfter)
	if !a.admit(node, now) {
		t.Error("not forgiven")
	}
	now = now.Add(restAfterPeers)
	if !a.admit(node, now) {
		t.Error("the second time after it was forgiven is as rare as before")
	}
}

func TestAskersDoNotHinderEachOther(t *testing.T) {
	a, now := make(askers), time.Unix(1e9, 0)
	for n := range 3 * maxAskers {
		if !a.admit(transport.Named(fmt.Sprint(n)), now.Add(time.Duration(n))) {
			t.Fatalf("asker %d is not answered", n)
		}
	}
	if len(a) != maxAskers {
		t.Errorf("%d askers are remembered, want %d", len(a), maxAskers)
	}
	if a.admit(transport.Named(fmt.Sprint(3*maxAskers-1)), now.Add(time.Second/2)) {
		t.Error("the last one is forgotten")
	}
}
