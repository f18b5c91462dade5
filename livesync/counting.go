package livesync

import (
	"context"
	"slices"
	"sync"
	"time"

	"keeptrack/livesync/exact"
	"keeptrack/livesync/transport"
	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// counting is the shell around exact.Group, which keeps the downloaded counts of the
// members equal. The receiving goroutine hands in what members say; one goroutine of its
// own holds the timer, has the group look at it, and sends.
type counting struct {
	parts  *tracker.Parts
	ledger *exact.Ledger
	wake   chan struct{} // holds a token when that goroutine has to look again

	heardMu sync.Mutex // guards heard
	heard   []wire.Count

	// questions are members', and that goroutine's; an answer may take a walk through all
	// torrents.
	questions fairQueue[exact.Origin, *exact.AskRecords]

	// changing is held while the group changes, and mu too, but not while the group
	// waits for the disk: a checkpoint, which the disk may wait for, asks for the state.
	changing sync.Mutex
	mu       sync.Mutex // guards what follows
	group    *exact.Group
	kept     *exact.State                     // what the change under way has put on the disk
	repair   fairQueue[exact.Origin, waiting] // questions and answers that wait to be sent

	// sending is held from when parts leave the ledger until they are sent, so that they
	// are sent in order, and no hello goes before those that it names. Who changes the group
	// holds it too, after mu, but not while the group waits for the disk or walks through the
	// table: packets with peers wait for it.
	sending sync.Mutex
}

// maxHeardCounts bounds the messages about counts that wait to be looked at: 3 MB.
const maxHeardCounts = 1024

// initCounting has counts kept by origins, if the options say where those are kept.
func (n *Node) initCounting() {
	o := &n.options
	if o.Keep == nil {
		return
	}
	room := o.room(n.limits.MaxPacket) - wire.HeaderSize
	c := &counting{
		ledger:    exact.NewLedger(exact.SizesFor(room).Records, keptRecords, time.Now),
		wake:      make(chan struct{}, 1),
		repair:    newFairQueue[exact.Origin, waiting](o.TellRate, maxWaiting),
		questions: newFairQueue[exact.Origin, *exact.AskRecords](o.TellRate, maxWaiting),
	}
	n.counting = c
	c.ledger.Rouse(func() { rouse(c.wake) })
	c.parts = n.tracker.CountParts(c.ledger, o.TotalsAreFloors)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sending.Lock()
	defer c.sending.Unlock()
	c.group = exact.NewGroup(n.groupOptions(room), walked{c.parts, &c.sending}, c.ledger, o.Origins, c.parts.Floors(), time.Now())
	c.kept = nil
	c.parts.SetAlone(c.group.Alone())
}

// change has fn change the group. What is to be sent then is sent, or waits.
func (c *counting) change(fn func(*exact.Group)) {
	c.changing.Lock()
	defer c.changing.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sending.Lock()
	defer c.sending.Unlock()
	fn(c.group)
	c.kept = nil
	c.parts.SetAlone(c.group.Alone())
}

// keep puts a state on the disk, within a change.
func (n *Node) keep(s exact.State) {
	c := n.counting
	c.kept = &s
	c.sending.Unlock()
	defer c.sending.Lock()
	c.mu.Unlock()
	defer c.mu.Lock()
	n.options.Keep(s)
}

// Origins returns what the next run is to take in Options. What it says of folded origins
// holds for all that has been taken from the tracker until now. It does not wait for the
// disk, and is the zero State if Options.Keep is nil. What it refers to does not change.
func (n *Node) Origins() exact.State {
	c := n.counting
	if c == nil {
		return exact.State{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept != nil {
		return *c.kept
	}
	return c.group.State()
}

// TotalsAreFloors returns what the next run is to take in Options.
func (n *Node) TotalsAreFloors() bool {
	return n.counting != nil && n.counting.parts.TotalsAreFloors()
}

// Gone notes that a member is gone for good: nobody waits for it any more. It returns
// false if there is none of that origin.
func (n *Node) Gone(o exact.Origin) (known bool) {
	if n.counting == nil {
		return false
	}
	now := time.Now()
	n.counting.change(func(g *exact.Group) {
		for _, m := range g.View(now).Members {
			known = known || m.Origin == o
		}
		if known {
			g.Gone(o, now)
		}
	})
	rouse(n.counting.wake)
	return known
}

// TakeAll has counts asked for again that could not be taken in: it is called when the
// access list has changed.
func (n *Node) TakeAll() {
	if n.counting != nil {
		n.counting.change((*exact.Group).TakeAll)
	}
}

// forThis reports whether a packet about counts is for this instance. What answers a
// question, or asks one, is never for all.
func (c *counting) forThis(p wire.Packet) bool {
	if c == nil {
		return false
	}
	to := p.Count().To
	return to == c.ledger.Own() || to == exact.Nobody && (p.Kind == wire.KindCountHello || p.Kind == wire.KindCountParts)
}

// hearCount hands a packet about counts over to the goroutine that looks at it, because
// that may wait for the disk. Values above most are not believed.
func (n *Node) hearCount(p wire.Packet, most uint64, from transport.Endpoint, now time.Time) {
	c := n.counting
	if m, ok := p.Count().Message.(*exact.Records); ok {
		believed := slices.DeleteFunc(m.Records, func(r exact.Record) bool { return r.Value > most })
		if len(believed) < len(m.Records) {
			n.drop(DropBadCount)
			n.complain(DropBadCount, from, now)
		}
		m.Records = believed
	}
	c.heardMu.Lock()
	full := len(c.heard) == maxHeardCounts
	if !full {
		c.heard = append(c.heard, p.Count())
	}
	c.heardMu.Unlock()
	if full {
		n.drop(DropBusy)
	}
	rouse(c.wake)
}

// runCounting has counts kept until ctx is done.
func (n *Node) runCounting(ctx context.Context) {
	c := n.counting
	if c == nil {
		return
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	buf := make([]byte, 0, n.limits.MaxPacket)
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		case <-timer.C:
		}
		n.lookAtCounts()
		answer := c.answer()
		var next time.Time
		c.change(func(g *exact.Group) {
			g.Tick(time.Now())
			now := time.Now()
			next = g.Next(now)
			for _, again := range []time.Time{answer, n.sendRepair(now, buf)} {
				if !again.IsZero() && again.Before(next) {
					next = again
				}
			}
		})
		timer.Reset(time.Until(next))
	}
}

// lookAtCounts has the group look at the messages that have come, but for questions for
// records, which wait for their turn.
func (n *Node) lookAtCounts() {
	c := n.counting
	c.heardMu.Lock()
	heard := c.heard
	c.heard = nil
	c.heardMu.Unlock()
	for _, h := range heard {
		ask, asks := h.Message.(*exact.AskRecords)
		same := func(other *exact.AskRecords) bool { return *other == *ask }
		switch {
		case !asks:
			c.hear(h.From, h.Message)
		case slices.ContainsFunc(c.questions.of[h.From], same): // it was asked again
		case !c.questions.add(h.From, ask):
			n.drop(DropBusy)
		}
	}
}

func (c *counting) hear(from exact.Origin, m exact.Message) {
	c.change(func(g *exact.Group) { g.Hear(from, m, time.Now()) })
}

const (
	// answerRest is how many times as long as an answer took the next one waits, and
	// longestWalkRest bounds that: who asks gives up after some seconds.
	answerRest      = 1
	longestWalkRest = 200 * time.Millisecond
)

// answer answers the questions for records whose turn it is, and returns when to come back,
// the zero time if none waits.
func (c *counting) answer() time.Time {
	for {
		began := time.Now()
		from, ask, ok, wait := c.questions.next(began)
		if !ok {
			return wait
		}
		c.hear(from, ask)
		now := time.Now()
		c.questions.pace.pay(now, min(answerRest*now.Sub(began), longestWalkRest))
	}
}
