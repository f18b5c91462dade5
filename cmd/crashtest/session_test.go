package main

import (
	"strings"
	"testing"
)

// TestAPhaseThatIsNeverHitFailsTheRun has a schedule hit all phases but two.
func TestAPhaseThatIsNeverHitFailsTheRun(t *testing.T) {
	for _, c := range []struct {
		name     string
		needs    int // kills in the missed phases until one hits
		kills    int // made beyond the schedule
		complain bool
	}{
		{"hit at once", 1, 2, false},
		{"hit at last", maxMisses, 2 * maxMisses, false},
		{"never hit", maxMisses + 1, maxMisses, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newSession(options{Dir: t.TempDir(), Kills: len(phases), Seed: 1, Torrents: minTorrents})
			for i, p := range phases {
				h.report.add(p.name, outcome{inside: i != 1 && i != 3}, loss{})
			}
			kills, here := 0, map[string]int{}
			err := h.hitAll(func(n int, p phase) error {
				kills++
				if n != h.opts.Kills+kills {
					t.Errorf("kill %d has number %d", kills, n)
				}
				here[p.name]++
				h.report.add(p.name, outcome{inside: here[p.name] == c.needs}, loss{})
				return nil
			})
			if kills != c.kills || (err != nil) != c.complain || err != nil && !strings.Contains(err.Error(), phases[1].name) {
				t.Errorf("%d kills more, error %v", kills, err)
			}
			if err == nil && len(h.report.missed()) != 0 {
				t.Errorf("missed %v", h.report.missed())
			}
		})
	}
}
