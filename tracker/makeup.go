package tracker

// makeup is how the downloaded count of a torrent is made up: it is the sum of its
// three numbers.
type makeup struct {
	nobody  uint64
	origins uint64 // sum of their parts
	excess  uint64
}

// makeup returns how the count of the torrent at position i is made up. A partial one
// takes no part: it has zeros.
func (s *shard) makeup(i uint32) (c makeup) {
	torrent := s.torrents.at(i)
	if torrent.partial {
		return makeup{}
	}
	row := false
	for _, p := range s.parts.of(i) {
		switch p.origin {
		case excessRow:
			c.excess, row = c.excess+uint64(p.value), true
		case excessHigh:
			c.excess += uint64(p.value) * maxPart
		default:
			c.origins += uint64(p.value)
		}
	}
	rest := torrent.downloaded - min(c.origins, torrent.downloaded)
	if !row && i < s.floorsBelow {
		c.excess = rest
	}
	c.excess = min(c.excess, rest)
	c.nobody = rest - c.excess
	return c
}

// setExcess sets the excess of the torrent at position i: what is above that and the
// parts of origins is nobody's.
func (s *shard) setExcess(i uint32, excess uint64) {
	if _, row := s.parts.excess(i); row || s.makeup(i).excess != excess {
		s.parts.putExcess(i, leafOf(&s.torrents.at(i).hash), excess)
	}
}

// dropParts takes out the parts of the torrent at position i, which is dropped, and
// gives those of the last one its position, which that one takes.
func (s *shard) dropParts(i, last uint32) {
	s.parts.removeAll(i)
	if i != last {
		s.parts.move(i, last)
		if i < s.floorsBelow && last >= s.floorsBelow && s.parts.find(i, excessRow) == nil {
			s.parts.put(i, leafOf(&s.torrents.at(last).hash), excessRow, 0)
		}
	}
	s.floorsBelow = min(s.floorsBelow, last)
}
