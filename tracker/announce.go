package tracker

import (
	"encoding/binary"
	"time"
)

// The most that a request is answered with, over any transport.
const (
	MaxPeers  = 200 // peers of an announce reply
	MaxScrape = 74  // info hashes of a scrape, as many as fit a UDP packet that is never fragmented
)

// Event is what a client says has happened with an announce. The numbers are
// those of the UDP protocol (BEP 15; paused: BEP 21).
type Event uint8

// The events.
const (
	EventNone Event = iota
	EventCompleted
	EventStarted
	EventStopped
	EventPaused
)

// Announce is an announce request, the same for every transport. It holds no
// pointers.
type Announce struct {
	InfoHash InfoHash
	// Peer is the client's source address with the port that it listens on.
	// With port 0 the client is answered but not stored.
	Peer Peer
	// Through, unless it is NotRejected, says that the request came through a proxy
	// of whose clients this one is not known, and why. Peer then has the proxy's
	// address, and is answered but not stored.
	Through Rejection
	// Left is the number of bytes the client still lacks; 0 makes it a seeder.
	Left  uint64
	Event Event
	// NumWant is the number of peers asked for; negative means that the client
	// did not say, and so does 0 unless the client seeds: a leecher lives on
	// peers, and some ask for 0 by mistake in their first announce.
	NumWant int
	// Limit is the most peers the transport can carry in one reply.
	Limit int
	// BothFamilies asks for peers of both families; otherwise only peers of
	// the family of Peer are given.
	BothFamilies bool
}

// Reply is the answer to an announce. The caller owns the slices and may keep
// and reuse them: Tracker.Announce appends to them and allocates only when
// their capacity does not suffice.
type Reply struct {
	// Refused says that the access list refuses the torrent: there are no
	// peers, the counts are zero, and Interval is the longest there is.
	Refused bool
	// Rejected is why a client that has not stopped is not stored; NotRejected if it
	// is.
	Rejected Rejection
	// Interval is the number of seconds until the client should announce
	// again, MinInterval the number it must wait at least.
	Interval, MinInterval uint32
	// Seeders and Leechers count the torrent's peers of both families, the
	// requester included.
	Seeders, Leechers uint32
	// Downloaded counts the completed downloads.
	Downloaded uint64
	// Peers4 and Peers6 receive the peers chosen, in compact form.
	Peers4, Peers6 []byte
}

// Announce answers an announce and takes its peer in, or out if it has stopped.
// r's fields are overwritten; the peers chosen are appended to r.Peers4 and
// r.Peers6. A stopped client gets none.
func (t *Tracker) Announce(now Instant, a *Announce, r *Reply) {
	r.Seeders, r.Leechers, r.Downloaded, r.Rejected = 0, 0, 0, NotRejected
	if r.Refused = t.access.Load().Refuses(&a.InfoHash); r.Refused {
		r.Interval = uint32(LongestInterval / time.Second)
		r.MinInterval = t.minInterval(r.Interval)
		return
	}
	s, hash := t.find(&a.InfoHash)
	s.mu.Lock()
	r.Interval = t.interval(s)
	r.MinInterval = t.minInterval(r.Interval)
	if n := t.announce(s, hash, now, a, r); n.publish && t.publish != nil {
		t.publish(SyncRecord{InfoHash: a.InfoHash, Peer: a.Peer, Flags: n.flags, Counted: n.counted})
	}
	s.mu.Unlock()
	if r.Rejected.Unreachable() {
		t.unreachable.note(&a.Peer)
	}
}

// news is whether a peer is to be published, and as what: see SyncRecord.
type news struct {
	flags            SyncFlags
	counted, publish bool
}

// announce is Announce within the locked shard, for a torrent with this hash.
func (t *Tracker) announce(s *shard, hash uint64, now Instant, a *Announce, r *Reply) (n news) {
	rejected := t.reachable(a)
	storable := rejected == NotRejected
	if a.Event != EventStopped {
		s.reject(r, rejected)
	} else if storable {
		s.stopped(&a.InfoHash, &a.Peer, now)
	}
	i, ok := s.find(&a.InfoHash, hash)
	if !ok {
		if storable && a.Event == EventStopped {
			return t.stray(&a.Peer)
		}
		if !storable {
			return news{}
		}
		if t.limits.exhausted(a.Peer.Network()) {
			s.reject(r, RejectedTorrents)
			return news{}
		}
		if i, rejected = t.create(s, &a.InfoHash, hash, a.Peer.Network()); rejected != NotRejected {
			s.reject(r, rejected)
			return news{}
		}
	}
	seeder := a.Left == 0
	out := outcome{at: -1}
	if storable {
		out, n = t.store(s, i, now, a, seeder)
		s.reject(r, out.rejected)
	}
	torrent := s.torrents.at(i)
	p4, p6 := view(&s.arena4, torrent.location4()), view(&s.arena6, torrent.location6())
	r.Leechers = p4.leechers + p6.leechers
	r.Seeders = p4.seeders() + p6.seeders()
	r.Downloaded = torrent.count()
	if a.Event != EventStopped {
		c := choice{seeder: seeder, self: out.at, family: a.Peer.family, both: a.BothFamilies, want: t.wanted(a)}
		c.choose(&s.rng, &p4, &p6, r)
	}
	return n
}

