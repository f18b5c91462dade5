package livesync

import (
	"sync"
	"time"

	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// A peer may stop at an instance that has not heard of it, because a packet was lost or has
// not come yet. The seed says nothing then. Others are told by a packet of their own, which
// is published like the original protocol's.

// maxStopsWaiting bounds the stops of peers not stored here that wait to be told. What
// does not fit is not told.
const maxStopsWaiting = 1 << 12

// strayStops are stops of peers that are not stored here, until they are told. It has a lock
// of its own, which is held for moments only: clients' announces take it.
type strayStops struct {
	mu      sync.Mutex // guards what follows
	waiting []stopped  // in order
}

// stopped is a peer that has stopped, or one of publishAgain.
type stopped struct {
	record tracker.SyncRecord
	at     time.Time // when it stopped, or last announced
}

// add has a stop wait. It returns whether none waited before.
func (s *strayStops) add(r tracker.SyncRecord, now time.Time) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) < maxStopsWaiting {
		s.waiting = append(s.waiting, stopped{r, now})
	}
	return len(s.waiting) == 1
}

// take returns up to room stops, if as many wait or the first has waited since before a
// time. If there are none to take it returns when the first came, the zero time if none
// waits.
func (s *strayStops) take(room int, before time.Time) (taken []stopped, since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := min(len(s.waiting), room)
	switch {
	case count == 0:
		return nil, time.Time{}
	case count < room && s.waiting[0].at.After(before):
		return nil, s.waiting[0].at
	}
	taken, s.waiting = s.waiting[:count:count], s.waiting[count:]
	return taken, time.Time{}
}

// addStop has others told of a stop of a peer that is not stored here. It does not wait.
func (l *lost) addStop(r tracker.SyncRecord, now time.Time) {
	if l.stray.add(r, now) {
		rouse(l.wake)
	}
}

// tellStops tells the stops that wait, once the first is old enough or all of a packet's
// are there. It returns when to come back, the zero time if none waits.
func (n *Node) tellStops(buf []byte, now time.Time) (next time.Time) {
	for {
		stops, since := n.lost.stray.take(wire.StopsRoom(cap(buf)), now.Add(-n.options.MaxDelay))
		if len(stops) == 0 {
			if since.IsZero() {
				return since
			}
			return since.Add(n.options.MaxDelay)
		}
		peers := make([]wire.LivePeer, len(stops))
		for i, s := range stops {
			peers[i] = wire.LivePeer{SyncRecord: s.record, Ago: max(now.Sub(s.at), 0)}
		}
		n.publishPacket(wire.KindLiveStops, wire.AppendLiveStops(buf, n.options.ID, peers))
	}
}
