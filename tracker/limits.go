package tracker

import "math"

// TurnedAway is a reason for which a client is answered and not stored.
type TurnedAway uint8

// The reasons for which a client is answered and not stored. A client that is
// stored already is never turned away.
const (
	// TurnedNot is for those that are stored.
	TurnedNot TurnedAway = iota
	// TurnedPeers says that as many peers of the address are in the torrent as
	// Options.MaxPeersPerAddress allows.
	TurnedPeers
	// TurnedTorrents says that peers of the address have joined as many
	// torrents of late as Options.MaxTorrentsPerAddress allows.
	TurnedTorrents
	TurnedCount int = iota // number of values, TurnedNot included
)

// String returns the reason in lower-case words joined by underscores, for
// metrics.
func (r TurnedAway) String() string {
	return [TurnedCount]string{"stored", "peers_per_address", "torrents_per_address"}[r]
}

// limits bound what clients at one address can have stored. They are asked only
// when a peer is about to be stored that is not yet, so that renewals cost
// nothing.
type limits struct {
	peers    uint32 // of one torrent; 0: no limit
	torrents uint32 // joined in a burst, and then in each peer timeout
	joined   *Tally // nil: no limit on torrents
	drained  uint16 // tick up to which joined has been drained; the sweep's
}

func newLimits(o *Options) limits {
	l := limits{peers: limit(uint64(o.MaxPeersPerAddress)), torrents: limit(uint64(o.MaxTorrentsPerAddress))}
	if l.torrents > 0 {
		l.joined = NewTally()
	}
	return l
}

func limit(n uint64) uint32 { return uint32(min(n, math.MaxUint32)) }

// exhausted says that the network may not join another torrent for now.
func (l *limits) exhausted(n Network) bool {
	return l.joined != nil && l.joined.Count(n) >= l.torrents
}

// admit decides on the peer k, which is not in the list p, and counts it if it
// may be stored.
func admit[K key](l *limits, p *peers[K], k *K) TurnedAway {
	if l.peers > 0 && p.n >= l.peers && p.ofNetwork(k) >= l.peers {
		return TurnedPeers
	}
	if l.joined == nil {
		return TurnedNot
	}
	n := networkOf(k)
	if l.exhausted(n) {
		return TurnedTorrents
	}
	l.joined.Add(n)
	return TurnedNot
}

// age gives every network back what it has not used for a while: all of it in
// a peer timeout. So no network joins more than twice the limit in that time.
func (l *limits) age(now Instant) {
	if l.joined == nil {
		return
	}
	passed := uint64(now.ticksSince(l.drained))
	if amount := passed * uint64(l.torrents) / ticksPerTimeout; amount > 0 {
		l.joined.drain(limit(amount))
		// What has been rounded off is left for the next time.
		ticks := (amount*ticksPerTimeout + uint64(l.torrents) - 1) / uint64(l.torrents)
		l.drained = (l.drained + uint16(ticks)) & tickMask
	}
}
