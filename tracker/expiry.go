package tracker

import "math"

// expiry removes the peers of one torrent after the other that have timed out. A
// large swarm takes several steps, between which the shard's lock may be given
// back: a peer that moves meanwhile may be passed over and is found by the next
// sweep.
type expiry struct {
	s    *shard
	now  Instant
	hash InfoHash  // of the torrent that the last step was about
	left [2]uint32 // by family, how many of its peers were left then
}

// expire looks at peers of the torrent at position i until that, and what moves in
// their index, have been limit. It returns how many that were, and says whether
// there are more to look at.
func (e *expiry) expire(i uint32, limit int) (work int, again bool) {
	torrent := e.s.torrents.at(i)
	if e.left == [2]uint32{} || e.hash != torrent.hash {
		e.hash, e.left = torrent.hash, [2]uint32{math.MaxUint32, math.MaxUint32}
	}
	if torrent.count4 != 0 {
		h := torrent.home4()
		work = expire(&e.s.arena4, &h, i, e, IPv4, limit)
		torrent.setHome4(h)
	} else {
		e.left[IPv4] = 0
	}
	if torrent.block6 != 0 {
		h := torrent.home6()
		work += expire(&e.s.arena6, &h, i, e, IPv6, limit-work)
		torrent.setHome6(h)
	} else {
		e.left[IPv6] = 0
	}
	return work, e.left != [2]uint32{}
}

// expire is expiry.expire for the peers of one family, who live at h.
func expire[K key](a *arena[K], h *home[K], owner uint32, e *expiry, f Family, limit int) (work int) {
	p := view(a, *h)
	before := p.counts
	e.left[f], work = p.expire(e.now, e.left[f], limit)
	if p.n != before.n {
		settle(a, h, &p, owner)
		e.s.addTotals(f, before, p.counts)
	}
	return work
}
