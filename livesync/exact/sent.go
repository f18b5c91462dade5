package exact

import (
	"time"

	"keeptrack/tracker"
)

// sent is what an instance sent of its present origin, and what waits.
type sent struct {
	origin  Origin
	records int // in a message
	keep    int // records that are kept

	number  uint64      // of the last message
	pending []Record    // that wait; ages count from since
	since   time.Time   // when the first of them came; zero if none waits
	times   []time.Time // when each of them came
	kept    []message   // the last ones, in order
	held    int         // records in them
}

// message is one that was sent.
type message struct {
	number uint64
	at     time.Time
	parts  []Record // ages as of then
}

// add has a part sent. It returns whether it is the first that waits, or fills a message.
func (s *sent) add(now time.Time, h *tracker.InfoHash, value uint64) (due bool) {
	if len(s.pending) == 0 {
		s.since = now
	}
	s.pending = append(s.pending, Record{InfoHash: *h, Value: value, Kept: true})
	s.times = append(s.times, now)
	return len(s.pending) == 1 || len(s.pending) == s.records
}

// flush returns the next message, or nil.
func (s *sent) flush(now time.Time) *Parts {
	n := min(len(s.pending), s.records)
	if n == 0 {
		return nil
	}
	s.number++
	m := message{number: s.number, at: now, parts: append([]Record(nil), s.pending[:n]...)}
	for i := range m.parts {
		m.parts[i].Age = max(now.Sub(s.times[i]), 0)
	}
	s.pending, s.times = append(s.pending[:0], s.pending[n:]...), append(s.times[:0], s.times[n:]...)
	s.since = time.Time{}
	if len(s.pending) > 0 {
		s.since = s.times[0]
	}
	s.kept = append(s.kept, m)
	for s.held += n; s.held > s.keep && len(s.kept) > 1; s.kept = s.kept[1:] {
		s.held -= len(s.kept[0].parts)
	}
	return m.as(now)
}

// oldest returns the number of the first message that can be sent again.
func (s *sent) oldest() uint64 { return s.number + 1 - uint64(len(s.kept)) }

// again returns a message that is kept, or nil.
func (s *sent) again(now time.Time, number uint64) *Parts {
	if number < s.oldest() || number > s.number {
		return nil
	}
	return s.kept[number-s.oldest()].as(now)
}

// as returns the message as it is to be sent at now.
func (m *message) as(now time.Time) *Parts {
	p := &Parts{Number: m.number, Records: append([]Record(nil), m.parts...)}
	for i := range p.Records {
		p.Records[i].Age += max(now.Sub(m.at), 0)
	}
	return p
}
