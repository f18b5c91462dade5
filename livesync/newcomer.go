package livesync

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"keeptrack/livesync/transport"
	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// newcomer is the shell around filling and outgoing: how this instance gets the group's
// peers after its start, and tells its own to others. The receiving goroutine hands in
// what comes; one goroutine of its own holds the timer and sends.
type newcomer struct {
	wake chan struct{} // holds a token when that goroutine has to look again
	pace pacer         // that goroutine's

	mu       sync.Mutex
	fill     filling
	pending  []fillAction
	askers   askers
	telling  []*outgoing
	stops    bool // stops are remembered
	mayServe bool // clients are told long intervals
	from     Filled
}

// maxTelling bounds the streams at a time; whoever else asks waits. A stream takes a
// few hundred KiB, and up to 12 MiB when its asker falls silent.
const maxTelling = 4

func (n *Node) initNewcomer() {
	c := &n.newcomer
	c.wake, c.askers = make(chan struct{}, 1), make(askers)
	c.pace.slack = peerSlack
	c.fill = newFilling(n.options.BeaconInterval, time.Now(), rand.Uint32)
	c.stops = true
	n.tracker.RememberStops(true)
	n.tracker.SetFilling(true)
}

// Filling reports whether the group's peers are still on their way to this instance, or
// may be. It ends three seconds after the start if no other instance with peers is
// heard, and two minutes after it in any case.
func (n *Node) Filling() bool {
	n.newcomer.mu.Lock()
	defer n.newcomer.mu.Unlock()
	return !n.newcomer.fill.ready
}

// receiveNewcomer takes in a packet of the kinds from KindHello on. One that is for
// another instance is passed over.
func (n *Node) receiveNewcomer(p wire.Packet, from transport.Endpoint, now time.Time) {
	switch p.Kind {
	case wire.KindHello:
		n.fillStep(fillEvent{kind: fillHello, from: p.From, hello: p.Hello()}, now)
	case wire.KindAsk:
		if !n.heardAsk(p, from, now) {
			n.drop(DropTooSoon)
		}
	case wire.KindHave:
		n.heardHave(p, now)
	case wire.KindPeers:
		if n.wantsPeers(p) {
			n.takePeers(p, now)
			n.fillStep(fillEvent{kind: fillPeers, from: p.From, stream: p.Stream(), number: p.Number()}, now)
		}
	case wire.KindPeersEnd:
		n.fillStep(fillEvent{kind: fillEnd, from: p.From, stream: p.Stream(), number: p.Number()}, now)
	}
}

func (n *Node) wantsPeers(p wire.Packet) bool {
	n.newcomer.mu.Lock()
	defer n.newcomer.mu.Unlock()
	return n.newcomer.fill.wants(p.From, p.Stream(), p.Number())
}

// fillStep takes in an event and leaves what follows from it to the goroutine that
// runs runNewcomer.
func (n *Node) fillStep(e fillEvent, now time.Time) {
	c := &n.newcomer
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = append(c.pending, c.fill.step(e, now)...)
	if e.kind != fillPeers || len(c.pending) > 0 {
		rouse(c.wake)
	}
}

// takePeers takes in the peers of a packet.
func (n *Node) takePeers(p wire.Packet, now time.Time) {
	p.Peers(n.taken[:0], func(peers []tracker.PeerState) { n.counters.peersTaken.Add(n.takeStates(peers, now)) })
}

// takeStates takes in peers of another instance and returns how many are stored.
func (n *Node) takeStates(peers []tracker.PeerState, now time.Time) uint64 {
	r := n.tracker.TakePeers(n.tracker.Instant(now), peers)
	n.counters.drops[DropRefused].Add(r.Refused)
	n.counters.drops[DropFull].Add(r.Rejected)
	n.counters.drops[DropBadPeer].Add(r.BadPeer)
	return r.Stored
}

// runNewcomer carries out what is decided, and tells peers, until ctx is done.
func (n *Node) runNewcomer(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer n.stopTelling()
	buf := make([]byte, 0, n.options.room(n.limits.MaxPacket))
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.newcomer.wake:
		case <-timer.C:
		}
		actions, next := n.fillDue(time.Now())
		for _, a := range actions {
			n.fillAct(a, buf)
		}
		if told, waits := n.tellPeers(); waits && told.Before(next) {
			next = told
		}
		timer.Reset(time.Until(next))
	}
}

