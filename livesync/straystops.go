package livesync

import (
	"time"

	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// A peer may stop at an instance that has not heard of it, because a packet was lost or has
// not come yet. The seed says nothing then. Others are told by a packet of their own, which
// is published like the seed's.

// maxStopsWaiting bounds the stops of peers not stored here that wait to be told. What
// does not fit is not told.
const maxStopsWaiting = 1 << 12

// stopped is a peer that has stopped.
type stopped struct {
	record tracker.SyncRecord
	at     time.Time
}

// addStop has others told of a stop of a peer that is not stored here.
func (l *lost) addStop(r tracker.SyncRecord, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.stops) < maxStopsWaiting {
		l.stops = append(l.stops, stopped{r, now})
	}
	if len(l.stops) == 1 {
		rouse(l.wake)
	}
}

// tellStops tells the stops that wait, once the first is old enough or all of a packet's
// are there. It returns when to come back, the zero time if none waits.
func (n *Node) tellStops(buf []byte, now time.Time) (next time.Time) {
	l, room := n.lost, wire.StopsRoom(cap(buf))
	for {
		l.mu.Lock()
		count := min(len(l.stops), room)
		if count == 0 || count < room && now.Before(l.stops[0].at.Add(n.options.MaxDelay)) {
			if count > 0 {
				next = l.stops[0].at.Add(n.options.MaxDelay)
			}
			l.mu.Unlock()
			return next
		}
		peers := make([]wire.LivePeer, count)
		for i := range peers {
			peers[i] = wire.LivePeer{SyncRecord: l.stops[i].record, Ago: max(now.Sub(l.stops[i].at), 0)}
		}
		l.stops = l.stops[count:]
		l.mu.Unlock()
		n.publishPacket(wire.KindLiveStops, wire.AppendLiveStops(buf, n.options.ID, peers))
	}
}