// reachable returns why others could not reach the client's peer, or NotRejected
// if they could.
func (t *Tracker) reachable(a *Announce) Rejection {
	switch {
	case a.Through != NotRejected:
		return a.Through
	case a.Peer.port == 0:
		return RejectedPort
	case !t.accepted.accept(&a.Peer):
		return RejectedAddress
	}
	return NotRejected
}

// reject counts and returns in r a reason for which a peer is not stored, if it is one.
func (s *shard) reject(r *Reply, reason Rejection) {
	if reason != NotRejected {
		r.Rejected = reason
		s.totals.PeersRejected[reason]++
	}
}

// store carries out an announce on the torrent at position i.
func (t *Tracker) store(s *shard, i uint32, now Instant, a *Announce, seeder bool) (out outcome, n news) {
	u := update{
		remove:    a.Event == EventStopped,
		seeder:    seeder,
		paused:    a.Event == EventPaused && !seeder,
		completed: a.Event == EventCompleted && seeder,
		now:       now,
		budget:    &t.budget,
		limits:    &t.limits,
	}
	out = s.update(i, &a.Peer, u)
	if out.rejected != NotRejected {
		return out, news{}
	}
	if u.remove && !out.known {
		return out, t.stray(&a.Peer)
	}
	s.announced(i, now.minute())
	if u.remove {
		return out, news{flags: SyncStopped, publish: true}
	}
	if out.known {
		s.renew(&t.clock, out.age)
	}
	n.flags = seedingFlag(seeder)
	counted := u.completed && !out.wasCompleted && t.mayComplete(s, i, &a.Peer)
	if counted {
		n.counted = t.complete(s, i, now)
		n.flags |= SyncComplete
	}
	n.publish = !out.known || out.roleChanged || counted || out.age > t.renew || renewed(&a.InfoHash, now, out.age)
	return out, n
}

// stray decides whether others are told that a peer has stopped that is not stored here:
// it may have announced there.
func (t *Tracker) stray(p *Peer) news {
	if t.limits.strayStop(p.Network()) {
		return news{flags: SyncStopped | SyncStray, publish: true}
	}
	return news{}
}

// mayComplete says whether the peer's completed download of the torrent at
// position i is to be counted, and counts it if not. The peer, marked as
// completed all the same, does not ask again.
func (t *Tracker) mayComplete(s *shard, i uint32, p *Peer) bool {
	if s.torrents.at(i).count() > 0 || t.limits.firstCompletion(p.Network()) {
		return true
	}
	s.totals.PeersRejected[RejectedCompletions]++
	return false
}

// renewTicks is how often a peer is published again that announces too often for
// its age to get there: published only once, it would be lost to other instances
// after a peer timeout.
const renewTicks = ticksPerTimeout / 4

// renewed reports whether one of the moments at which a torrent's peers are
// published again lies between an announce age ticks ago and now. They differ from
// torrent to torrent, so that not all peers are published at once.
func renewed(h *InfoHash, now Instant, age uint16) bool {
	at := now.tick + binary.LittleEndian.Uint16(h[1:])
	return (at&tickMask)/renewTicks != ((at-age)&tickMask)/renewTicks
}

func seedingFlag(seeder bool) SyncFlags {
	if seeder {
		return SyncSeeding
	}
	return 0
}

// Public tracker lists refuse a tracker whose interval is not between
// ShortestInterval and LongestInterval. Where Options.AnnounceInterval is below
// ShortestInterval, for a private tracker or a LAN, LeastInterval is the bound.
const (
	LeastInterval    = time.Minute
	ShortestInterval = 5 * time.Minute
	LongestInterval  = 3 * time.Hour
)

// interval draws the number of seconds until a client's next announce.
func (t *Tracker) interval(s *shard) uint32 {
	interval, least := t.opts.AnnounceInterval/time.Second, ShortestInterval
	if t.opts.AnnounceInterval < least {
		least = LeastInterval
	}
	if jitter := t.opts.IntervalJitter / time.Second; jitter > 0 {
		interval += time.Duration(below(&s.rng, uint32(2*jitter+1))) - jitter
	}
	interval = min(max(interval, least/time.Second), LongestInterval/time.Second)
	if t.filling.Load() {
		interval = min(interval, ShortestInterval/time.Second)
	}
	return uint32(interval)
}

// SetFilling says whether peers are still to come from other instances: until then
// clients are told to be back after ShortestInterval, for they may have got few.
func (t *Tracker) SetFilling(on bool) { t.filling.Store(on) }

// minInterval returns the shortest wait, in seconds, for a client whose interval is
// interval.
func (t *Tracker) minInterval(interval uint32) uint32 {
	return min(uint32(t.opts.MinAnnounceInterval/time.Second), interval)
}

// wanted returns the number of peers that a client is to get at most.
func (t *Tracker) wanted(a *Announce) uint32 {
	n := a.NumWant
	if n < 0 || n == 0 && a.Left > 0 {
		n = t.opts.DefaultNumWant
	}
	return uint32(max(min(n, t.opts.MaxNumWant, a.Limit, maxChoice), 0))
}

// Counts are what a scrape tells of one torrent. An unknown or refused torrent
// has zeros.
type Counts struct {
	Seeders, Leechers uint32
	// Downloaders counts the leechers that do not seed partially (BEP 21).
	Downloaders uint32
	Downloaded  uint64
}
