package http

import "time"

// phase is what a connection waits for. Each phase but the first has a limit,
// the same for all connections.
type phase uint8

const (
	phaseNone   phase = iota // nothing: it is being served, or is not open
	phaseHead                // the head of a request
	phaseIdle                // the next request
	phaseWrite               // the client to take replies
	phaseLinger              // the client to close
	phaseFirst               // its first request, while the server stops
	phaseCount
)

// queue holds the connections in one phase. They have the same limit, so they
// are in the order of their deadlines, and neither timers nor sorting is
// needed.
type queue struct {
	first, last *conn
	n           int
	limit       time.Duration
}

// push puts c, which is in no queue, at the end.
func (q *queue) push(c *conn, now int64) {
	c.deadline = now + int64(q.limit)
	c.prev, c.next = q.last, nil
	if q.last == nil {
		q.first = c
	} else {
		q.last.next = c
	}
	q.last = c
	q.n++
}

// remove takes c out of the queue, which it is in.
func (q *queue) remove(c *conn) {
	if c.prev == nil {
		q.first = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		q.last = c.prev
	} else {
		c.next.prev = c.prev
	}
	c.prev, c.next = nil, nil
	q.n--
}
