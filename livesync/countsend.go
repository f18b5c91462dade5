package livesync

import (
	"time"

	"keeptrack/livesync/exact"
	"keeptrack/livesync/transport"
	"keeptrack/livesync/wire"
)

// maxWaiting bounds the messages in a queue, of up to 3 KB each.
const maxWaiting = 4096

// waiting is a message that waits to be sent.
type waiting struct {
	from  exact.Origin
	m     exact.Message
	since time.Time
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

// sendCount sends a message of the group, or has it wait if it is for one member. c.sending
// is held, and c.mu too if it is for one member.
func (n *Node) sendCount(to exact.Origin, m exact.Message) {
	c := n.counting
	from := c.ledger.Own()
	if to == exact.Nobody {
		n.sendCountNow(transport.All, &wire.Count{From: from, Message: m}, nil)
		return
	}
	if !c.repair.add(to, waiting{from, m, time.Now()}) {
		n.counters.repairLost.Add(1)
	}
	rouse(c.wake)
}

func (n *Node) sendCountNow(to transport.Endpoint, c *wire.Count, buf []byte) {
	kind, p := wire.AppendCount(buf, n.options.ID, c)
	n.send(to, kind, p)
}

// sendRepair sends what waits for single members and may go at now, and returns when to
// come back, unless nothing waits. c.mu is held.
func (n *Node) sendRepair(now time.Time, buf []byte) time.Time {
	c := n.counting
	for {
		to, w, ok, wait := c.repair.next(now)
		if !ok {
			return wait
		}
		// An answer in the name of an origin that has ended is expected no more.
		if w.from == c.ledger.Own() {
			n.sendCountNow(n.instances.endpointOf(to), &wire.Count{From: w.from, To: to, Message: w.age(now)}, buf)
		}
	}
}

// flushParts sends the parts that wait, so that they go out before what comes after
// them: a completion that a part tells is counted by no other way.
func (n *Node) flushParts() {
	c := n.counting
	if c == nil {
		return
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	for p := c.ledger.Flush(time.Now()); p != nil; p = c.ledger.Flush(time.Now()) {
		n.sendCount(exact.Nobody, p)
	}
}
