package tracker

// While peers are on their way here from another instance, see TakePeers, a peer that
// stops may be among them, as of before it stopped. So stops are remembered until all
// have arrived.

// maxStops is the most stops that a shard remembers: 524,288 in all, 10 to 20 MiB.
// A peer whose stop is not remembered may be handed out until it times out.
const maxStops = 2048

// stops are those that a shard remembers.
type stops struct {
	on bool
	at map[uint64]uint16 // the tick of the last, by the fingerprint of torrent and peer
}

// RememberStops begins or ends to remember which peers stop, be it here or by live
// sync. What was remembered before is forgotten.
func (t *Tracker) RememberStops(on bool) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		s.stops = stops{on: on}
		s.mu.Unlock()
	}
}

// stopped takes note of a stop, whether the peer is stored or not.
func (s *shard) stopped(h *InfoHash, p *Peer, now Instant) {
	if !s.stops.on {
		return
	}
	if s.stops.at == nil {
		s.stops.at = make(map[uint64]uint16)
	}
	peer := s.fingerprint(h, p)
	if _, there := s.stops.at[peer]; there || len(s.stops.at) < maxStops {
		s.stops.at[peer] = now.tick
	}
}

// stoppedSince reports whether a peer is known to have stopped at the instant then or
// later.
func (s *shard) stoppedSince(h *InfoHash, p *Peer, then Instant) bool {
	if len(s.stops.at) == 0 {
		return false
	}
	tick, stopped := s.stops.at[s.fingerprint(h, p)]
	return stopped && then.ticksSince(tick) == 0
}
