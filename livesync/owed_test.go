package livesync

import (
	"testing"

	"keeptrack/tracker"
)

func TestOwed(t *testing.T) {
	a, b := tracker.InfoHash{1}, tracker.InfoHash{1, 1}
	c, d := tracker.InfoHash{2}, tracker.InfoHash{3}
	type comparison struct {
		h           tracker.InfoHash
		local, told uint64
	}
	tests := []struct {
		name  string
		limit int
		said  []comparison
		want  []tracker.InfoHash
		over  bool
	}{
		{"nothing", 3, nil, nil, false},
		{"a higher count is owed", 3, []comparison{{a, 5, 4}, {c, 4, 4}, {d, 3, 4}}, []tracker.InfoHash{a}, false},
		{"told by another, as high", 3, []comparison{{a, 5, 4}, {b, 2, 1}, {a, 5, 5}}, []tracker.InfoHash{b}, false},
		{"told by another, higher", 3, []comparison{{a, 5, 4}, {a, 5, 6}}, nil, false},
		{"told by another, still lower", 3, []comparison{{a, 5, 3}, {a, 5, 4}}, []tracker.InfoHash{a}, false},
		{"as many as there is room for", 3, []comparison{{a, 1, 0}, {b, 1, 0}, {c, 1, 0}, {c, 1, 0}}, []tracker.InfoHash{a, b, c}, false},
		{"one more", 3, []comparison{{a, 1, 0}, {b, 1, 0}, {c, 1, 0}, {d, 1, 0}, {d, 1, 1}}, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := &owed{limit: tt.limit}
			for _, s := range tt.said {
				o.compare(s.h, s.local, s.told)
			}
			if got := o.any(); got != (len(tt.want) > 0 || tt.over) {
				t.Errorf("any: %v", got)
			}
			if got := o.overflowed(); got != tt.over {
				t.Errorf("overflowed: %v", got)
			}
			for _, h := range tt.want {
				if _, ok := o.torrents[h]; !ok {
					t.Errorf("%s is not owed", h)
				}
			}
			taken := 0
			for left := 1; left > 0; {
				var some []tracker.InfoHash
				some, left = o.take(2)
				taken += len(some)
			}
			if taken != len(tt.want) {
				t.Errorf("%d torrents taken, want %d", taken, len(tt.want))
			}
			if o.clear(); o.any() || o.overflowed() {
				t.Error("something is left after clear")
			}
			if o.compare(a, 1, 0); !o.any() {
				t.Error("remembers nothing after clear")
			}
		})
	}
}
