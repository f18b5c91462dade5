package livesync

import (
	"time"

	"keeptrack/livesync/exact"
)

// maxRepair bounds the messages that wait to be sent to single members, of up to 3 KB
// each.
const maxRepair = 4096

// repair are the questions and answers about counts that wait to be sent, each to one
// member. Members take turns, so one that asks for much does not keep the others
// waiting. What does not fit is asked for again.
type repair struct {
	pace  pacer
	limit int // of messages
	n     int // messages that wait
	of    map[exact.Origin][]waiting
	turns []exact.Origin // those for whom something waits; the first is next
}

// waiting is a message that waits.
type waiting struct {
	from  exact.Origin
	m     exact.Message
	since time.Time
}

func newRepair(perSecond, limit int) repair {
	return repair{pace: newPacer(perSecond), limit: limit, of: make(map[exact.Origin][]waiting)}
}

// add has a message wait for its turn. It returns false if that, or another, is dropped
// because there is no room: the last for the member for whom most waits.
func (r *repair) add(to exact.Origin, w waiting) bool {
	fits := r.n < r.limit
	if !fits {
		most := to
		for o, all := range r.of {
			if len(all) > len(r.of[most]) {
				most = o
			}
		}
		all := r.of[most]
		if len(all) <= len(r.of[to])+1 {
			return false
		}
		r.of[most] = all[:len(all)-1]
		r.n--
	}
	if len(r.of[to]) == 0 {
		r.turns = append(r.turns, to)
	}
	r.of[to] = append(r.of[to], w)
	r.n++
	return fits
}

// next takes the message to send at now, or returns when to come back; the zero time if
// nothing waits.
func (r *repair) next(now time.Time) (to exact.Origin, w waiting, wait time.Time) {
	if r.n == 0 {
		return exact.Nobody, waiting{}, time.Time{}
	}
	if !r.pace.ready(now) {
		return exact.Nobody, waiting{}, r.pace.next
	}
	r.pace.spend(now)
	to = r.turns[0]
	all := r.of[to]
	w, r.turns = all[0], r.turns[1:]
	r.n--
	if len(all) == 1 {
		delete(r.of, to)
		return to, w, time.Time{}
	}
	r.of[to], r.turns = all[1:], append(r.turns, to)
	return to, w, time.Time{}
}

// age returns the message as it is to be sent at now: the ages in it rise while it
// waits.
func (w *waiting) age(now time.Time) exact.Message {
	var records []exact.Record
	switch m := w.m.(type) {
	case *exact.Parts:
		records = m.Records
	case *exact.Records:
		records = m.Records
	}
	for i := range records {
		records[i].Age += max(now.Sub(w.since), 0)
	}
	return w.m
}
