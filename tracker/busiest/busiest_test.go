package busiest

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"keeptrack/tracker"
)

var epoch = time.Unix(1_700_000_000, 0)

// send has a sampler see n requests of a network.
func send(s *Sampler, network tracker.Network, prefix uint64, n int) {
	for range n {
		if s.Draw() {
			s.Note(network, prefix, true)
		}
	}
}

// TestFewRequestsAreAllCounted, over two windows and then no more.
func TestFewRequestsAreAllCounted(t *testing.T) {
	b := New(epoch)
	one, other := b.Sketch().Sampler(), b.Sketch().Sampler()
	send(&one, 1, 10, 100)
	send(&other, 1, 10, 50)
	send(&other, 2, 20, 120)
	if other.Draw() {
		other.Note(3, 0, false) // no announce
	}
	want := func(networks, clients, requests int, since time.Time) {
		t.Helper()
		r := b.Report(10)
		if len(r.Networks) != networks || len(r.Clients) != clients || r.Requests != uint64(requests) || !r.Since.Equal(since) {
			t.Errorf("got %+v", r)
		}
	}
	want(3, 2, 271, epoch)
	r := b.Report(1)
	if r.Announces != 270 || len(r.Networks) != 1 || r.Networks[0] != (Count[tracker.Network]{1, 150, 0}) || r.Clients[0] != (Count[[8]byte]{[8]byte{7: 10}, 150, 0}) {
		t.Errorf("got %+v", r)
	}
	b.Turn(epoch.Add(Window))
	want(3, 2, 271, epoch)
	send(&one, 9, 10, 7)
	want(4, 2, 278, epoch)
	b.Turn(epoch.Add(2 * Window))
	want(1, 1, 7, epoch.Add(Window))
	b.Turn(epoch.Add(3 * Window))
	want(0, 0, 0, epoch.Add(2*Window))
}

// TestManyRequestsAreSampled: the numbers are right to a few percent, and the rate comes
// back once there are fewer.
func TestManyRequestsAreSampled(t *testing.T) {
	b := New(epoch)
	s := b.Sketch()
	sampler := s.Sampler()
	r := rand.New(rand.NewPCG(3, 4))
	const requests = 8_000_000
	for range requests { // network n sends twice as much as n+1
		send(&sampler, tracker.Network(min(r.ExpFloat64()/math.Ln2, 20)), 1, 1)
	}
	if rate := s.rate.Load(); rate != maxRate {
		t.Errorf("rate %d, want %d", rate, maxRate)
	}
	report := b.Report(4)
	if off := math.Abs(float64(report.Requests)/requests - 1); off > 0.02 {
		t.Errorf("%d requests of %d", report.Requests, requests)
	}
	for i, n := range report.Networks {
		want := requests / math.Pow(2, float64(i+1))
		if off := math.Abs(float64(n.Requests)/want - 1); n.Key != tracker.Network(i) || off > 0.15 {
			t.Errorf("place %d: %+v, want %.0f", i, n, want)
		}
	}
	for range 9 {
		b.Turn(epoch)
	}
	if rate := s.rate.Load(); rate != 1 {
		t.Errorf("rate %d when there are few", rate)
	}
}

// TestNothingIsCountedWhenOff: nor does it need anything.
func TestNothingIsCountedWhenOff(t *testing.T) {
	s := (*Busiest)(nil).Sketch().Sampler()
	if s.Draw() {
		t.Error("a request was drawn")
	}
}

// TestNoAllocations on the packet path.
func TestNoAllocations(t *testing.T) {
	s := New(epoch).Sketch().Sampler()
	key := uint64(0)
	if n := testing.AllocsPerRun(100, func() {
		for range 1000 {
			key++
			send(&s, tracker.Network(key), key, 1)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestManyAtOnce: workers note, one turns windows and reports.
func TestManyAtOnce(t *testing.T) {
	b := New(epoch)
	shared := b.Sketch()
	var workers sync.WaitGroup
	for i := range 4 {
		sketch := shared
		if i%2 == 0 {
			sketch = b.Sketch()
		}
		workers.Go(func() {
			s := sketch.Sampler()
			for n := range 20_000 {
				send(&s, tracker.Network(n), uint64(i), 1)
			}
		})
	}
	for range 100 {
		b.Turn(epoch)
		b.Report(10)
	}
	workers.Wait()
}

func BenchmarkNote(b *testing.B) {
	for name, spread := range map[string]uint64{"known": 100, "new": 1 << 30} {
		b.Run(name, func(b *testing.B) {
			s := New(epoch).Sketch()
			r := rand.New(rand.NewPCG(1, 2))
			for b.Loop() {
				s.note(tracker.Network(r.Uint64N(spread)), r.Uint64N(spread), true)
			}
		})
	}
}
