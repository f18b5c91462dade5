package exact

import (
	"sync"
	"sync/atomic"
	"time"

	"keeptrack/tracker"
)

// Ledger has the digests of all origins and the Parts that this instance sent. The
// table calls it with a torrent's shard locked; it takes no other lock.
type Ledger struct {
	clock    func() time.Time
	rouse    func()       // see Rouse
	standing atomic.Int64 // ranges in which something stands in for what cannot be taken in

	mu      sync.Mutex          // guards what follows
	digests map[Origin]*digests // and that of Nobody
	sent    sent
	next    sent // of an origin that is about to begin
}

// NewLedger returns a ledger without parts. A Parts message holds up to records of
// them. Of what was sent up to keep records are kept, to be sent again. clock tells the
// time of completions.
func NewLedger(records, keep int, clock func() time.Time) *Ledger {
	return &Ledger{clock: clock, rouse: func() {}, digests: make(map[Origin]*digests), sent: sent{records: records, keep: keep}}
}

// Rouse has fn called when a part begins to wait, and when a message is full: Group.Next
// may be sooner then than it was. fn must neither wait nor use the ledger. Rouse is called
// before the table knows the ledger.
func (l *Ledger) Rouse(fn func()) { l.rouse = fn }

// Changed notes that the part of an origin, or of Nobody, went from old to value.
// It is not called for what Counted notes.
func (l *Ledger) Changed(o Origin, h *tracker.InfoHash, old, value uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.change(o, h, old, value)
}

func (l *Ledger) change(o Origin, h *tracker.InfoHash, old, value uint64) {
	d := l.of(o)
	d.change(leaf(h), digestOf(o, h, old)^digestOf(o, h, value))
	switch {
	case old == 0 && value > 0:
		d.count++
	case old > 0 && value == 0:
		d.count--
	}
}

// of returns the digests of an origin, for a change of them.
func (l *Ledger) of(o Origin) *digests {
	d := l.digests[o]
	if d == nil {
		d = &digests{}
		l.digests[o] = d
	}
	return d
}

// Created notes that there is a torrent now. What of its range could not be taken in
// before is looked at again: it may have been this one, too old or without room.
func (l *Ledger) Created(h *tracker.InfoHash) {
	if l.standing.Load() == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.digests {
		if d.stand != nil {
			l.standing.Add(d.standIn(leaf(h), 0))
		}
	}
}

// Counted notes that this instance has counted a completed download: the part of its
// origin o rose by one to value. That is sent with the next Parts, unless another origin
// has begun meanwhile.
func (l *Ledger) Counted(o Origin, h *tracker.InfoHash, value uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.change(o, h, value-1, value)
	s := &l.sent
	if o == l.next.origin {
		s = &l.next
	}
	if o == s.origin && s.add(l.clock(), h, value) {
		l.rouse()
	}
}

// LeftOut notes that a part has left the memory with its torrent: it stays in the
// digests, so that they are like those of others.
func (l *Ledger) LeftOut(o Origin, h *tracker.InfoHash, value uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.of(o)
	l.standing.Add(d.leave(leaf(h), digestOf(o, h, value)))
	d.count--
}

// Own returns the present origin.
func (l *Ledger) Own() Origin {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent.origin
}

// prepare makes ready for origin o: what is counted for it waits until it has begun.
func (l *Ledger) prepare(o Origin) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next = sent{origin: o, records: l.sent.records, keep: l.sent.keep}
}

// begin makes the origin the present one that prepare was called with. Nothing may wait of
// the one before.
func (l *Ledger) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent, l.next = l.next, sent{}
}

// forget drops the digests of an origin that has no parts any more.
func (l *Ledger) forget(o Origin) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := l.digests[o]; d != nil {
		l.standing.Add(-int64(len(d.stand)))
		delete(l.digests, o)
	}
}

// root returns the digest over all parts of an origin.
func (l *Ledger) root(o Origin) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := l.digests[o]; d != nil {
		return d.root
	}
	return 0
}

// count returns the number of parts of an origin.
func (l *Ledger) count(o Origin) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := l.digests[o]; d != nil {
		return d.count
	}
	return 0
}

// children returns the digests of a node's children.
func (l *Ledger) children(o Origin, n Node) (c [nodeChildren]uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := l.digests[o]; d != nil {
		c = d.children(n)
	}
	return c
}

// standIn sets what stands in for what cannot be taken in of a range.
func (l *Ledger) standIn(o Origin, leaf uint16, x uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if x != 0 || l.digests[o] != nil {
		l.standing.Add(l.of(o).standIn(leaf, x))
	}
}

// standDown has nothing stand in any more for what cannot be taken in under a node.
func (l *Ledger) standDown(o Origin, n Node) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.digests[o]
	if d == nil {
		return
	}
	begin, count := n.leaves()
	for leaf := range d.stand {
		if int(leaf) >= begin && int(leaf) < begin+count {
			l.standing.Add(d.standIn(leaf, 0))
		}
	}
}

// takeAll has everything taken in that could not be before.
func (l *Ledger) takeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.digests {
		for leaf := range d.stand {
			l.standing.Add(d.standIn(leaf, 0))
		}
	}
}

// origins returns the origins that have digests, in no order.
func (l *Ledger) origins() []Origin {
	l.mu.Lock()
	defer l.mu.Unlock()
	names := make([]Origin, 0, len(l.digests))
	for o := range l.digests {
		if o != Nobody {
			names = append(names, o)
		}
	}
	return names
}

// Flush returns the next Parts of those that wait, as they are to be sent at now, or nil.
// They are to be sent before anything that comes later: whoever sends what a Group has it
// send must not call Flush meanwhile.
func (l *Ledger) Flush(now time.Time) *Parts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent.flush(now)
}

// due returns since when parts wait, and whether a message of them is full.
func (l *Ledger) due() (since time.Time, full bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent.since, len(l.sent.pending) >= l.sent.records
}

// again returns Parts that were sent before, as they are to be sent at now, or nil.
func (l *Ledger) again(now time.Time, number uint64) *Parts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent.again(now, number)
}

// state returns what a hello says of the own origin, all as of one moment, with
// nothing waiting: the number of the last Parts, the first that can be sent again, and
// the root as of the last. Parts that waited are returned; they go out before.
func (l *Ledger) state(now time.Time) (out []*Parts, number, oldest, root uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p := l.sent.flush(now); p != nil; p = l.sent.flush(now) {
		out = append(out, p)
	}
	if d := l.digests[l.sent.origin]; d != nil {
		root = d.root
	}
	return out, l.sent.number, l.sent.oldest(), root
}
