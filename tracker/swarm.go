package tracker

// update is what one announce does to the peers of its own family.
type update struct {
	remove    bool
	seeder    bool
	paused    bool
	completed bool // says that its download is complete
	now       Instant
	budget    *budget
	limits    *limits // nil: there is none on an address
}

// outcome is what came of it.
type outcome struct {
	known        bool   // the peer was there before
	age          uint16 // ticks since its last announce, if it was known
	roleChanged  bool
	wasCompleted bool // its completed download had been counted before
	at           int  // where the peer is now, or -1
	rejected     Rejection
	// before and after are the counts of the peers of the family.
	before, after counts
}

// view returns the peers at l.
func view[K key](a *arena[K], l location[K]) peers[K] {
	if l.block != 0 {
		return a.view(l.block)
	}
	p := peers[K]{counts: counts{n: uint32(l.n), leechers: uint32(l.leechers)}, list: l.inline}
	for i := range l.leechers {
		p.countPaused(l.inline[i].meta, 1)
	}
	return p
}

// apply carries out u for the peer k of the torrent at position owner, whose
// peers are at l. The peers may move to another location.
func apply[K key](a *arena[K], l *location[K], owner uint32, k K, u update) outcome {
	p := view(a, *l)
	out := outcome{before: p.counts}
	at := p.find(k)
	if at < 0 {
		if !u.remove {
			if out.rejected = u.admit(networkOf(&k)); out.rejected == NotRejected {
				out.rejected = admit(u.limits, &p, &k)
			}
		}
		if u.remove || out.rejected != NotRejected {
			out.at, out.after = -1, p.counts
			return out
		}
		if int(p.n) == p.room() {
			p = growPeers(a, l, &p, owner)
		}
		out.at = p.add(entry[K]{key: k, meta: u.meta(0)}, u.seeder)
		u.budget.hold(networkOf(&k))
		out.after = p.counts
		commit(a, l, &p)
		return out
	}
	old := *p.at(uint32(at))
	out.known = true
	out.age = u.now.ticksSince(old.tick())
	out.roleChanged = p.seeds(at) != u.seeder
	out.wasCompleted = old.meta&metaCompleted != 0
	if u.remove {
		p.remove(at)
		u.budget.release(networkOf(&k))
		out.at, out.after = -1, p.counts
		shrinkPeers(a, l, &p, owner)
		return out
	}
	out.at = p.setRole(at, u.seeder)
	p.setMeta(out.at, u.meta(old.meta))
	out.after = p.counts
	commit(a, l, &p)
	return out
}

// admit says whether there is room for a peer of the network.
func (u *update) admit(n Network) Rejection {
	if u.budget.admit(&u.budget.bytes, n) {
		return NotRejected
	}
	return RejectedMemory
}

// meta returns the flags and tick of a peer that had the flags of old.
func (u *update) meta(old uint16) uint16 {
	m := u.now.tick | old&metaCompleted
	if u.completed {
		m |= metaCompleted
	}
	if u.paused {
		m |= metaPaused
	}
	return m
}

// commit writes the counts of p, a view of the peers at l, back.
func commit[K key](a *arena[K], l *location[K], p *peers[K]) {
	if l.block != 0 {
		a.setCounts(l.block, p.counts)
	} else {
		l.n, l.leechers = uint8(p.n), uint8(p.leechers)
	}
}

// shrinkPeers writes the counts of p back after removals and moves the peers to a
// smaller location if theirs has become much too large.
func shrinkPeers[K key](a *arena[K], l *location[K], p *peers[K], owner uint32) {
	commit(a, l, p)
	if l.block == 0 {
		return
	}
	n := int(p.n)
	if n == 0 || n < len(l.inline) || oversized(l.block.class(), n) {
		movePeers(a, l, p, owner, n)
	} else if p.large != nil {
		p.large.shrink(n)
	}
}

// oversized reports whether a block is much too large for n peers: one of a size class
// three below, or for a large block half of the largest, would do. The distance
// keeps a swarm whose size goes up and down from moving each time.
func oversized(class, n int) bool {
	if class == classLarge {
		return n <= maxClassRoom/2
	}
	return class > 3 && n <= classRoom[class-3]
}

// growPeers makes room for one more than the peers p, which are at l, and returns
// them there.
func growPeers[K key](a *arena[K], l *location[K], p *peers[K], owner uint32) peers[K] {
	if p.large == nil {
		return movePeers(a, l, p, owner, int(p.n)+1)
	}
	p.large.grow()
	return *p
}

// movePeers moves the peers p from l to a location with room for n, and returns them
// there.
func movePeers[K key](a *arena[K], l *location[K], p *peers[K], owner uint32, n int) peers[K] {
	from := l.block
	old := *p
	if n <= len(l.inline) {
		l.block = 0
	} else {
		l.block = a.alloc(owner, n)
	}
	to := peers[K]{list: l.inline}
	if l.block != 0 {
		to = a.view(l.block)
	}
	to.fill(&old)
	commit(a, l, &to)
	if from != 0 {
		a.free(from)
	}
	return to
}
