//go:build linux

package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
)

// TestMain has the test's own binary be the floor, as the program's is.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == floorArgument {
		fatal(runFloor(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// TestRows measures the floor alone, and looks at the row that is printed.
func TestRows(t *testing.T) {
	testenv.NeedProgram(t, "taskset")
	testenv.NeedIPv6(t)
	s := &settings{rounds: 3, folder: t.TempDir(), paths: map[string]string{"floor": os.Args[0]}}
	for _, all := range tables(20 * time.Millisecond)[:3] {
		of := &all
		for _, i := range []int{0, 3} { // saturated, and at a rate
			l := &of.loads[i]
			columns := of.columns(s)
			figures, err := of.measure(t.Context(), s, columns, l)
			if err != nil {
				t.Fatal(err)
			}
			if len(columns) != 1 || len(figures["floor"]) != s.rounds {
				t.Fatalf("%s, %s: %v", of.title, l.name, figures)
			}
			cells := row(l, columns, figures)
			if len(cells) != 3 || strings.Contains(cells[2], "NaN") || (l.rate > 0) != strings.Contains(cells[1], "p99") {
				t.Errorf("%s: %q", of.title, cells)
			}
		}
	}
}

func TestRatiosAreTakenRoundByRound(t *testing.T) {
	ours := []figure{{cpu: 1}, {cpu: 2}, {cpu: 6}}
	theirs := []figure{{cpu: 2}, {cpu: 8}, {cpu: 4}}
	if got := ratio(ours, theirs); got != "0.50 [0.25–1.50]" {
		t.Error(got)
	}
}
