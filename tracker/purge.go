package tracker

import "math"

// purge removes peers of one torrent after the other. A large swarm takes several
// steps, between which the shard's lock may be given back: a peer that moves
// meanwhile may be passed over.
type purge struct {
	s      *shard
	budget *budget
	goes   func(n Network, tick uint16) bool // by network and the tick of the last announce
	hash   InfoHash                          // of the torrent that the last step was about
	left   [2]uint32                         // by family, how many of its peers were left then
	gone   uint64                            // peers removed
}

// amid says that a torrent has peers left that are to be looked at.
func (e *purge) amid(h *InfoHash) bool { return e.left != [2]uint32{} && e.hash == *h }

// torrent looks at peers of the torrent at position i until that, and what moves in
// their index, have been limit. It returns how many that were, and says whether
// there are more to look at.
func (e *purge) torrent(i uint32, limit int) (work int, again bool) {
	torrent := e.s.torrents.at(i)
	if !e.amid(&torrent.hash) {
		e.hash, e.left = torrent.hash, [2]uint32{math.MaxUint32, math.MaxUint32}
	}
	if torrent.count4 != 0 {
		l := torrent.location4()
		work = purgePeers(&e.s.arena4, &l, i, e, IPv4, limit)
		torrent.setLocation4(l)
	} else {
		e.left[IPv4] = 0
	}
	if torrent.block6 != 0 {
		l := torrent.location6()
		work += purgePeers(&e.s.arena6, &l, i, e, IPv6, limit-work)
		torrent.setLocation6(l)
	} else {
		e.left[IPv6] = 0
	}
	return work, e.left != [2]uint32{}
}

// purgePeers is purge.torrent for the peers of one family, which are at l.
func purgePeers[K key](a *arena[K], l *location[K], owner uint32, e *purge, f Family, limit int) (work int) {
	p := view(a, *l)
	before := p.counts
	e.left[f], work = p.removeIf(e.budget, e.goes, e.left[f], limit)
	if p.n != before.n {
		shrinkPeers(a, l, &p, owner)
		e.s.addTotals(f, before, p.counts)
		e.gone += uint64(before.n - p.n)
	}
	return work
}
