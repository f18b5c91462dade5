package livesync

import (
	"time"

	"keeptrack/livesync/wire"
	"keeptrack/tracker/override"
)

// The decisions about overrides of the access list: when to say what one has, and
// whom to ask. This is pure code over (state, event, time); overrides.go holds the
// timer and carries them out.
//
// An override is told when it is made. Once in an interval each instance tells the
// digest of all that it has. Who hears another digest than its own asks for what
// differs, and is asked for that in turn.

const (
	// askPause is the shortest time between two questions to one instance.
	askPause = 2 * time.Second
	// maxVain bounds how often the pause doubles for an instance whose answers
	// bring nothing new: what it has cannot be taken in, or the other way round.
	maxVain = 6
	// settleTime is how long after an override was made the digest follows, for
	// those who have missed it.
	settleTime = time.Second
	// maxAway is how long an instance may go without agreeing with another before
	// what was dropped meanwhile may be forgotten. It leaves room for Agree, which
	// writes once a day.
	maxAway = override.Lifetime - 48*time.Hour
)

// spreading is the state of these decisions.
type spreading struct {
	interval time.Duration
	digest   time.Time // when the next goes out
	mates    map[wire.ID]*askedMate
}

// askedMate is an instance that was asked.
type askedMate struct {
	asked time.Time
	vain  int  // questions in a row whose answer brought nothing new
	open  bool // the last question has not been answered
}

func newSpreading(interval time.Duration, now time.Time) spreading {
	return spreading{interval: interval, digest: now, mates: make(map[wire.ID]*askedMate)}
}

// due reports whether the digest is to be told at now.
func (s *spreading) due(now time.Time) bool {
	if now.Before(s.digest) {
		return false
	}
	s.digest = now.Add(s.interval)
	return true
}

// made has the digest follow an override that was made here.
func (s *spreading) made(now time.Time) {
	if soon := now.Add(min(settleTime, s.interval/4)); soon.Before(s.digest) {
		s.digest = soon
	}
}

// differs reports whether to ask an instance that has something else: by its digest,
// or by what it asks for.
func (s *spreading) differs(from wire.ID, now time.Time) (ask bool) {
	m := s.mates[from]
	if m == nil {
		if len(s.mates) == maxInstances {
			forgetOldest(s.mates, func(m *askedMate) time.Time { return m.asked })
		}
		m = new(askedMate)
		s.mates[from] = m
	} else if now.Before(m.asked.Add(s.pause(m.vain))) {
		return false
	}
	m.asked, m.open = now, true
	return true
}

// pause returns the time between two questions.
func (s *spreading) pause(vain int) time.Duration {
	if vain < 3 {
		return min(askPause, s.interval/4)
	}
	return s.interval / 2 << min(vain-3, maxVain)
}

// equal notes that an instance has the same.
func (s *spreading) equal(from wire.ID) { delete(s.mates, from) }

// answered notes that an instance has told overrides, and whether any were new.
func (s *spreading) answered(from wire.ID, news bool) {
	m := s.mates[from]
	switch {
	case m == nil:
	case news:
		m.vain, m.open = 0, false
	case m.open:
		m.vain, m.open = m.vain+1, false
	}
}

// wasAway reports whether this instance has gone without the group for so long that
// others may have forgotten what was dropped, and the one that it hears now has
// not: then the group's state counts.
func wasAway(own, other, now time.Time) bool {
	return !own.IsZero() && now.Sub(own) > maxAway && !other.IsZero() && now.Sub(other) <= maxAway
}