// fillDue returns what is to be done at now and when to look again. What the tracker
// is to know, it is told.
func (n *Node) fillDue(now time.Time) (actions []fillAction, next time.Time) {
	c := &n.newcomer
	c.mu.Lock()
	defer c.mu.Unlock()
	actions = append(c.pending, c.fill.step(fillEvent{}, now)...)
	c.pending = nil
	if stops := c.fill.remembers(now); stops != c.stops {
		c.stops = stops
		n.tracker.RememberStops(stops)
	}
	if c.fill.ready && !c.mayServe {
		c.mayServe = true
		n.tracker.SetFilling(false)
	}
	for _, a := range actions {
		c.from.note(a, now)
	}
	return actions, c.fill.next(now)
}

// fillAct carries out one action.
func (n *Node) fillAct(a fillAction, buf []byte) {
	log := n.options.Log
	switch a.kind {
	case fillGreet:
		n.sendToAll(wire.KindHello, wire.AppendHello(buf, n.options.ID, n.hello(a.asks)))
	case fillAsk:
		if a.first {
			log.Info().Stringer("instance", a.mate).Msg("live sync gets the peers of an instance")
		}
		n.counters.peersAsked.Add(1)
		n.send(n.instances.endpoint(a.mate), wire.KindAsk, wire.AppendAsk(buf, n.options.ID, a.mate, a.stream))
	case fillHave:
		n.sendHave(a, buf)
	case fillLost:
		log.Warn().Stringer("instance", a.mate).Msg("live sync did not get all peers of an instance: the instance stopped sending")
	case fillDone:
		from := n.filled()
		log.Info().Stringer("instance", a.mate).Uint64("peers", n.counters.peersTaken.Load()).
			Dur("took_ms", from.Done.Sub(from.Began)).Msg("live sync has the peers of an instance")
	case fillAlone:
		log.Info().Msg("live sync stops waiting for the peers of other instances")
	}
}

// hello returns what this instance says of itself.
func (n *Node) hello(asks bool) wire.Hello {
	n.newcomer.mu.Lock()
	up, ready := time.Since(n.newcomer.fill.began), n.newcomer.fill.ready
	n.newcomer.mu.Unlock()
	return wire.Hello{Peers: n.tracker.PeerCount(), Up: up, Asks: asks, Filling: !ready}
}

// sendHave says what of a stream has arrived.
func (n *Node) sendHave(a fillAction, buf []byte) {
	c := &n.newcomer
	empty := wire.AppendHave(buf, n.options.ID, a.mate, a.stream, 0, nil)
	c.mu.Lock()
	missing, end := c.fill.missing((cap(buf) - len(empty)) / 4)
	current := c.fill.expects(a.mate, a.stream)
	c.mu.Unlock()
	if current {
		n.send(n.instances.endpoint(a.mate), wire.KindHave, wire.AppendHave(buf, n.options.ID, a.mate, a.stream, end, missing))
	}
}

// heardAsk begins to tell peers, or returns false if that is too soon.
func (n *Node) heardAsk(p wire.Packet, from transport.Endpoint, now time.Time) bool {
	c := &n.newcomer
	c.mu.Lock()
	defer c.mu.Unlock()
	at := slices.IndexFunc(c.telling, func(o *outgoing) bool { return o.to == p.From })
	switch {
	case at >= 0 && c.telling[at].stream == p.Stream():
		return true // it has not heard of it yet
	case at < 0 && len(c.telling) >= maxTelling || !c.askers.admit(from, now):
		return false
	case at >= 0:
		c.telling[at].dropped = true
	}
	c.telling = append(c.telling, &outgoing{to: p.From, where: from, stream: p.Stream(), began: now, heard: now})
	rouse(c.wake)
	return true
}

// heardHave takes in what of a stream has arrived.
func (n *Node) heardHave(p wire.Packet, now time.Time) {
	c := &n.newcomer
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.telling {
		if o.to == p.From && o.stream == p.Stream() {
			n.missing = n.missing[:0]
			for i := range p.Records() {
				n.missing = append(n.missing, p.Missing(i))
			}
			o.have(p.Number(), n.missing, now)
			rouse(c.wake)
		}
	}
}
