package exact

import (
	"testing"
	"time"
)

// TestWhenToAsk goes through hellos an interval apart.
func TestWhenToAsk(t *testing.T) {
	type hello struct {
		mine, theirs uint64
		fresh        bool
		ask, some    bool
	}
	const patience = 3 * interval
	for _, tt := range []struct {
		name     string
		patience time.Duration
		hellos   []hello
	}{
		{"parts: in the second hello", 0, []hello{{1, 2, false, false, false}, {1, 3, false, true, false}}},
		{"parts: like in between", 0, []hello{{1, 2, false, false, false}, {2, 2, false, false, false}, {2, 3, false, false, false}}},
		{"fresh: at once", 0, []hello{{1, 2, true, true, false}}},
		{"nobody's: neither side changes", patience, []hello{{1, 2, false, false, false}, {1, 2, false, true, false}}},
		{"nobody's: both sides change", patience, []hello{
			{1, 2, false, false, false}, {1, 3, false, false, false}, {2, 3, false, false, false}, {2, 4, false, true, true},
		}},
	} {
		var u unlike
		now := time.Unix(1e9, 0)
		for i, h := range tt.hellos {
			if ask, some := u.look(now, h.mine, h.theirs, h.fresh, tt.patience); ask != h.ask || some != h.some {
				t.Errorf("%s: hello %d: %v, %v", tt.name, i, ask, some)
			}
			now = now.Add(interval)
		}
	}
}

// TestAskingInVainGrowsRare counts how often a difference is asked about in a day that
// asking never mends.
func TestAskingInVainGrowsRare(t *testing.T) {
	for _, tt := range []struct {
		name             string
		refused, changes bool
		least, most      int
	}{
		{"static", false, false, 24, 32},
		{"cannot be taken in, and changes", true, true, 24, 32},
		{"another each time", false, true, 700, 1440},
	} {
		var u unlike
		asked := 0
		now := time.Unix(1e9, 0)
		for i := range uint64(24 * 60) {
			theirs := uint64(2)
			if tt.changes {
				theirs += i
			}
			if ask, _ := u.look(now, 1, theirs, false, 0); ask {
				asked++
				u.asked(now, false, tt.refused, interval)
			}
			now = now.Add(interval)
		}
		if asked < tt.least || asked > tt.most {
			t.Errorf("%s: asked %d times", tt.name, asked)
		}
	}
}
