package livesync

import (
	"slices"
	"time"

	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// askedLive is something of what this instance has published that another one lacks.
type askedLive struct {
	stretch uint64
	packet  int // or allHashes
}

const (
	allHashes = -1
	// maxAskedLive bounds what waits to be answered. What does not fit is asked for again.
	maxAskedLive = 1 << 13
)

// ask takes note of what another instance lacks.
func (l *lost) ask(p wire.Packet) {
	for i := range max(p.Records(), 1) {
		a := askedLive{p.Stretch(), allHashes}
		if p.Records() > 0 {
			a.packet = int(p.Asked(i))
		}
		if !slices.Contains(l.asked.of[p.From], a) { // else it was asked again
			l.asked.add(p.From, a)
		}
	}
}

// answerLost sends what others have asked for, at a pace. It returns when to come back,
// the zero time if nothing waits.
func (n *Node) answerLost(buf []byte, now time.Time) (next time.Time) {
	l := n.lost
	for {
		l.mu.Lock()
		to, a, ok, wait := l.asked.next(now)
		s := l.published.find(a.stretch)
		l.mu.Unlock()
		packets := 1
		switch {
		case !ok:
			return wait
		case s == nil: // it is not kept any more
			n.tellHashes(buf, to, a.stretch, nil)
		case a.packet == allHashes:
			packets = n.tellHashes(buf, to, a.stretch, s.hashes)
		default:
			packets = n.sendAgain(buf, to, a, s, now)
		}
		l.mu.Lock()
		for range packets - 1 { // the first is paid for
			l.asked.pace.spend(now)
		}
		l.mu.Unlock()
	}
}

// tellHashes tells the hashes of a stretch, none if it is not kept, and returns in how many
// packets.
func (n *Node) tellHashes(buf []byte, to wire.ID, stretch uint64, hashes []uint32) (packets int) {
	for first := 0; first < len(hashes) || packets == 0; packets++ {
		var p []byte
		p, first = wire.AppendLiveHashes(buf, n.options.ID, to, stretch, hashes, first, cap(buf))
		n.send(n.instances.endpoint(to), wire.KindLiveHashes, p)
	}
	return packets
}

// sendAgain sends what is in a packet of a stretch, as it is by now, and returns in how
// many packets.
func (n *Node) sendAgain(buf []byte, to wire.ID, a askedLive, s *stretch, now time.Time) (parts int) {
	packet, at := s.packet(a.packet)
	p, err := wire.Parse(packet)
	if err != nil { // there is no such packet
		return 0
	}
	peers := make([]wire.LivePeer, p.Records())
	for i := range peers {
		r := &peers[i]
		if p.Kind == wire.KindLiveStops {
			*r = p.Again(i)
		} else {
			p.Sync(i, &r.SyncRecord)
		}
		n.asItIs(r, at, now)
	}
	room := wire.AgainRoom(cap(buf))
	parts = (len(peers) + room - 1) / room
	for i := range parts {
		some := peers[i*room : min((i+1)*room, len(peers))]
		part := wire.AgainPart{Packet: uint16(a.packet), Part: uint8(i), Parts: uint8(parts)}
		n.send(n.instances.endpoint(to), wire.KindLiveAgain, wire.AppendLiveAgain(buf, n.options.ID, to, a.stretch, part, some))
	}
	return parts
}

// asItIs brings what was published of a peer at a time up to now: it may have announced
// or stopped since, here or elsewhere.
func (n *Node) asItIs(r *wire.LivePeer, at, now time.Time) {
	state, stored := n.tracker.StateOf(n.tracker.Instant(now), &r.SyncRecord)
	if !stored {
		r.Flags, r.Ago = tracker.SyncStopped, max(now.Sub(at), 0)
		return
	}
	r.Flags, r.Ago = 0, time.Duration(state.Age)*time.Second
	if state.Flags&tracker.PeerSeeds != 0 {
		r.Flags |= tracker.SyncSeeding
	}
	if state.Flags&tracker.PeerCompleted != 0 {
		r.Flags |= tracker.SyncComplete
	}
}
