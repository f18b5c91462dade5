package main

import (
	"slices"
	"testing"
)

// order returns the names of the phases in a schedule.
func order(seed uint64, n int) []string {
	var names []string
	for _, p := range schedule(seed, n, "") {
		names = append(names, p.name)
	}
	return names
}

func TestScheduleShares(t *testing.T) {
	for _, n := range []int{1, 7, 10, 200, 1000} {
		count := map[string]int{}
		for _, name := range order(1, n) {
			count[name]++
		}
		sum := 0
		for _, p := range phases {
			sum += count[p.name]
			if exact := p.share * n; 100*count[p.name] < exact-100 || 100*count[p.name] > exact+100 {
				t.Errorf("%d of %d kills are of %s", count[p.name], n, p.name)
			}
			if n >= 10 && count[p.name] == 0 {
				t.Errorf("none of %d kills is of %s", n, p.name)
			}
		}
		if sum != n {
			t.Errorf("%d kills, want %d", sum, n)
		}
	}
}

func TestScheduleBySeed(t *testing.T) {
	if !slices.Equal(order(1, 200), order(1, 200)) {
		t.Error("the same seed gives another order")
	}
	if slices.Equal(order(1, 200), order(2, 200)) {
		t.Error("another seed gives the same order")
	}
}

func TestScheduleOfOnePhase(t *testing.T) {
	for _, p := range schedule(1, 7, "backup") {
		if p.name != "backup" {
			t.Errorf("a kill is of %s", p.name)
		}
	}
}
