package busiest

import (
	"cmp"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"keeptrack/tracker"
)

// Window is how often Turn is to be called.
const Window = 5 * time.Minute

// Busiest has the sketches of all workers. A nil *Busiest counts nothing.
type Busiest struct {
	mu            sync.Mutex // guards what follows
	sketches      []*Sketch
	began, turned time.Time // the window before the current one, and that
}

// New returns a Busiest whose first window begins now.
func New(now time.Time) *Busiest { return &Busiest{began: now, turned: now} }

// Sketch returns a new sketch, for one worker or for a few that seldom note at the same
// time.
func (b *Busiest) Sketch() *Sketch {
	if b == nil {
		return nil
	}
	s := newSketch()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sketches = append(b.sketches, s)
	return s
}

// Sampler returns a sampler for one goroutine. A nil *Sketch has samplers that draw
// nothing.
func (s *Sketch) Sampler() Sampler {
	if s == nil {
		return Sampler{}
	}
	sampler := Sampler{sketch: s, random: rand.Uint32() | 1}
	sampler.next()
	return sampler
}

// Turn begins a window and forgets the one before the last.
func (b *Busiest) Turn(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.sketches {
		s.turn()
	}
	b.began, b.turned = b.turned, now
}

// Report is who has sent most since Since: one to two windows.
type Report struct {
	Since time.Time
	// Requests is about the number of all requests, and Announces that of announces.
	Requests, Announces uint64
	// Networks and Clients are those with most, the most first.
	Networks []Count[tracker.Network]
	Clients  []Count[[8]byte]
}

// Count is the number of requests of a key, about: it may be too high by Over, and by
// chance as much as a sample is.
type Count[K any] struct {
	Key            K
	Requests, Over uint64
}

// Report returns who has sent most, at most limit of each.
func (b *Busiest) Report(limit int) Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := Report{Since: b.began}
	networks, clients := sums{}, sums{}
	for _, s := range b.sketches {
		s.mu.Lock()
		for _, w := range []*window{&s.now, &s.last} {
			r.Requests += w.noted * uint64(w.rate)
			r.Announces += w.announces * uint64(w.rate)
			networks.add(&w.networks, w.rate)
			clients.add(&w.clients, w.rate)
		}
		s.mu.Unlock()
	}
	r.Networks = highest(networks, limit, func(key uint64) tracker.Network { return tracker.Network(key) })
	r.Clients = highest(clients, limit, func(key uint64) (prefix [8]byte) {
		binary.BigEndian.PutUint64(prefix[:], key)
		return prefix
	})
	return r
}

// sums are the counts of several summaries by key.
type sums map[uint64]struct{ requests, over uint64 }

func (all sums) add(s *summary, rate uint32) {
	for _, e := range s.entries[:s.n] {
		sum := all[e.key]
		sum.requests += uint64(e.count) * uint64(rate)
		sum.over += uint64(e.over) * uint64(rate)
		all[e.key] = sum
	}
}

// highest returns the limit keys with most, equals in order of key.
func highest[K any](all sums, limit int, keyOf func(uint64) K) []Count[K] {
	keys := make([]uint64, 0, len(all))
	for key := range all {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b uint64) int {
		return cmp.Or(cmp.Compare(all[b].requests, all[a].requests), cmp.Compare(a, b))
	})
	keys = keys[:min(limit, len(keys))]
	counts := make([]Count[K], len(keys))
	for i, key := range keys {
		counts[i] = Count[K]{keyOf(key), all[key].requests, all[key].over}
	}
	return counts
}
