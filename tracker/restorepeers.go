package tracker

// Restored says what became of peers that RestorePeers was to take in.
type Restored struct {
	// Stored counts those that are stored, be it by this call or because they have
	// announced since.
	Stored uint64
	// Expired counts those that have timed out.
	Expired uint64
	// Rejected counts those for which there is no room or whose address is not
	// taken in.
	Rejected uint64
	// The others are of TakePeers. Refused counts those of torrents that the access
	// list refuses, Stopped those that have stopped here since they announced, and
	// BadPeer those whose address is not taken in: Rejected has the rest.
	Refused, Stopped, BadPeer uint64
}

// RestorePeers takes in peers from an earlier process, which have announced when
// their age says. They count for the limits on their networks and for the room there
// is, as if they had announced, but are stored whatever the limits on an address:
// they were stored already. No download is counted, and other instances are not
// told. Of a peer that is stored, the later announce holds. It may be called while
// announces come in.
func (t *Tracker) RestorePeers(now Instant, peers []PeerState) Restored {
	r := restoring{t: t, now: now}
	r.all(peers)
	return r.done
}

// TakePeers is RestorePeers for the peers of another instance. Those of torrents that
// the access list refuses are not taken in, nor are those that have stopped here since
// they announced, as far as RememberStops has them remembered.
func (t *Tracker) TakePeers(now Instant, peers []PeerState) Restored {
	r := restoring{t: t, now: now, access: t.access.Load()}
	r.all(peers)
	return r.done
}

// restoring is one call of RestorePeers or TakePeers.
type restoring struct {
	t      *Tracker
	now    Instant
	access *Access // nil: RestorePeers
	done   Restored
}

func (r *restoring) all(peers []PeerState) {
	t := r.t
	newByShard(len(peers), func(i int) uint64 { return hashTorrent(&peers[i].InfoHash, t.seed) }).
		each(t, func(i uint32) { r.prefetch(peers[i].Peer.Network()) },
			func(s *shard, hash uint64, i uint32) { r.restore(s, hash, &peers[i]) })
}

// prefetch fetches the counters of a network.
func (r *restoring) prefetch(n Network) {
	for _, t := range [...]*Tally{r.t.limits.joined, r.t.budget.held} {
		if t != nil {
			t.prefetch(n)
		}
	}
}

// restore takes in one peer, of a torrent with this hash in the locked shard s.
func (r *restoring) restore(s *shard, hash uint64, p *PeerState) {
	then, alive := r.t.clock.before(r.now, p.Age)
	switch {
	case !alive:
		r.done.Expired++
	case r.access != nil && r.access.Refuses(&p.InfoHash):
		r.done.Refused++
	case r.access != nil && !r.t.storable(&p.Peer):
		r.done.BadPeer++
	case r.access != nil && s.stoppedSince(&p.InfoHash, &p.Peer, then):
		r.done.Stopped++
	case r.t.restorePeer(s, hash, p, then):
		r.done.Stored++
	default:
		r.done.Rejected++
	}
}

// restorePeer stores a peer that announced then, of a torrent with this hash, unless it
// has announced later. It returns false if the address is not taken in or there is no
// room.
func (t *Tracker) restorePeer(s *shard, hash uint64, p *PeerState, then Instant) bool {
	if !t.storable(&p.Peer) {
		return false
	}
	i, ok := s.find(&p.InfoHash, hash)
	if !ok {
		var rejected Rejection
		if i, rejected = t.create(s, &p.InfoHash, hash, p.Peer.Network()); rejected != NotRejected {
			return false
		}
	}
	return t.storeAgain(s, i, p, then)
}

// storable reports whether others could reach the peer.
func (t *Tracker) storable(p *Peer) bool { return p.port != 0 && t.accepted.accept(p) }

// storeAgain stores a peer of the torrent at position i. It returns false if there is no
// room.
func (t *Tracker) storeAgain(s *shard, i uint32, p *PeerState, then Instant) bool {
	u := update{
		seeder:    p.Flags&PeerSeeds != 0,
		paused:    p.Flags&PeerPaused != 0 && p.Flags&PeerSeeds == 0,
		completed: p.Flags&PeerCompleted != 0,
		now:       then,
		budget:    &t.budget,
	}
	if old, known := s.stored(i, &p.Peer); known && old.tick != then.tick && then.ticksSince(old.tick) == 0 {
		u.now.tick, u.seeder, u.paused = old.tick, old.flags&PeerSeeds != 0, old.flags&PeerPaused != 0
	}
	out := s.update(i, &p.Peer, u)
	if out.rejected != NotRejected {
		return false
	}
	if !out.known {
		t.limits.join(p.Peer.Network())
	}
	s.announced(i, then.minute())
	return true
}

// storedPeer is what is to be known of a peer that announces come in for.
type storedPeer struct {
	tick  uint16
	flags PeerFlags
}

// stored returns what is stored of a peer of the torrent at position i, if it is.
func (s *shard) stored(i uint32, p *Peer) (storedPeer, bool) {
	torrent := s.torrents.at(i)
	if p.family == IPv4 {
		all := view(&s.arena4, torrent.location4())
		return storedIn(&all, p.key4())
	}
	all := view(&s.arena6, torrent.location6())
	return storedIn(&all, p.key6())
}

func storedIn[K key](all *peers[K], k K) (storedPeer, bool) {
	at := all.find(k)
	if at < 0 {
		return storedPeer{}, false
	}
	e := all.at(uint32(at))
	return storedPeer{e.tick(), flagsOf(e.meta, all.seeds(at))}, true
}
