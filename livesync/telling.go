package livesync

import (
	"slices"
	"time"

	"keeptrack/livesync/wire"
)

const (
	// peerSlack is what streams of peers catch up after they were held up: no burst is
	// longer than what the pace gives in this time.
	peerSlack = 10 * time.Millisecond
	// tellEvery is the time between two bursts of a stream.
	tellEvery = 2 * time.Millisecond
	// packetOverhead is what a packet takes on the network beside its bytes.
	packetOverhead = 28
)

// tellPeers sends what of the streams may go now. It returns when to come back, unless
// no stream goes on.
func (n *Node) tellPeers() (next time.Time, waits bool) {
	c := &n.newcomer
	for at := 0; ; at++ {
		now := time.Now()
		c.mu.Lock()
		n.endStreams(now)
		streams := slices.Clone(c.telling)
		c.mu.Unlock()
		if len(streams) == 0 {
			return time.Time{}, false
		}
		if !c.pace.ready(now) {
			return later(c.pace.next, now.Add(tellEvery)), true
		}
		sentAny, next := false, now.Add(askerSilence)
		for i := range streams {
			s, wait := n.tellNext(streams[(at+i)%len(streams)], now)
			if sentAny = s; sentAny {
				break
			}
			if wait.Before(next) {
				next = wait
			}
		}
		if !sentAny {
			return next, true
		}
	}
}

// tellNext sends the next packet of a stream, or returns when that may go.
func (n *Node) tellNext(o *outgoing, now time.Time) (sent bool, wait time.Time) {
	c := &n.newcomer
	n.pack(o, now)
	c.mu.Lock()
	before := o.resent
	s, wait := o.next(now)
	n.counters.peersResent.Add(o.resent - before)
	c.mu.Unlock()
	if s == nil {
		return false, wait
	}
	kind := wire.KindPeersEnd
	if !s.last {
		kind = wire.KindPeers
		wire.SetSeconds(s.packet, now.Sub(s.looked))
	}
	n.send(o.where, kind, s.packet)
	bytes := len(s.packet) + packetOverhead
	if n.sealing != nil {
		bytes += wire.SealOverhead
	}
	c.pace.pay(now, time.Duration(bytes)*time.Second/time.Duration(n.options.PeerRate))
	return true, time.Time{}
}

// pack makes packets ahead of the pace. Like counts, see stream.window, they leave only
// when what was published before has arrived: a completion that the peer's flag has
// is counted by then.
func (n *Node) pack(o *outgoing, now time.Time) {
	room, window := n.options.room(n.limits.MaxPacket), n.limits.ReorderWindow
	ahead := min(int(int64(n.options.PeerRate)*int64(window)/int64(time.Second))/room+1, streamWindow)
	if o.whole || len(o.queue) >= ahead {
		return
	}
	if o.packing == nil {
		o.packing = newPacking(n.tracker, n.options.ID, o.to, o.stream, room)
		n.options.Log.Info().Stringer("instance", o.to).Msg("live sync tells its peers to an instance")
	}
	before := o.packing.peers
	packets := o.packing.more(now)
	n.outbox.handOverAll()
	n.counters.peersTold.Add(o.packing.peers - before)
	ripe := time.Now().Add(window)
	for _, s := range packets {
		s.ripe = ripe
	}
	o.queue, o.whole = append(o.queue, packets...), o.packing.finished
}

// endStreams forgets the streams that are over. c.mu is held.
func (n *Node) endStreams(now time.Time) {
	c := &n.newcomer
	c.telling = slices.DeleteFunc(c.telling, func(o *outgoing) bool {
		whole := o.over()
		if !whole && !o.dropped && now.Before(o.gone()) {
			return false
		}
		n.endStream(o, whole, now)
		return true
	})
}

func (n *Node) endStream(o *outgoing, whole bool, now time.Time) {
	if o.packing == nil {
		return
	}
	o.packing.stop()
	n.options.Log.Info().Stringer("instance", o.to).Bool("whole", whole).Uint64("peers", o.packing.peers).
		Uint32("packets", o.end).Uint64("resent", o.resent).Dur("took_ms", now.Sub(o.began)).
		Msg("live sync has told its peers to an instance")
}

// stopTelling ends all streams.
func (n *Node) stopTelling() {
	c := &n.newcomer
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.telling {
		n.endStream(o, false, time.Now())
	}
	c.telling = nil
}
