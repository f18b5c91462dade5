package tracker

// update carries out u for peer p on the torrent at position i and keeps the
// shard's totals and its memory of completions.
func (s *shard) update(i uint32, p *Peer, u update) outcome {
	torrent := s.torrents.at(i)
	var out outcome
	if p.family == IPv4 {
		l := torrent.location4()
		out = apply(&s.arena4, &l, i, p.key4(), u)
		torrent.setLocation4(l)
	} else {
		l := torrent.location6()
		out = apply(&s.arena6, &l, i, p.key6(), u)
		torrent.setLocation6(l)
	}
	s.addTotals(p.family, out.before, out.after)
	if u.remove && out.wasCompleted {
		s.recent.add(s.fingerprint(&torrent.hash, p), u.now.second)
	}
	return out
}

func (s *shard) addTotals(f Family, before, after counts) {
	s.totals.Peers[f] += uint64(after.n) - uint64(before.n)
	s.totals.Seeders[f] += uint64(after.seeders()) - uint64(before.seeders())
}

// announced notes that the torrent at position i was announced in a minute.
// Time never goes back.
func (s *shard) announced(i, minute uint32) {
	if torrent := s.torrents.at(i); minute > torrent.lastAnnounce {
		torrent.lastAnnounce = minute
		s.changed.set(i)
	}
}

func (s *shard) fingerprint(h *InfoHash, p *Peer) uint64 {
	torrent := hashTorrent(h, s.seed)
	if p.family == IPv4 {
		k := p.key4()
		return hashKey(&k, torrent)
	}
	k := p.key6()
	return hashKey(&k, torrent)
}
