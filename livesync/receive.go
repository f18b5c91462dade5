package livesync

import (
	"time"

	"keeptrack/livesync/transport"
	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// receive takes in one packet. It does not keep b.
func (n *Node) receive(b []byte, from transport.Endpoint, now time.Time) {
	p, drop := n.accept(b, now)
	if drop != DropNone {
		n.drop(drop)
		n.complain(drop, from, now)
		return
	}
	n.instances.heard(p, from, now)
	if p.Kind.Extension() && p.Kind.Addressed() && p.Target() != n.options.ID || p.Kind.Counts() && !n.counting.forThis(p) {
		return // over multicast, what is for another instance comes here as well
	}
	n.counters.in[p.Kind].add(p.Records())
	if p.Trailing > 0 {
		n.drop(DropTrailing)
	}
	switch p.Kind {
	case wire.KindLive, wire.KindLive6:
		n.lost.cameLive(p)
		n.applySync(p, n.sealing == nil || wire.Sealed(b), now)
	case wire.KindBeacon:
		n.heardBeacon(p, now)
	case wire.KindInquire:
		if p.Target() != n.options.ID {
			n.drop(DropOtherTarget)
			return
		}
		n.decide(event{kind: eventInquire}, now)
	case wire.KindTell:
		if n.member(p.From, now) {
			n.overhear(p, now)
		} else {
			n.merge(p, maxTold(wire.Sealed(b)), from, now)
		}
	case wire.KindHello, wire.KindAsk, wire.KindPeers, wire.KindPeersEnd, wire.KindHave:
		n.receiveNewcomer(p, from, now)
	case wire.KindLiveSum, wire.KindLiveAsk, wire.KindLiveHashes, wire.KindLiveAgain, wire.KindLiveStops:
		n.receiveLost(p, now)
	case wire.KindOverrides, wire.KindOverrideDigest, wire.KindOverrideAsk:
		n.hearOverrides(p, from, now)
	default:
		n.hearCount(p, maxTold(wire.Sealed(b)), from, now)
	}
}

// accept opens and parses a packet unless it is not for this instance at all.
func (n *Node) accept(b []byte, now time.Time) (wire.Packet, Drop) {
	if len(b) >= wire.HeaderSize && wire.ID(b) == n.options.ID {
		return wire.Packet{}, DropOwn
	}
	sealed := wire.Sealed(b)
	b, drop := n.sealing.open(b, now)
	if drop != DropNone {
		return wire.Packet{}, drop
	}
	p, err := wire.Parse(b)
	if err == nil && !sealed && p.Kind.Extension() && (n.sealing != nil || p.Kind.SealedOnly()) {
		return wire.Packet{}, DropPlain // accept_plain is for programs that know no key
	}
	return p, DropOf(err)
}

func (n *Node) drop(d Drop) { n.counters.drops[d].Add(1) }

// syncBatch is the number of peers that are looked at together: as many as a
// packet has on most networks.
const syncBatch = 52

// peerBatch is the number of peers of a stream that are taken in together: as many as
// a packet has on most networks.
const peerBatch = 256

// applySync takes in the peers of a SYNC_LIVE or SYNC_LIVE6 packet. Marks on completions
// hold if it is of a program that may be a member: where there is a key those seal, and to
// others that byte means nothing.
func (n *Node) applySync(p wire.Packet, mayMark bool, now time.Time) {
	instant := n.tracker.Instant(now)
	marks := n.counting != nil && mayMark
	for first := 0; first < p.Records(); first += syncBatch {
		batch := n.batch[:min(p.Records()-first, syncBatch)]
		for i := range batch {
			p.Sync(first+i, &batch[i])
			batch[i].Counted = batch[i].Counted && marks
			n.ahead[i] = tracker.Ahead{InfoHash: &batch[i].InfoHash, Peer: batch[i].Peer}
		}
		n.tracker.Prefetch(n.ahead[:len(batch)])
		for i := range batch {
			if res := n.tracker.ApplySync(instant, &batch[i]); res != tracker.SyncApplied {
				n.drop(resultDrops[res])
			}
		}
	}
}

func (n *Node) heardBeacon(p wire.Packet, now time.Time) {
	if p.Torrents() == 0 {
		n.drop(DropEmptyBeacon)
		return
	}
	if n.member(p.From, now) {
		return // counts of members do not come by scrape sync
	}
	n.decide(event{
		kind:     eventBeacon,
		from:     p.From,
		torrents: p.Torrents(),
		local:    uint64(n.tracker.ServedCount()),
	}, now)
}

// The highest counts that are believed. What is taken in once stays the maximum
// of the whole group for ever, and nothing but completions makes an honest
// count: the most popular torrents have some millions.
const (
	// maxToldSealed is what 1000 completions a second count in 35 years.
	maxToldSealed = 1 << 40
	// maxToldPlain, of packets that anybody on the network can forge, is what
	// they count in two years.
	maxToldPlain = 1 << 36
)

// maxTold returns the highest count of a TELL packet that is believed.
func maxTold(sealed bool) uint64 {
	if sealed {
		return maxToldSealed
	}
	return maxToldPlain
}

// merge takes in the counts of a TELL packet, up to most, and remembers what is
// known better here.
func (n *Node) merge(p wire.Packet, most uint64, from transport.Endpoint, now time.Time) {
	instant, minute := n.tracker.Instant(now), minuteOf(now)
	for i := range p.Records() {
		told := p.Tell(i)
		if told.Downloaded > most {
			n.drop(DropBadCount)
			n.complain(DropBadCount, from, now)
			continue
		}
		last := minute - int64(told.Age)
		local, res := n.takeTotal(instant, tracker.Record{
			InfoHash:     told.InfoHash,
			LastAnnounce: uint32(max(last, 0)),
			Downloaded:   told.Downloaded,
		}, now)
		switch {
		case res != tracker.SyncApplied:
			n.drop(resultDrops[res])
			continue
		case last < 0:
			n.drop(DropBadAge)
		}
		n.scrape.owed.compare(told.InfoHash, local, told.Downloaded)
	}
	n.decide(event{kind: eventTell, from: p.From, owing: n.scrape.owed.any()}, now)
}
