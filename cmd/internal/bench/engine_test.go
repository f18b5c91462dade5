package bench

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestOpenLoopSendsWhenDue(t *testing.T) {
	l := &memLink{latency: 30 * time.Millisecond, answer: udpTracker(good)}
	r, err := runOn(t, l, func(o *Options) { o.Rate, o.Duration = 50, 2*time.Second })
	if want := (counts{sent: 100, good: 100}); err != nil || countsOf(r) != want {
		t.Fatalf("got %+v, %v, want %+v", countsOf(r), err, want)
	}
	// The connects of four sources come first, and take one latency.
	for k, at := range l.sentAt[4:] {
		if want := l.latency + time.Duration(k)*20*time.Millisecond; at != want {
			t.Fatalf("request %d is sent after %v, want %v", k, at, want)
		}
	}
	if r.Latency.Max != 30_000 || r.Latency.P50 != 30_000 {
		t.Errorf("latencies are %+v, want 30 ms all", r.Latency)
	}
	if r.Seconds != 2.01 {
		t.Errorf("it took %g s, want to the last answer", r.Seconds)
	}
}

// stallingLink takes time to send the request of a number.
type stallingLink struct {
	*memLink
	stallAt int
	stall   time.Duration
}

func (l *stallingLink) send(i int, packets [][]byte) (int, error) {
	if len(l.sentAt) == l.stallAt {
		time.Sleep(l.stall)
	}
	return l.memLink.send(i, packets)
}

func TestOpenLoopLatencyCountsFromWhenDue(t *testing.T) {
	l := &stallingLink{
		memLink: &memLink{answer: udpTracker(good), opened: make([]bool, 1)},
		stallAt: 11, // the tenth, after a connect
		stall:   95 * time.Millisecond,
	}
	synctest.Test(t, func(t *testing.T) {
		o := DefaultOptions()
		o.URL, o.Rate, o.Duration, o.Sources, o.Mix = "udp://127.0.0.1:1", 100, time.Second, 1, Mix{Announce: 1}
		b, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		r, err := b.run(t.Context(), route{sources: 1}, func(route, int) (link, error) { return l, nil })
		if want := (counts{sent: 100, good: 100}); err != nil || countsOf(r) != want {
			t.Fatalf("got %+v, %v, want %+v", countsOf(r), err, want)
		}
		if r.Latency.Max != 95_000 || r.Latency.P50 != 0 {
			t.Errorf("latencies are %+v, want that of the stall and nothing else", r.Latency)
		}
	})
}

func TestClosedLoopKeepsItsWindow(t *testing.T) {
	most := 0
	l := &memLink{latency: 10 * time.Millisecond}
	l.answer = udpTracker(func(answer []byte) []delivery {
		most = max(most, len(l.pending)+1)
		return good(answer)
	})
	r, err := runOn(t, l, func(o *Options) { o.Window, o.Requests = 20, 1000 })
	if want := (counts{sent: 1000, good: 1000}); err != nil || countsOf(r) != want {
		t.Fatalf("got %+v, %v, want %+v", countsOf(r), err, want)
	}
	if most != 20 {
		t.Errorf("%d requests are in flight at once, want 20", most)
	}
	if r.Seconds != 0.5 || r.RepliesPerSecond != 2000 {
		t.Errorf("%g s and %g/s, want 50 windows of 10 ms", r.Seconds, r.RepliesPerSecond)
	}
}

func TestDurationEndsTheClosedLoop(t *testing.T) {
	l := &memLink{latency: 10 * time.Millisecond, answer: udpTracker(good)}
	r, err := runOn(t, l, func(o *Options) { o.Window, o.Duration = 3, time.Second })
	if want := (counts{sent: 300, good: 300}); err != nil || countsOf(r) != want {
		t.Errorf("got %+v, %v, want %+v", countsOf(r), err, want)
	}
}

func TestInterruptEndsTheRunWithFigures(t *testing.T) {
	l := &memLink{latency: 250 * time.Millisecond, answer: udpTracker(good)}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		r, err := runInBubble(t, ctx, l, func(o *Options) { o.Rate, o.Duration = 100, time.Hour })
		if err != nil || r.Good != r.Sent || r.Lost != 0 || r.Unsent != 0 {
			t.Errorf("got %+v, %v, want an answer to everything sent", countsOf(r), err)
		}
		if r.Good < 400 || r.Seconds > 6 {
			t.Errorf("%d answers in %g s, want what was done in 5 s", r.Good, r.Seconds)
		}
	})
}

func TestInterruptBeforeTheFirstAnswer(t *testing.T) {
	l := &memLink{answer: func(int, []byte) []delivery { return nil }}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := runInBubble(t, ctx, l, func(*Options) {}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestNothingAnsweredIsAnError(t *testing.T) {
	l := &memLink{answer: udpTracker(func([]byte) []delivery { return nil })}
	r, err := runOn(t, l, func(o *Options) { o.Window, o.Requests = 10, 30 })
	if want := (counts{sent: 30, lost: 30}); !errors.Is(err, ErrUnanswered) || countsOf(r) != want {
		t.Errorf("got %+v, %v, want %+v", countsOf(r), err, want)
	}
	if r.Seconds != 2 {
		t.Errorf("it took %g s, want to the last request", r.Seconds)
	}
}

func TestRequestsThatFarTooManyOvertakeAreLost(t *testing.T) {
	now := int64(0)
	l := newLedger(func() int64 { return now }, int64(time.Hour))
	l.send(flight{})
	for range flightSlots - maxRound {
		if f := l.expire(0); f != nil {
			t.Fatalf("%d requests later the first is lost", l.next-1)
		}
		l.send(flight{})
		l.answer(l.find(l.next-1), 0)
	}
	if f := l.expire(0); f == nil || l.lost != 1 || l.waiting != 0 {
		t.Errorf("%d requests later the first is not lost", l.next-1)
	}
}
