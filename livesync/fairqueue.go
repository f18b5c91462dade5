package livesync

import (
	"time"

	"keeptrack/livesync/exact"
)

// maxWaiting bounds the messages in a queue, of up to 3 KB each.
const maxWaiting = 4096

// fairQueue are messages about counts that wait, each of or for one member. Members take
// turns, so one that asks for much does not keep the others waiting. What does not fit is
// asked for again.
type fairQueue struct {
	pace  pacer
	limit int // of messages
	n     int // messages that wait
	of    map[exact.Origin][]waiting
	turns []exact.Origin // those of whom something waits; the first is next
}

// waiting is a message that waits.
type waiting struct {
	from  exact.Origin
	m     exact.Message
	since time.Time
}

func newFairQueue(perSecond, limit int) fairQueue {
	return fairQueue{pace: newPacer(perSecond), limit: limit, of: make(map[exact.Origin][]waiting)}
}

// add has a message of a member wait for its turn. It returns false if that, or another, is
// dropped because there is no room: the last of the member of whom most waits.
func (q *fairQueue) add(of exact.Origin, w waiting) bool {
	fits := q.n < q.limit
	if !fits {
		most := of
		for o, all := range q.of {
			if len(all) > len(q.of[most]) {
				most = o
			}
		}
		all := q.of[most]
		if len(all) <= len(q.of[of])+1 {
			return false
		}
		q.of[most] = all[:len(all)-1]
		q.n--
	}
	if len(q.of[of]) == 0 {
		q.turns = append(q.turns, of)
	}
	q.of[of] = append(q.of[of], w)
	q.n++
	return fits
}

// next takes the message whose turn it is at now, or returns when to come back; the zero
// time if nothing waits.
func (q *fairQueue) next(now time.Time) (of exact.Origin, w waiting, wait time.Time) {
	if q.n == 0 {
		return exact.Nobody, waiting{}, time.Time{}
	}
	if !q.pace.ready(now) {
		return exact.Nobody, waiting{}, q.pace.next
	}
	q.pace.spend(now)
	of = q.turns[0]
	all := q.of[of]
	w, q.turns = all[0], q.turns[1:]
	q.n--
	if len(all) == 1 {
		delete(q.of, of)
		return of, w, time.Time{}
	}
	q.of[of], q.turns = all[1:], append(q.turns, of)
	return of, w, time.Time{}
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
