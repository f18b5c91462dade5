package livesync

import (
	"time"

	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// askedLive is something of what this instance has published that another one lacks.
type askedLive struct {
	to      wire.ID
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
		a := askedLive{p.From, p.Stretch(), allHashes}
		if p.Records() > 0 {
			a.packet = int(p.Asked(i))
		}
		if len(l.asked) < maxAskedLive {
			l.asked = append(l.asked, a)
		}
	}
}

// answerLost sends what others have asked for, at a pace. It returns when to come back,
// the zero time if nothing waits.
func (n *Node) answerLost(buf []byte, pace *pacer, now time.Time) (next time.Time) {
	l := n.lost
	for {
		l.mu.Lock()
		if len(l.asked) == 0 {
			l.mu.Unlock()
			return time.Time{}
		}
		if !pace.ready(now) {
			l.mu.Unlock()
			return pace.next
		}
		a := l.asked[0]
		l.asked = l.asked[1:]
		s := l.published.find(a.stretch)
		l.mu.Unlock()
		switch {
		case s == nil: // it is not kept any more
		case a.packet == allHashes:
			for first := 0; first < len(s.hashes); {
				var p []byte
				p, first = wire.AppendLiveHashes(buf, n.options.ID, a.to, a.stretch, s.hashes, first, cap(buf))
				n.send(n.instances.endpoint(a.to), wire.KindLiveHashes, p)
				pace.spend(now)
			}
		default:
			n.sendAgain(buf, a, s, pace, now)
		}
	}
}

// sendAgain sends what is in a packet of a stretch, as it is by now.
func (n *Node) sendAgain(buf []byte, a askedLive, s *stretch, pace *pacer, now time.Time) {
	packet, at := s.packet(a.packet)
	p, err := wire.Parse(packet)
	if err != nil { // there is no such packet
		return
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
	parts := (len(peers) + room - 1) / room
	for i := range parts {
		some := peers[i*room : min((i+1)*room, len(peers))]
		part := wire.AgainPart{Packet: uint16(a.packet), Part: uint8(i), Parts: uint8(parts)}
		n.send(n.instances.endpoint(a.to), wire.KindLiveAgain, wire.AppendLiveAgain(buf, n.options.ID, a.to, a.stretch, part, some))
		pace.spend(now)
	}
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
