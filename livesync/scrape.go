package livesync

import (
	"context"
	"sync"
	"time"

	"keeptrack/livesync/wire"
)

// scrape is the shell around the decisions of scrape sync. The receiving
// goroutine hands in events; one goroutine of its own holds the timer, sends
// what was decided, and tells.
type scrape struct {
	owed owed
	wake chan struct{} // holds a token when that goroutine has to look again

	mu       sync.Mutex
	d        decisions
	pending  []action
	armed    time.Time // when that goroutine will look again by itself; zero: not
	progress Progress
}

// Progress says how far a tell stream is: the one that goes on or, if none does,
// the last.
type Progress struct {
	// Activity is "tell" for a stream of all torrents, "counter_tell" for one
	// of those that this instance knows better, "none" when nothing is told.
	Activity string `json:"activity"`
	// Shards is the number of shards gone through, of tracker.ShardCount.
	Shards int `json:"shards"`
	// Packets and Records are what was sent of this stream.
	Packets uint64 `json:"packets"`
	Records uint64 `json:"records"`
	// Began is when the stream began; the zero time when there was none.
	Began time.Time `json:"began,omitzero"`
}

// decide takes in an event and leaves what follows from it to the goroutine
// that runs runScrape.
func (n *Node) decide(e event, now time.Time) {
	s := &n.scrape
	s.mu.Lock()
	s.pending = append(s.pending, s.d.step(e, now)...)
	next := s.d.next()
	look := len(s.pending) > 0 || !next.IsZero() && (s.armed.IsZero() || next.Before(s.armed))
	s.mu.Unlock()
	if look {
		rouse(s.wake)
	}
}

// runScrape carries out the decisions until ctx is done.
func (n *Node) runScrape(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var tells *stream
	buf := make([]byte, 0, n.options.room(n.limits.MaxPacket))
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.scrape.wake:
		case <-timer.C:
		}
		now := time.Now()
		actions, next := n.due(now)
		for _, a := range actions {
			if s := n.act(a, now, buf); s != nil {
				tells = s
			}
		}
		if tells != nil {
			var over bool
			if next, over = n.tellOn(tells, buf); over {
				tells = nil
			}
		}
		if next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(next))
		}
	}
}

// due returns what is to be done at now and when to look again.
func (n *Node) due(now time.Time) (actions []action, next time.Time) {
	s := &n.scrape
	s.mu.Lock()
	defer s.mu.Unlock()
	actions = append(s.pending, s.d.step(event{kind: eventTick}, now)...)
	s.pending = nil
	s.armed = s.d.next()
	return actions, s.armed
}

// act carries out one action. For those that begin a stream it returns it.
func (n *Node) act(a action, now time.Time, buf []byte) *stream {
	log := n.options.Log
	switch a.kind {
	case actionBeacon:
		n.sendToAll(wire.KindBeacon, wire.AppendBeacon(buf, n.options.ID, uint64(n.tracker.ServedCount())))
	case actionInquire:
		log.Info().Stringer("instance", a.target).Msg("live sync asks an instance for its counts")
		n.send(n.instances.endpoint(a.target), wire.KindInquire, wire.AppendInquire(buf, n.options.ID, a.target))
	case actionTell:
		log.Info().Int("torrents", n.tracker.ServedCount()).Msg("live sync tells the counts of all torrents")
		n.scrape.owed.clear()
		return n.newStream(telling, nil, now)
	case actionRepay:
		log.Info().Msg("live sync tells counts that are higher than those it was told")
		if n.scrape.owed.overflowed() {
			n.scrape.owed.clear()
			return n.newStream(repaying, nil, now)
		}
		return n.newStream(repaying, &n.scrape.owed, now)
	case actionPutOff:
		n.drop(DropTooSoon)
		log.Info().Msg("live sync is asked for counts soon after it told them: it answers after a pause")
	case actionSilent:
		log.Warn().Stringer("instance", a.target).Msg("an instance did not answer live sync: others are asked first for a while")
	case actionDeaf:
		log.Warn().Msg("live sync has been told counts for too long: are they forged? For a while it asks and beacons anyway")
	}
	return nil
}

// newStream begins to tell the torrents that are owed, or all when o is nil.
func (n *Node) newStream(a activity, o *owed, now time.Time) *stream {
	s := newStream(n.tracker, n.reorder(), n.options.room(n.limits.MaxPacket), n.options.TellRate, now)
	s.activity, s.owed = a, o
	n.setProgress(s)
	return s
}

// tellOn sends the next packet of a stream if it may go now. It returns when to
// come back, or that the stream is over.
func (n *Node) tellOn(s *stream, buf []byte) (next time.Time, over bool) {
	for s.copyAhead() {
		n.outbox.handOverAll()
		s.ripen(time.Now())
	}
	now := time.Now()
	p, next, over := s.next(wire.AppendHeader(buf, n.options.ID, wire.KindTell), now)
	if over {
		n.setProgress(s)
		n.decide(event{kind: eventDone, ended: s.activity, owing: n.scrape.owed.any()}, now)
		n.options.Log.Info().Uint64("records", s.told).Uint64("packets", s.packets).
			Dur("took_ms", now.Sub(s.began)).Msg("live sync has told counts")
	}
	if p == nil {
		return next, over
	}
	n.sendToAll(wire.KindTell, p)
	n.decide(event{kind: eventTold}, now)
	n.setProgress(s)
	return s.pace.next, false
}

func (n *Node) setProgress(s *stream) {
	n.scrape.mu.Lock()
	defer n.scrape.mu.Unlock()
	n.scrape.progress = Progress{Shards: s.shard, Packets: s.packets, Records: s.told, Began: s.began}
}
