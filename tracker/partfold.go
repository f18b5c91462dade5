package tracker

// Fold adds the parts of these origins to nobody's. Parts of them are refused from now
// on. None of them is the one that Begin was last called with.
func (p *Parts) Fold(origins []Origin) {
	names := &p.t.names
	folded := make(map[uint16]Origin, len(origins))
	for _, o := range origins {
		if i, ok := names.fold(o); ok {
			folded[i] = o
		}
	}
	var rows []part // of one torrent
	for n := range p.t.shards {
		s := &p.t.shards[n]
		s.walkParts(func(i uint32, of []part) {
			rows = rows[:0]
			for _, row := range of {
				if _, ok := folded[row.origin]; ok {
					rows = append(rows, row)
				}
			}
			p.fold(s, i, rows, folded)
			p.forgetZero(s, i)
		}, nil)
	}
	for _, o := range origins {
		names.free(o)
	}
}

// fold adds parts of the torrent at position i to nobody's.
func (p *Parts) fold(s *shard, i uint32, rows []part, folded map[uint16]Origin) {
	if len(rows) == 0 {
		return
	}
	before, h := s.makeup(i), &s.torrents.at(i).hash
	if i < s.floorsBelow && s.parts.find(i, excessRow) == nil {
		s.changed.set(i) // in the database this part would become excess
	}
	for _, row := range rows {
		s.parts.remove(i, row.origin)
		p.ledger.Changed(folded[row.origin], h, uint64(row.value), 0)
	}
	s.setExcess(i, before.excess)
	p.tellNobody(s, i, before.nobody)
}

// forgetZero takes out the row of the excess of the torrent at position i if it is 0,
// says no more than that there is none, and the database has it.
func (p *Parts) forgetZero(s *shard, i uint32) {
	if row := s.parts.find(i, excessRow); row != nil && row.value == 0 && i >= s.floorsBelow && p.t.saved(s, i) {
		s.parts.remove(i, excessRow)
	}
}

// EndFloors makes nobody's what the counts are above the sums of the parts.
func (p *Parts) EndFloors() {
	p.floors.Store(false) // before: a database that says so has ended them
	for n := range p.t.shards {
		s := &p.t.shards[n]
		for p.endUnwritten(s) {
		}
		s.walkParts(func(i uint32, _ []part) {
			if excess, _ := s.parts.excess(i); excess > 0 {
				before := s.makeup(i)
				s.parts.putExcess(i, leafOf(&s.torrents.at(i).hash), 0)
				s.changed.set(i)
				p.tellNobody(s, i, before.nobody)
			}
		}, nil)
	}
}

// endUnwritten is EndFloors for some torrents whose excess has no row. It returns
// whether there are more.
func (p *Parts) endUnwritten(s *shard) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	work := 0
	for ; s.floorsBelow > 0 && work < walkChunk; work++ {
		i := s.floorsBelow - 1
		before := s.makeup(i)
		s.floorsBelow = i
		p.tellNobody(s, i, before.nobody)
	}
	held(work)
	return s.floorsBelow > 0
}

// Floors reports whether the count of some torrent may be above the sum of its parts.
func (p *Parts) Floors() bool {
	if p.floors.Load() {
		return true
	}
	some := false
	for n := range p.t.shards {
		s := &p.t.shards[n]
		s.mu.Lock()
		some = some || s.parts.above > 0
		s.mu.Unlock()
	}
	return some
}

// TotalsAreFloors reports whether the database is to say that the count of a torrent
// without a row of its excess is a floor, for all that is above the parts of origins.
func (p *Parts) TotalsAreFloors() bool { return p.floors.Load() }
