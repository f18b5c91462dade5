package tracker

// LoadParts takes in parts from the database, after LoadAll and before CountParts. Those
// of torrents that the tracker does not have are passed over.
func (t *Tracker) LoadParts(parts []TorrentPart) {
	newByShard(len(parts), func(i int) uint64 { return hashTorrent(&parts[i].InfoHash, t.seed) }).
		each(t, nil, func(s *shard, hash uint64, n uint32) {
			if i, ok := s.find(&parts[n].InfoHash, hash); ok {
				t.loadPart(s, i, parts[n].Part)
			}
		})
}

// loadPart takes in a part, or the excess, of the torrent at position i, if there is room
// for it.
func (t *Tracker) loadPart(s *shard, i uint32, p Part) {
	leaf := leafOf(&s.torrents.at(i).hash)
	if p.Origin == Nobody {
		s.parts.putExcess(i, leaf, p.Value)
		return
	}
	if p.Value == 0 || p.Value > maxPart || !s.roomForPart(i) {
		return
	}
	if origin, ok := t.names.add(p.Origin); ok {
		s.parts.put(i, leaf, origin, uint32(p.Value))
	}
}

// roomForPart says that the torrent at position i may have another part.
func (s *shard) roomForPart(i uint32) bool {
	return len(originsOf(s.parts.of(i))) < maxParts
}

// originsOf returns the rows of origins among those of a torrent.
func originsOf(of []part) []part {
	for len(of) > 0 && of[0].origin < firstOrigin {
		of = of[1:]
	}
	return of
}

// rows appends what the database is to have of the parts of the torrent at position i:
// a row of an excess of 0 as well where it would take the count for a floor.
func (p *Parts) rows(s *shard, i uint32, dst []Part) []Part {
	if excess, row := s.parts.excess(i); row || p.floors.Load() && i >= s.floorsBelow {
		dst = append(dst, Part{Value: excess})
	}
	for _, row := range originsOf(s.parts.of(i)) {
		dst = append(dst, Part{Origin: p.t.names.name(row.origin), Value: uint64(row.value)})
	}
	return dst
}

// back takes in that the database still has the rows of the torrent at position i from
// before it was dropped, of which only that of its excess counts.
func (p *Parts) back(s *shard, i uint32) {
	if s.parts.find(i, excessRow) == nil {
		s.parts.put(i, leafOf(&s.torrents.at(i).hash), excessRow, 0)
		s.changed.set(i)
	}
}

// settle takes in what the file has of the parts of the torrent at position i, which was
// partial and counted so many downloads here.
func (p *Parts) settle(s *shard, i uint32, in *InFile, here uint64) {
	var excess, origins uint64
	row := false
	for _, part := range in.Parts {
		if part.Origin == Nobody {
			excess, row = part.Value, true
			continue
		}
		origins += part.Value
		p.t.loadPart(s, i, part)
	}
	if !row && p.floors.Load() {
		excess = in.Downloaded - min(origins, in.Downloaded)
	}
	total := s.torrents.at(i).downloaded
	sum := min(in.Downloaded-min(excess, in.Downloaded)+here, total)
	if now := total - sum; row || now != excess || p.before {
		s.parts.putExcess(i, leafOf(&in.InfoHash), now)
		if !row || now != excess {
			s.changed.set(i) // the file may have another excess
		}
	}
	p.tell(s, i)
	p.ledger.Created(&s.torrents.at(i).hash)
}
