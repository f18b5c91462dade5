package tracker

// visit is what one announce does to the peers of its own family.
type visit struct {
	remove    bool
	seeder    bool
	paused    bool
	completed bool // says that its download is complete
	now       Instant
	budget    *budget
	limits    *limits // nil: there is none on an address
}

// visited is what came of it.
type visited struct {
	known        bool   // the peer was there before
	age          uint16 // ticks since its last announce, if it was known
	roleChanged  bool
	wasCompleted bool // its completed download had been counted before
	at           int  // where the peer is now, or -1
	rejected     Rejection
	// before and after are the counts of the peers of the family.
	before, after counts
}

// view returns the peers at home h.
func view[K key](a *arena[K], h home[K]) peers[K] {
	if h.block != 0 {
		return a.view(h.block)
	}
	p := peers[K]{counts: counts{n: uint32(h.n), leechers: uint32(h.leechers)}, list: h.inline}
	for i := range h.leechers {
		p.countPaused(h.inline[i].meta, 1)
	}
	return p
}

// update carries out v for the peer k of the torrent at position owner, whose
// peers live at h. The peers may move to another home.
func update[K key](a *arena[K], h *home[K], owner uint32, k K, v visit) visited {
	p := view(a, *h)
	out := visited{before: p.counts}
	at := p.find(k)
	if at < 0 {
		if !v.remove {
			if out.rejected = v.admit(networkOf(&k)); out.rejected == NotRejected {
				out.rejected = admit(v.limits, &p, &k)
			}
		}
		if v.remove || out.rejected != NotRejected {
			out.at, out.after = -1, p.counts
			return out
		}
		if int(p.n) == p.room() {
			p = makeRoom(a, h, &p, owner)
		}
		out.at = p.add(entry[K]{key: k, meta: v.meta(0)}, v.seeder)
		v.budget.hold(networkOf(&k))
		out.after = p.counts
		commit(a, h, &p)
		return out
	}
	old := *p.at(uint32(at))
	out.known = true
	out.age = v.now.ticksSince(old.tick())
	out.roleChanged = p.seeds(at) != v.seeder
	out.wasCompleted = old.meta&metaCompleted != 0
	if v.remove {
		p.remove(at)
		v.budget.release(networkOf(&k))
		out.at, out.after = -1, p.counts
		settle(a, h, &p, owner)
		return out
	}
	out.at = p.setRole(at, v.seeder)
	p.setMeta(out.at, v.meta(old.meta))
	out.after = p.counts
	commit(a, h, &p)
	return out
}

// admit says whether there is room for a peer of the network.
func (v *visit) admit(n Network) Rejection {
	if v.budget.admit(&v.budget.bytes, n) {
		return NotRejected
	}
	return RejectedMemory
}

// meta returns the flags and tick of a peer that had the flags of old.
func (v *visit) meta(old uint16) uint16 {
	m := v.now.tick | old&metaCompleted
	if v.completed {
		m |= metaCompleted
	}
	if v.paused {
		m |= metaPaused
	}
	return m
}

// commit writes the counts of p, a view of the peers at h, back.
func commit[K key](a *arena[K], h *home[K], p *peers[K]) {
	if h.block != 0 {
		a.setCounts(h.block, p.counts)
	} else {
		h.n, h.leechers = uint8(p.n), uint8(p.leechers)
	}
}

// settle writes the counts of p back after removals and moves the peers to a
// smaller home if theirs has become much too large.
func settle[K key](a *arena[K], h *home[K], p *peers[K], owner uint32) {
	commit(a, h, p)
	if h.block == 0 {
		return
	}
	n := int(p.n)
	if n == 0 || n < len(h.inline) || roomy(h.block.class(), n) {
		rehouse(a, h, p, owner, n)
	} else if p.large != nil {
		p.large.shrink(n)
	}
}

// roomy says that a block is much too large for n peers: one of a size class
// three below, or for a large block half of the largest, would do. The distance
// keeps a swarm whose size goes up and down from moving each time.
func roomy(class, n int) bool {
	if class == classLarge {
		return n <= maxClassRoom/2
	}
	return class > 3 && n <= classRoom[class-3]
}

// makeRoom makes room for one more than the peers p, who live at h, and returns
// them there.
func makeRoom[K key](a *arena[K], h *home[K], p *peers[K], owner uint32) peers[K] {
	if p.large == nil {
		return rehouse(a, h, p, owner, int(p.n)+1)
	}
	p.large.grow()
	return *p
}

// rehouse moves the peers p from h to a home with room for n, and returns them
// there.
func rehouse[K key](a *arena[K], h *home[K], p *peers[K], owner uint32, n int) peers[K] {
	from := h.block
	old := *p
	if n <= len(h.inline) {
		h.block = 0
	} else {
		h.block = a.alloc(owner, n)
	}
	to := peers[K]{list: h.inline}
	if h.block != 0 {
		to = a.view(h.block)
	}
	to.fill(&old)
	commit(a, h, &to)
	if from != 0 {
		a.free(from)
	}
	return to
}
