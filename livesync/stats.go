package livesync

import (
	"encoding/json"
	"sync/atomic"

	"keeptrack/livesync/wire"
)

// Traffic counts packets and the records in them.
type Traffic struct {
	Packets uint64 `json:"packets"`
	Records uint64 `json:"records"`
}

// Traffics counts by Kind.
type Traffics [wire.KindCount]Traffic

// MarshalJSON returns an object with a member for every kind that there was.
func (t Traffics) MarshalJSON() ([]byte, error) {
	byName := make(map[string]Traffic)
	for k, n := range t {
		if n.Packets > 0 {
			byName[wire.Kind(k).String()] = n
		}
	}
	return json.Marshal(byName)
}

// Stats are counters since the start.
type Stats struct {
	// In and Out count what was received and used, and what was sent, by Kind.
	In, Out Traffics
	// Drops counts by Drop what was received and not used.
	Drops [DropCount]uint64
	// OverridesTaken counts overrides of the access list that came from others.
	OverridesTaken uint64
	// SendFailures counts packets that the transport did not take.
	SendFailures uint64
	// OutboxLost counts records that were not published because packets could
	// not be sent as fast as they filled.
	OutboxLost uint64
	// TransportLost counts packets that arrived and were lost before they
	// could be read.
	TransportLost uint64
	// PeersAsked counts how often another instance was asked for its peers, PeersTaken
	// the peers taken in then, PeersTold those told to others that asked, and
	// PeersResent the packets with such peers that were sent again.
	PeersAsked, PeersTaken, PeersTold, PeersResent uint64
	// RepairLost counts questions and answers about counts that were not sent because
	// too many waited. They are asked again.
	RepairLost uint64
	// Pauses counts how often receiving paused because it took more than its
	// share of a processor.
	Pauses uint64
}

// Stats returns the counters. It may be called at any time.
func (n *Node) Stats() Stats {
	s := Stats{
		SendFailures:   n.counters.sendFailures.Load(),
		OutboxLost:     n.outbox.lost(),
		TransportLost:  n.transport.Lost(),
		RepairLost:     n.counters.repairLost.Load(),
		Pauses:         n.counters.pauses.Load(),
		PeersAsked:     n.counters.peersAsked.Load(),
		PeersTaken:     n.counters.peersTaken.Load(),
		PeersTold:      n.counters.peersTold.Load(),
		PeersResent:    n.counters.peersResent.Load(),
		OverridesTaken: n.counters.overridesTaken.Load(),
	}
	for k := range wire.KindCount {
		s.In[k], s.Out[k] = n.counters.in[k].load(), n.counters.out[k].load()
	}
	for d := range DropCount {
		s.Drops[d] = n.counters.drops[d].Load()
	}
	return s
}

// counters are what Stats are read from.
type counters struct {
	in, out        [wire.KindCount]traffic
	drops          [DropCount]atomic.Uint64
	sendFailures   atomic.Uint64
	overridesTaken atomic.Uint64
	repairLost     atomic.Uint64
	pauses         atomic.Uint64

	peersAsked, peersTaken, peersTold, peersResent atomic.Uint64
}

type traffic struct{ packets, records atomic.Uint64 }

func (t *traffic) add(records int) {
	t.packets.Add(1)
	t.records.Add(uint64(records))
}

func (t *traffic) load() Traffic { return Traffic{t.packets.Load(), t.records.Load()} }
