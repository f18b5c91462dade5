package livesync

import (
	"context"
	"sync"
	"time"

	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// lost is the shell around stretches and lacking: how packets with peers that were lost
// are found and made good. The receiving goroutine hands in what comes; one goroutine of
// its own holds the timer and sends.
type lost struct {
	wake  chan struct{} // holds a token when that goroutine has to look again
	stray strayStops

	mu        sync.Mutex // guards what follows
	published stretches
	lacking   map[wire.ID]*lacking // at most maxInstances
	asked     fairQueue[wire.ID, askedLive]
	next      time.Time // when the next sum is due
}

const (
	// sumsEach is how many sums an instance tells in a beacon interval.
	sumsEach = 6
	// keptIntervals is for how many beacon intervals what was published is kept.
	keptIntervals = 3
	// searchRetry is the time until what was not answered is asked for again.
	searchRetry = 300 * time.Millisecond
)

func newLost(now time.Time, interval time.Duration, perSecond int) *lost {
	return &lost{
		wake:      make(chan struct{}, 1),
		published: newStretches(now),
		lacking:   make(map[wire.ID]*lacking),
		asked:     newFairQueue[wire.ID, askedLive](perSecond, maxAskedLive),
		next:      now.Add(interval / sumsEach),
	}
}

// publishPacket sends a packet with peers to all other instances, and keeps it for those
// that it does not reach. Parts that tell completions of these peers go out before.
func (n *Node) publishPacket(k wire.Kind, p []byte) {
	n.flushParts()
	n.lost.mu.Lock()
	n.lost.published.add(p, time.Now())
	n.lost.mu.Unlock()
	n.sendToAll(k, p)
}

// cameLive takes note of a packet with peers.
func (l *lost) cameLive(p wire.Packet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if of := l.lacking[p.From]; of != nil {
		of.came(p.LiveHash())
	}
}

// receiveLost takes in a packet of the kinds from KindLiveSum on.
func (n *Node) receiveLost(p wire.Packet, now time.Time) {
	l := n.lost
	switch p.Kind {
	case wire.KindLiveStops:
		l.cameLive(p)
		n.takeAgain(p, now)
		return
	case wire.KindLiveAgain:
		n.takeAgain(p, now)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.lacking[p.From]
	switch p.Kind {
	case wire.KindLiveSum:
		if of == nil {
			if len(l.lacking) == maxInstances {
				forgetOldest(l.lacking, func(of *lacking) time.Time { return of.heard })
			}
			of = &lacking{}
			l.lacking[p.From] = of
		}
		of.told(p.LiveSum(), now, now.Add(n.limits.ReorderWindow))
	case wire.KindLiveAsk:
		l.ask(p)
	case wire.KindLiveHashes:
		if of != nil {
			packets, first, hashes := p.Hashes(nil)
			of.listed(p.Stretch(), packets, first, hashes, now)
			l.boundSearches()
		}
	case wire.KindLiveAgain:
		if of != nil {
			of.again(p.Stretch(), p.AgainPart())
		}
	}
	rouse(l.wake)
}

// boundSearches ends searches while all together hold more than maxSearchBytes: the oldest
// of the instance whose searches hold most, because without a key anybody can tell in many
// names. l.mu is held.
func (l *lost) boundSearches() {
	for {
		held, most := 0, (*lacking)(nil)
		for _, of := range l.lacking {
			if held += of.held; most == nil || of.held > most.held {
				most = of
			}
		}
		if held <= maxSearchBytes {
			return
		}
		most.endOldest()
	}
}

// takeAgain takes in the peers of a packet that was lost, as their sender has them by now.
func (n *Node) takeAgain(p wire.Packet, now time.Time) {
	peers := n.taken[:0]
	for i := range p.Records() {
		r := p.Again(i)
		if r.Flags&tracker.SyncStopped != 0 {
			if !n.tracker.TakeStop(now, r.Ago, &r.SyncRecord) {
				n.publishAgain(r, now)
			}
			continue
		}
		state := tracker.PeerState{InfoHash: r.InfoHash, Peer: r.Peer, Age: uint32((r.Ago + time.Second - 1) / time.Second)}
		if r.Flags&tracker.SyncSeeding != 0 {
			state.Flags |= tracker.PeerSeeds
		}
		if r.Flags&tracker.SyncComplete != 0 {
			state.Flags |= tracker.PeerCompleted
		}
		peers = append(peers, state)
	}
	n.takeStates(peers, now)
}

// publishAgain publishes a peer that announced after the stop of which others have heard:
// they lack it. A completed download is told once, so that nobody counts it twice, who has
// started since either. That this peer has completed, the packets for stops say, by which
// nobody counts anything; programs that do not know those do without.
func (n *Node) publishAgain(r wire.LivePeer, now time.Time) {
	n.asItIs(&r, now, now)
	if r.Flags&tracker.SyncComplete != 0 {
		n.lost.addStop(r.SyncRecord, now.Add(-r.Ago))
		r.Flags &^= tracker.SyncComplete
	}
	n.Publish(r.SyncRecord)
}

// runLost tells what is published, asks for what is lacking and answers, until ctx is done.
func (n *Node) runLost(ctx context.Context) {
	l := n.lost
	timer := time.NewTimer(0)
	defer timer.Stop()
	buf := make([]byte, 0, n.options.room(n.limits.MaxPacket))
	for {
		select {
		case <-ctx.Done():
			n.tellStops(buf, time.Now().Add(n.options.MaxDelay)) // all of them
			return
		case <-l.wake:
		case <-timer.C:
		}
		now := time.Now()
		next := n.tellSum(buf, now)
		for _, t := range []time.Time{n.tellStops(buf, now), n.askLost(buf, now), n.answerLost(buf, now)} {
			if !t.IsZero() && t.Before(next) {
				next = t
			}
		}
		timer.Reset(time.Until(next))
	}
}

// tellSum tells what was published since it last did, if it is time. It returns when to
// come back.
func (n *Node) tellSum(buf []byte, now time.Time) (next time.Time) {
	l, interval := n.lost, n.options.BeaconInterval
	l.mu.Lock()
	if now.Before(l.next) {
		defer l.mu.Unlock()
		return l.next
	}
	l.next = now.Add(interval / sumsEach)
	next = l.next
	sum, ok := l.published.close(now.Add(-keptIntervals * interval))
	l.mu.Unlock()
	if ok {
		n.sendToAll(wire.KindLiveSum, wire.AppendLiveSum(buf, n.options.ID, sum))
	}
	return next
}

// askLost asks for what is lacking. It returns when to come back, the zero time if
// nothing is.
func (n *Node) askLost(buf []byte, now time.Time) (next time.Time) {
	type question struct {
		to      wire.ID
		stretch uint64
		missing []uint16
	}
	var questions []question
	var gaps []fillEvent
	l := n.lost
	l.mu.Lock()
	for id, of := range l.lacking {
		for s := of.ask(now, searchRetry); s != nil; s = of.ask(now, searchRetry) {
			questions = append(questions, question{id, s.Stretch, append([]uint16(nil), s.missing...)})
		}
		if !of.gap.IsZero() {
			gaps = append(gaps, fillEvent{kind: fillGap, from: id, since: of.gap})
			of.gap = time.Time{}
		}
		if t := of.next(); !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	l.mu.Unlock()
	for _, e := range gaps {
		n.fillStep(e, now)
	}
	for _, q := range questions {
		n.send(n.instances.endpoint(q.to), wire.KindLiveAsk, wire.AppendLiveAsk(buf, n.options.ID, q.to, q.stretch, q.missing, cap(buf)))
	}
	return next
}
