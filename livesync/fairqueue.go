package livesync

import "time"

// fairQueue has things wait that others have asked for, or that are for them, each of or for
// one of them: K tells them apart. They take turns, so one that asks for much does not keep
// the others waiting. What does not fit is asked for again.
type fairQueue[K comparable, V any] struct {
	pace  pacer
	limit int // of things
	n     int // things that wait
	of    map[K][]V
	turns []K // those of whom something waits; the first is next
}

func newFairQueue[K comparable, V any](perSecond, limit int) fairQueue[K, V] {
	return fairQueue[K, V]{pace: newPacer(perSecond), limit: limit, of: make(map[K][]V)}
}

// add has a thing of somebody wait for its turn. It returns false if that, or another, is
// dropped because there is no room: the last of whom most waits.
func (q *fairQueue[K, V]) add(of K, v V) bool {
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
	q.of[of] = append(q.of[of], v)
	q.n++
	return fits
}

// next takes the thing whose turn it is at now. If there is none, ok is false and wait is
// when to come back; the zero time if nothing waits.
func (q *fairQueue[K, V]) next(now time.Time) (of K, v V, ok bool, wait time.Time) {
	if q.n == 0 {
		return of, v, false, time.Time{}
	}
	if !q.pace.ready(now) {
		return of, v, false, q.pace.next
	}
	q.pace.spend(now)
	of = q.turns[0]
	all := q.of[of]
	v, q.turns = all[0], q.turns[1:]
	q.n--
	if len(all) == 1 {
		delete(q.of, of)
		return of, v, true, time.Time{}
	}
	q.of[of], q.turns = all[1:], append(q.turns, of)
	return of, v, true, time.Time{}
}
