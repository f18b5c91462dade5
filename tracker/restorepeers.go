package tracker

// Restored says what became of peers that RestorePeers was to take in.
type Restored struct {
	// Stored counts those that are stored, be it by this call or because they have
	// announced since.
	Stored uint64
	// Expired counts those that have timed out.
	Expired uint64
	// TurnedAway counts those for which there is no room or whose address is not
	// taken in.
	TurnedAway uint64
}

// RestorePeers takes in peers from an earlier process, which have announced when
// their age says. They count for the limits on their networks and for the room there
// is, as if they had announced, but are stored whatever the limits on an address:
// they were stored already. No download is counted, and other instances are not
// told. Of a peer that is stored, the later announce holds. It may be called while
// announces come in.
func (t *Tracker) RestorePeers(now Instant, peers []PeerState) (r Restored) {
	var ahead [restoreAhead]Ahead
	for len(peers) > 0 {
		n := min(len(peers), restoreAhead)
		for i := range n {
			ahead[i] = Ahead{InfoHash: &peers[i].InfoHash, Peer: peers[i].Peer}
		}
		t.Prefetch(ahead[:n])
		for n > 0 {
			same := 1
			for same < n && peers[same].InfoHash == peers[0].InfoHash {
				same++
			}
			t.restorePeers(now, peers[:same], &r)
			peers, n = peers[same:], n-same
		}
	}
	return r
}

// restoreAhead is the number of peers whose memory is fetched at a time.
const restoreAhead = 64

// restorePeers is RestorePeers for peers of one torrent.
func (t *Tracker) restorePeers(now Instant, peers []PeerState, r *Restored) {
	s, hash := t.find(&peers[0].InfoHash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.find(&peers[0].InfoHash, hash)
	for j := range peers {
		p := &peers[j]
		then, alive := t.clock.before(now, p.Age)
		switch {
		case !alive:
			r.Expired++
			continue
		case p.Peer.port == 0 || !t.accepted.accept(&p.Peer):
			r.TurnedAway++
			continue
		}
		if !ok {
			var turned TurnedAway
			i, turned = t.create(s, &p.InfoHash, hash, p.Peer.Network())
			ok = turned == TurnedNot
		}
		if ok && t.restorePeer(s, i, p, then) {
			r.Stored++
		} else {
			r.TurnedAway++
		}
	}
}

// restorePeer stores a peer of the torrent at position i that announced then, unless
// it has announced later. It returns false if there is no room.
func (t *Tracker) restorePeer(s *shard, i uint32, p *PeerState, then Instant) bool {
	v := visit{
		seeder:    p.Flags&PeerSeeds != 0,
		paused:    p.Flags&PeerPaused != 0 && p.Flags&PeerSeeds == 0,
		completed: p.Flags&PeerCompleted != 0,
		now:       then,
		budget:    &t.budget,
	}
	if old, known := s.stored(i, &p.Peer); known && old.tick != then.tick && then.ticksSince(old.tick) == 0 {
		v.now.tick, v.seeder, v.paused = old.tick, old.flags&PeerSeeds != 0, old.flags&PeerPaused != 0
	}
	out := s.visit(i, &p.Peer, v)
	if out.turned != TurnedNot {
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
		all := view(&s.arena4, torrent.home4())
		return storedIn(&all, p.key4())
	}
	all := view(&s.arena6, torrent.home6())
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
