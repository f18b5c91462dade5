package busiest

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/cpu"

	"keeptrack/tracker"
)

// One request in rate is noted. The rate begins at 1 and doubles each time that more
// than fullWindow have been noted in a window, up to maxRate: few requests are all
// counted, many cost next to nothing.
const (
	maxRate    = 256
	fullWindow = 16384
)

// Sketch has what was noted of late, for one worker or a few.
type Sketch struct {
	_    cpu.CacheLinePad
	rate atomic.Uint32 // as of now.rate, for those who do not hold mu

	mu        sync.Mutex // guards what follows; who notes never waits for it
	now, last window
	_         cpu.CacheLinePad
}

// window is what was noted between two calls of Turn.
type window struct {
	rate      uint32 // each note stands for so many requests
	noted     uint64 // at that rate
	announces uint64 // of those
	networks  summary
	clients   summary
}

func newSketch() *Sketch {
	s := new(Sketch)
	for _, w := range []*window{&s.now, &s.last} {
		w.rate, w.networks.seed, w.clients.seed = 1, rand.Uint64(), rand.Uint64()
	}
	s.rate.Store(1)
	return s
}

// note counts a request, unless somebody is just reading.
func (s *Sketch) note(network tracker.Network, prefix uint64, isAnnounce bool) {
	if !s.mu.TryLock() {
		return
	}
	w := &s.now
	w.networks.add(uint64(network))
	if isAnnounce {
		w.announces++
		w.clients.add(prefix)
	}
	if w.noted++; w.noted >= fullWindow && w.rate < maxRate {
		w.coarsen()
		s.rate.Store(w.rate)
	}
	s.mu.Unlock()
}

// coarsen has each note stand for twice as many requests.
func (w *window) coarsen() {
	w.rate *= 2
	w.noted /= 2
	w.announces /= 2
	w.networks.halve()
	w.clients.halve()
}

// turn begins a window. It begins with half of the rate of the one before, so that the
// rate follows when there are fewer requests.
func (s *Sketch) turn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = s.now
	s.now.noted, s.now.announces = 0, 0
	s.now.networks.clear()
	s.now.clients.clear()
	s.now.rate = max(s.now.rate/2, 1)
	s.rate.Store(s.now.rate)
}

// Sampler draws requests at random. It belongs to one goroutine; the zero Sampler draws
// none.
type Sampler struct {
	sketch *Sketch
	left   uint32 // requests until the next one that is drawn
	random uint32 // never 0
}

// Draw reports whether the next request is one to be noted. It costs a decrement.
func (s *Sampler) Draw() bool {
	if s.sketch == nil {
		return false
	}
	s.left--
	return s.left == 0
}

// Note notes a request that was drawn, of a network. prefix is the first 8 bytes of the
// peer id of an announce.
func (s *Sampler) Note(network tracker.Network, prefix uint64, isAnnounce bool) {
	s.sketch.note(network, prefix, isAnnounce)
	s.next()
}

// next draws how many requests are left until the next note: rate on average, and at
// random, so that no rhythm of a client's escapes or is counted too often.
func (s *Sampler) next() {
	s.random ^= s.random << 13 // xorshift32 (Marsaglia)
	s.random ^= s.random >> 17
	s.random ^= s.random << 5
	s.left = 1 + s.random%(2*s.sketch.rate.Load()-1)
}
