package livesync

import (
	"context"
	"sync"
	"time"

	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// outboxQueue is the number of full packets that wait for the sending
// goroutine before records are dropped: 13,312 IPv4 records.
const outboxQueue = 256

// outbox packs records into packets, one per address family at a time. A
// packet is handed to the sending goroutine when no further record fits, or
// when its oldest record is maxDelay old.
//
// Buffers go around: free → open → ready → the sending goroutine → free. There
// is one for every place, so that taking one from free never waits.
type outbox struct {
	id        wire.ID
	maxPacket int
	maxDelay  time.Duration
	ready     chan packed
	free      chan []byte
	opened    chan struct{} // holds a token when a packet was begun that the sending goroutine has not seen

	mu      sync.Mutex
	open    [2][]byte    // by family; a header alone when empty
	since   [2]time.Time // when the oldest record of open was added
	dropped uint64       // records lost because the queue was full
}

// packed is a packet of peers of one family.
type packed struct {
	family tracker.Family
	data   []byte
}

func newOutbox(id wire.ID, maxPacket int, maxDelay time.Duration) *outbox {
	o := &outbox{
		id:        id,
		maxPacket: maxPacket,
		maxDelay:  maxDelay,
		ready:     make(chan packed, outboxQueue),
		free:      make(chan []byte, outboxQueue+len(outbox{}.open)+1),
		opened:    make(chan struct{}, 1),
	}
	room := make([]byte, cap(o.free)*maxPacket)
	for i := range cap(o.free) {
		o.free <- room[i*maxPacket : i*maxPacket : (i+1)*maxPacket]
	}
	for f := range o.open {
		o.begin(tracker.Family(f))
	}
	return o
}

// add adds a record. It neither waits nor allocates.
func (o *outbox) add(r *tracker.SyncRecord) {
	f := r.Peer.Family()
	o.mu.Lock()
	first := len(o.open[f]) == wire.HeaderSize
	if first {
		o.since[f] = time.Now()
	}
	before := len(o.open[f])
	o.open[f] = wire.AppendSync(o.open[f], r)
	size := len(o.open[f]) - before
	if len(o.open[f])+size > o.maxPacket && !o.handOver(f) {
		o.dropped += uint64(wire.KindOfPeers(f).Records(len(o.open[f])))
		o.open[f] = o.open[f][:wire.HeaderSize]
	}
	o.mu.Unlock()
	if first {
		rouse(o.opened)
	}
}

// run sends packets until ctx is done, then sends what is left and returns.
func (o *outbox) run(ctx context.Context, send func(wire.Kind, []byte)) {
	timer := time.NewTimer(o.maxDelay)
	defer timer.Stop()
	for {
		select {
		case p := <-o.ready:
			o.send(p, send)
		case <-o.opened:
		case <-timer.C:
		case <-ctx.Done():
			o.flush(send)
			return
		}
		if next := o.handOverDue(time.Now()); next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(next))
		}
	}
}

// handOverAll hands over what is open, however young.
func (o *outbox) handOverAll() { o.handOverDue(time.Now().Add(o.maxDelay)) }

// lost returns the number of records lost because the queue was full.
func (o *outbox) lost() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dropped
}

func (o *outbox) send(p packed, send func(wire.Kind, []byte)) {
	send(wire.KindOfPeers(p.family), p.data)
	o.free <- p.data
}

// flush sends the queue, then what is open, so that records leave in the order
// in which they came.
func (o *outbox) flush(send func(wire.Kind, []byte)) {
	for len(o.ready) > 0 {
		o.send(<-o.ready, send)
	}
	o.handOverAll()
	for len(o.ready) > 0 {
		o.send(<-o.ready, send)
	}
}

// handOverDue hands over the packets whose oldest record is maxDelay old at
// now. It returns when the next one will be due; the zero time when nothing is
// open.
func (o *outbox) handOverDue(now time.Time) (next time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for f := range o.open {
		if len(o.open[f]) == wire.HeaderSize {
			continue
		}
		due := o.since[f].Add(o.maxDelay)
		if !due.After(now) && o.handOver(tracker.Family(f)) {
			continue
		}
		if next.IsZero() || due.Before(next) {
			next = due
		}
	}
	return next
}

// handOver puts the open packet of a family into the queue and begins another,
// or returns false when the queue is full. o.mu is held.
func (o *outbox) handOver(f tracker.Family) bool {
	select {
	case o.ready <- packed{f, o.open[f]}:
		o.begin(f)
		return true
	default:
		return false
	}
}

// begin opens an empty packet. o.mu is held.
func (o *outbox) begin(f tracker.Family) {
	o.open[f] = wire.AppendHeader((<-o.free)[:0], o.id, wire.KindOfPeers(f))
}
