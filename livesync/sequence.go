package livesync

import "time"

// MaxSkew is how far a sequence may be from the receiver's clock, before or
// after: the difference of the clocks and the time on the way. An override of the
// access list may be as far ahead of it.
const MaxSkew = 5 * time.Minute

// sequence numbers the packets that an instance seals. A number is the time in
// nanoseconds since 1970, or one more than the last if that is greater: so
// they rise, over restarts as well, and nothing has to be stored for it.
type sequence struct{ last uint64 }

// next returns the number of a packet sealed at now. When the clock was set
// back by more than MaxSkew, numbers begin again from the clock: those that
// lie ahead are taken by nobody whose clock is right.
func (s *sequence) next(now time.Time) uint64 {
	t := stamp(now)
	if t <= s.last && s.last-t <= uint64(MaxSkew) {
		t = s.last + 1
	}
	s.last = t
	return t
}

// stamp returns the sequence that stands for a time, 0 before 1970.
func stamp(t time.Time) uint64 { return uint64(max(t.UnixNano(), 0)) }

// stale says whether a sequence is too far from now.
func stale(sequence uint64, now time.Time) bool {
	t := stamp(now)
	return max(t, sequence)-min(t, sequence) > uint64(MaxSkew)
}
