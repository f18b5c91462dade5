package livesync

import (
	"time"

	"keeptrack/livesync/transport"
	"keeptrack/livesync/wire"
	"keeptrack/tracker/override"
)

// Cluster is the group as this instance sees it.
type Cluster struct {
	// ID is this instance's id and Torrents its number of torrents.
	ID       wire.ID `json:"id"`
	Torrents int     `json:"torrents"`
	// Keys is the number of keys in force; 0 when packets are not sealed.
	Keys int `json:"keys"`
	// Transport is what carries this instance's packets.
	Transport transport.State `json:"transport"`
	// Overrides are this instance's overrides of the access list; nil when they do
	// not spread.
	Overrides *OwnOverrides `json:"overrides,omitempty"`
	// Counting is how members keep their counts equal; nil when counts are merged by
	// maximum.
	Counting *Counting `json:"counting,omitempty"`
	// Wanting is the inquiry that is being prepared or waits for its answer;
	// nil when there is none.
	Wanting *Wanting `json:"wanting,omitempty"`
	// LastTell is when a TELL packet was last received or sent; the zero time
	// when there was none.
	LastTell time.Time `json:"last_tell,omitzero"`
	// NextBeacon is when the next BEACON is due; the zero time while this
	// instance tells.
	NextBeacon time.Time `json:"next_beacon,omitzero"`
	// Tell is the tell stream of this instance.
	Tell Progress `json:"tell"`
	// Filled is how far this instance is in getting the group's peers after its start,
	// and Telling are the instances that it tells its peers.
	Filled  Filled `json:"peers"`
	Telling []Told `json:"telling_peers"`
	// Instances are the other instances that were heard since the start, in
	// order of id: at most 256, those heard last.
	Instances []Instance `json:"instances"`
}

// OwnOverrides are the overrides of the access list of this instance.
type OwnOverrides struct {
	// Label names this instance in those that are made here.
	Label override.Label `json:"label"`
	// Unlike counts the instances, of those heard within three beacon intervals, that
	// have had others than this one by their last digest.
	Unlike int `json:"unlike_instances"`
}

// ownOverrides returns what Cluster tells of overrides, given the other instances.
func (n *Node) ownOverrides(others []Instance, now time.Time) *OwnOverrides {
	if n.overrides.set == nil {
		return nil
	}
	own := &OwnOverrides{Label: n.overrides.set.Label()}
	for i := range others {
		o := &others[i]
		if o.Overrides != nil && !o.Overrides.Equal && now.Sub(o.LastSeen) <= 3*n.options.BeaconInterval {
			own.Unlike++
		}
	}
	return own
}

// Wanting is an inquiry.
type Wanting struct {
	// Best is the instance with most torrents so far, and Torrents its number.
	Best     wire.ID `json:"best"`
	Torrents uint64  `json:"torrents"`
	// Asked is how often it was asked, and Deadline when it is asked next or
	// given up.
	Asked    int       `json:"asked"`
	Deadline time.Time `json:"deadline"`
}

// Transport returns the state of what carries this instance's packets.
func (n *Node) Transport() transport.State { return n.transport.State() }

// Cluster returns the state of the group. It may be called at any time.
func (n *Node) Cluster() Cluster {
	c := Cluster{
		ID:        n.options.ID,
		Torrents:  n.tracker.ServedCount(),
		Keys:      n.sealing.keyCount(),
		Transport: n.transport.State(),
		Filled:    n.filled(),
		Telling:   n.told(),
		Instances: n.instances.list(),
	}
	now := time.Now()
	c.Overrides, c.Counting = n.ownOverrides(c.Instances, now), n.countingView(c.Instances, now)
	s := &n.scrape
	s.mu.Lock()
	defer s.mu.Unlock()
	c.LastTell = s.d.lastTell
	c.Tell = s.progress
	c.Tell.Activity = s.d.activity.String()
	if s.d.activity == quiet {
		c.NextBeacon = s.d.beaconTime()
	}
	if s.d.wanting {
		c.Wanting = &Wanting{Best: s.d.best, Torrents: s.d.bestCount, Asked: len(s.d.asked), Deadline: s.d.deadline}
	}
	return c
}
