package tracker

import "time"

// StateOf returns what is known of a peer, whose info hash and address r has, and whether
// it is stored.
func (t *Tracker) StateOf(now Instant, r *SyncRecord) (state PeerState, stored bool) {
	t.look(&r.InfoHash, func(s *shard, i uint32) {
		var p storedPeer
		if p, stored = s.stored(i, &r.Peer); stored {
			state = PeerState{InfoHash: r.InfoHash, Peer: r.Peer, Age: t.clock.seconds(now.ticksSince(p.tick)), Flags: p.flags}
		}
	})
	return state, stored
}

// TakeStop takes out a peer that stopped ago before now, as another instance says. It
// returns false if the peer has announced since: others may not know. A stop from before the
// last peer timeout changes nothing: the peer has timed out unless it announced since.
func (t *Tracker) TakeStop(now time.Time, ago time.Duration, r *SyncRecord) bool {
	if t.clock.ticks(ago) >= ticksPerTimeout {
		return true
	}
	then := t.Instant(now.Add(-ago))
	s, hash := t.find(&r.InfoHash)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped(&r.InfoHash, &r.Peer, then)
	i, ok := s.find(&r.InfoHash, hash)
	if !ok {
		return true
	}
	p, stored := s.stored(i, &r.Peer)
	if !stored {
		return true
	}
	if p.tick != then.tick && then.ticksSince(p.tick) == 0 {
		return false
	}
	s.update(i, &r.Peer, update{remove: true, now: then, budget: &t.budget})
	return true
}
