package tracker

// visit carries out v for peer p on the torrent at position i and keeps the
// shard's totals and its memory of completions.
func (s *shard) visit(i uint32, p *Peer, v visit) visited {
	torrent := s.torrents.at(i)
	var out visited
	if p.family == IPv4 {
		h := torrent.home4()
		out = update(&s.arena4, &h, i, p.key4(), v)
		torrent.setHome4(h)
	} else {
		h := torrent.home6()
		out = update(&s.arena6, &h, i, p.key6(), v)
		torrent.setHome6(h)
	}
	s.addTotals(p.family, out.before, out.after)
	if v.remove && out.wasCompleted {
		s.recent.add(s.fingerprint(&torrent.hash, p), v.now.second)
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

// complete counts a completed download of the torrent at position i, up to
// MaxDownloaded.
func (s *shard) complete(i uint32) {
	s.torrents.at(i).complete()
	s.totals.Completed++
	s.changed.set(i)
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
