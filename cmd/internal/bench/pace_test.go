package bench

import (
	"testing"
	"time"
)

func TestClosedLoopFillsItsWindow(t *testing.T) {
	p := newPace(&Options{Window: 100, Duration: time.Second, Requests: 1000})
	for _, c := range []struct {
		name    string
		started uint64
		waiting int
		want    int
	}{
		{"at the start", 0, 0, 100},
		{"some answered", 150, 70, 30},
		{"all waiting", 100, 100, 0},
		{"near the last request", 990, 0, 10},
		{"after the last request", 1000, 5, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := p.ready(5, c.started, c.waiting); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
	if got := p.dueAt(7, 123); got != 123 {
		t.Errorf("latency counts from %d, want now", got)
	}
	if p.unsent(5, 0) != 0 {
		t.Error("the closed loop has something unsent")
	}
	wide := newPace(&Options{Window: 10_000, Duration: time.Second})
	if got := wide.ready(5, 0, 0); got != maxRound {
		t.Errorf("one round starts %d, want %d", got, maxRound)
	}
}

func TestOpenLoopKeepsItsRate(t *testing.T) {
	p := newPace(&Options{Rate: 1000, Duration: time.Second, Window: 1})
	const ms = int64(time.Millisecond)
	for _, c := range []struct {
		name    string
		now     int64
		started uint64
		want    int
	}{
		{"the first at once", 0, 0, 1},
		{"nothing between two", ms / 2, 1, 0},
		{"the second after a step", ms, 1, 1},
		{"what was missed, whatever waits", 10 * ms, 1, 10},
		{"not everything in one round", 900 * ms, 0, maxRound},
		{"no more than there are", 5000 * ms, 999, 1},
		{"none when all are sent", 5000 * ms, 1000, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := p.ready(c.now, c.started, 1_000_000); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
	if p.more(999*ms, 1000) || !p.more(999*ms, 999) || p.more(1000*ms, 999) {
		t.Error("a second at 1000/s is not 1000 requests")
	}
	if got := p.dueAt(7, 123); got != 7*ms {
		t.Errorf("request 7 is due at %d, want its turn", got)
	}
	if got := p.unsent(5000*ms, 990); got != 10 {
		t.Errorf("%d unsent, want 10", got)
	}
	for k := range uint64(1000) { // whatever rounding does
		at := p.dueAt(k, 0)
		if p.due(at) != k+1 || at > 0 && p.due(at-1) > k {
			t.Fatalf("request %d is due at %d, when %d are, before that %d", k, at, p.due(at), p.due(at-1))
		}
	}
}

func TestRequestsBoundTheOpenLoop(t *testing.T) {
	p := newPace(&Options{Rate: 3, Duration: time.Hour, Requests: 5})
	if p.more(0, 5) || !p.more(0, 4) {
		t.Error("the run does not end with its requests")
	}
}
