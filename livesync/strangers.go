package livesync

import (
	"time"

	"keeptrack/livesync/exact"
	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// Where counts are kept by origins, the original protocol's scrape sync is there for strangers alone:
// programs that know no origins. Members answer what strangers ask and tell them what
// they know better, and pass over what other members tell them.

// memberFor is how many beacon intervals an instance counts as a member after its last
// packet about counts: far more than packets are lost in a row, and few enough for one
// that goes on under its id with an older version.
const memberFor = 10

// member reports whether an instance keeps counts by origins, as this one does.
func (n *Node) member(id wire.ID, now time.Time) bool {
	return n.counting != nil && n.instances.countedWithin(id, memberFor*n.options.BeaconInterval, now)
}

// overhear takes note of counts that a member tells strangers.
func (n *Node) overhear(p wire.Packet, now time.Time) {
	if n.scrape.owed.any() {
		for i := range p.Records() {
			told := p.Tell(i)
			if local, ok := n.tracker.Served(told.InfoHash); ok && told.Downloaded >= local.Downloaded {
				n.scrape.owed.told(told.InfoHash)
			}
		}
	}
	n.decide(event{kind: eventOverheard, owing: n.scrape.owed.any()}, now)
}

// takeTotal takes in what a stranger tells of a torrent. It returns the downloaded count
// held before.
func (n *Node) takeTotal(instant tracker.Instant, r tracker.Record, now time.Time) (local uint64, res tracker.SyncResult) {
	c := n.counting
	if c == nil {
		return n.tracker.Merge(instant, r)
	}
	age := now.Sub(time.Unix(60*int64(r.LastAnnounce), 0))
	switch {
	case n.tracker.Access().Refuses(&r.InfoHash):
		return 0, tracker.SyncRefused
	case c.parts.Stale(age):
		return 0, tracker.SyncTooOld
	}
	before, known := n.tracker.Served(r.InfoHash)
	c.takeFloor(now, exact.Record{InfoHash: r.InfoHash, Value: r.Downloaded, Age: age})
	if !known {
		if _, known = n.tracker.Served(r.InfoHash); !known {
			return 0, tracker.SyncFull
		}
	}
	return before.Downloaded, tracker.SyncApplied
}

// takeFloor has the group take in a total. It does not wait for the disk, even if the
// group does: neither concerns the other.
func (c *counting) takeFloor(now time.Time, r exact.Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.group.TakeFloors(now, []exact.Record{r})
}
