package tracker

import (
	"math"
	"time"
)

// Rejection is a reason for which a client is answered and not stored, or its
// completed download not counted.
type Rejection uint8

// The reasons for which a client is answered and not stored, or not counted. A
// client that is stored already stays so.
const (
	// NotRejected is for those that are stored.
	NotRejected Rejection = iota
	// RejectedPeers says that as many peers of the address are in the torrent as
	// Options.MaxPeersPerAddress allows.
	RejectedPeers
	// RejectedTorrents says that peers of the address have joined as many
	// torrents of late as Options.MaxTorrentsPerAddress allows.
	RejectedTorrents
	// RejectedCompletions says that peers of the address were the first to
	// complete as many torrents of late as Options.MaxTorrentsPerAddress
	// allows. The peer is stored; only its completed download is not counted.
	RejectedCompletions
	// RejectedSwarm says that the torrent has as many peers of the family as it
	// can have, 16,777,215.
	RejectedSwarm

	// The following are not for what is stored already: the peer could not be
	// reached where it says that it is.

	// RejectedPort says that the client gave no port, or 0.
	RejectedPort
	// RejectedAddress says that the address is not taken in: neither public nor
	// allowed by Options.
	RejectedAddress
	// RejectedUnnamed says that the request came through a trusted proxy that
	// does not name the client.
	RejectedUnnamed
	// RejectedUntrusted says that the request came through a proxy that is not
	// trusted, and the client is elsewhere.
	RejectedUntrusted

	// There is no room for the following.

	// RejectedMemory says that there is no room in Options.MaxMemory, or only for
	// networks that hold less.
	RejectedMemory
	// RejectedMaxTorrents says so of a new torrent and Options.MaxTorrents.
	RejectedMaxTorrents

	RejectionCount int = iota // number of values, NotRejected included
)

var rejectionNames = [RejectionCount]string{
	NotRejected:         "stored",
	RejectedPeers:       "peers_per_address",
	RejectedTorrents:    "torrents_per_address",
	RejectedCompletions: "completions_per_address",
	RejectedSwarm:       "peers_per_torrent",
	RejectedPort:        "port_zero",
	RejectedAddress:     "address_not_public",
	RejectedUnnamed:     "proxy_names_no_client",
	RejectedUntrusted:   "proxy_not_trusted",
	RejectedMemory:      "memory",
	RejectedMaxTorrents: "max_torrents",
}

// String returns the reason in lower-case words joined by underscores, for
// metrics.
func (r Rejection) String() string { return rejectionNames[r] }

// Unreachable reports whether the reason is that nobody could reach the peer, as
// opposed to what is stored already.
func (r Rejection) Unreachable() bool {
	switch r {
	case RejectedPort, RejectedAddress, RejectedUnnamed, RejectedUntrusted:
		return true
	}
	return false
}

// limits bound what clients at one address can have stored. They are asked only
// when a peer is about to be stored that is not yet, or is the first to
// complete a torrent, so that renewals cost nothing.
type limits struct {
	peers    uint32 // of one torrent; 0: no limit
	torrents uint32 // joined in a burst, and then in each peer timeout
	joined   *Tally // nil: no limit on torrents
	strays   *Tally // stops of peers not stored, as many as torrents; nil: no limit
	drained  uint16 // tick up to which joined has been drained; the sweep's

	// The torrents that were completed for the first time are kept for long:
	// as many as torrents in a burst, and then in each keep seconds.
	completed *Tally // nil: no limit
	keep      uint64 // 0: they are kept, and held against the network, for ever
	released  uint32 // unix second up to which completed has been drained; the sweep's
	rest      uint64 // what was rounded off then, in parts of 1/keep; the sweep's
}

func newLimits(o *Options, start Instant) limits {
	l := limits{peers: limit(uint64(o.MaxPeersPerAddress)), torrents: limit(uint64(o.MaxTorrentsPerAddress))}
	if l.torrents > 0 {
		l.joined, l.completed, l.strays = NewTally(), NewTally(), newTally(strayCounters)
	}
	l.keep, l.released = uint64((o.TorrentTimeout+time.Second-1)/time.Second), start.second
	return l
}

func limit(n uint64) uint32 { return uint32(min(n, math.MaxUint32)) }

// exhausted says that the network may not join another torrent for now.
func (l *limits) exhausted(n Network) bool {
	return l.joined != nil && l.joined.Count(n) >= l.torrents
}

// admit decides on the peer k, which is not in the list p, and counts it if it
// may be stored.
func admit[K key](l *limits, p *peers[K], k *K) Rejection {
	if p.n >= maxPeers {
		return RejectedSwarm
	}
	if l == nil {
		return NotRejected
	}
	if l.peers > 0 && p.n >= l.peers && p.atLimit(k, l.peers) {
		return RejectedPeers
	}
	if l.joined == nil {
		return NotRejected
	}
	n := networkOf(k)
	if l.exhausted(n) {
		return RejectedTorrents
	}
	l.joined.Add(n)
	return NotRejected
}

// join counts a peer of the network that is stored whatever the limits.
func (l *limits) join(n Network) {
	if l.joined != nil {
		l.joined.Add(n)
	}
}

// strayCounters is the number of counters of limits.strays: a wrong one costs a stop.
const strayCounters = 1 << 14

// strayStop reports whether others may be told of a stop of a peer of the network that is
// not stored here, and uses one up.
func (l *limits) strayStop(n Network) bool {
	if l.strays == nil {
		return true
	}
	if l.strays.Count(n) >= l.torrents {
		return false
	}
	l.strays.Add(n)
	return true
}

// firstCompletion reports whether the network may still create a first completion,
// and uses one up.
func (l *limits) firstCompletion(n Network) bool {
	if l.completed == nil {
		return true
	}
	if l.completed.Count(n) >= l.torrents {
		return false
	}
	l.completed.Add(n)
	return true
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
		l.strays.drain(limit(amount))
		// What has been rounded off is left for the next time.
		ticks := (amount*ticksPerTimeout + uint64(l.torrents) - 1) / uint64(l.torrents)
		l.drained = (l.drained + uint16(ticks)) & tickMask
	}
}

// release gives every network back first completions that it has not used for a
// while: all of them in a torrent timeout. Ticks would not do, which wrap
// around long before.
func (l *limits) release(now Instant) {
	if l.completed == nil || l.keep == 0 {
		return
	}
	passed := now.second - min(now.second, l.released) // 0 if the clock was set back
	due := l.rest + uint64(passed)*uint64(l.torrents)
	l.released, l.rest = now.second, due%l.keep
	if due >= l.keep {
		l.completed.drain(limit(due / l.keep))
	}
}
