package livesync

import (
	"slices"
	"sync"
	"time"

	"keeptrack/livesync/wire"
)

// A replay is recognized by its sequence: those last accepted from each sender are
// remembered, and everything below them counts as accepted. Only packets sealed
// with the key get here.

const (
	// maxSenders bounds the senders that are remembered, which with window
	// bounds the memory to 2 MiB.
	maxSenders = 256
	// window is the least number of sequences that are remembered of a sender: a
	// packet that this many others have overtaken is refused.
	window = 512
)

// replays refuses sealed packets that were accepted before.
type replays struct {
	mu      sync.Mutex
	senders map[wire.ID]*accepted
	// floor is the highest sequence of all senders that were forgotten.
	// Nothing up to it is accepted from a sender that is not known.
	floor uint64
}

// accepted are the sequences that were accepted from one sender.
type accepted struct {
	floor uint64   // nothing up to it is accepted
	above []uint64 // accepted, in ascending order
}

// newReplays begins with what floors returned.
func newReplays(floors map[[4]byte]uint64) *replays {
	r := &replays{senders: make(map[wire.ID]*accepted)}
	r.floor = floors[wire.ID{}]
	for id, sequence := range floors {
		if id != (wire.ID{}) {
			r.add(id).floor = sequence
		}
	}
	return r
}

// accept takes note of a packet that was authenticated, or returns why it is
// refused.
func (r *replays) accept(from wire.ID, sequence uint64, now time.Time) Drop {
	if stale(sequence, now) {
		return DropSealedStale
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.senders[from]
	if s == nil {
		if sequence <= r.floor {
			return DropSealedReplayed
		}
		s = r.add(from)
	}
	if !s.accept(sequence) {
		return DropSealedReplayed
	}
	return DropNone
}

// floors returns the highest sequence accepted from each sender, and under the
// zero id the floor of all others.
func (r *replays) floors() map[[4]byte]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := make(map[[4]byte]uint64, len(r.senders)+1)
	for id, s := range r.senders {
		m[id] = s.highest()
	}
	if r.floor > 0 {
		m[wire.ID{}] = r.floor
	}
	return m
}

// add makes a sender known, and forgets the one heard longest ago when there
// are too many. r.mu is held.
func (r *replays) add(id wire.ID) *accepted {
	if len(r.senders) == maxSenders {
		var oldest wire.ID
		lowest := ^uint64(0)
		for id, s := range r.senders {
			if h := s.highest(); h <= lowest {
				oldest, lowest = id, h
			}
		}
		delete(r.senders, oldest)
		r.floor = max(r.floor, lowest)
	}
	s := &accepted{floor: r.floor}
	r.senders[id] = s
	return s
}

// accept remembers a sequence. It returns false if that was accepted before, or
// lies too far back to know.
func (s *accepted) accept(sequence uint64) bool {
	if sequence <= s.floor {
		return false
	}
	i, found := len(s.above), false
	if i > 0 && sequence <= s.above[i-1] {
		i, found = slices.BinarySearch(s.above, sequence)
	}
	if found {
		return false
	}
	s.above = slices.Insert(s.above, i, sequence)
	if len(s.above) == 2*window {
		s.floor = s.above[window-1]
		s.above = s.above[:copy(s.above, s.above[window:])]
	}
	return true
}

func (s *accepted) highest() uint64 {
	if n := len(s.above); n > 0 {
		return s.above[n-1]
	}
	return s.floor
}
