package tracker

// Scrape returns the counts of one torrent.
func (t *Tracker) Scrape(_ Instant, h InfoHash) Counts {
	if t.access.Load().refuses(&h) {
		return Counts{}
	}
	s := t.shard(&h)
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, ok := s.find(&h); ok {
		return s.scrape(s.torrents.at(i))
	}
	return Counts{}
}

// Scraped is a torrent with its counts.
type Scraped struct {
	InfoHash InfoHash
	Counts   Counts
}

// ScrapeShard appends the torrents of a shard with their counts to dst, in no
// particular order and without those that the access list refuses.
func (t *Tracker) ScrapeShard(shard int, dst []Scraped) []Scraped {
	access := t.access.Load()
	s := &t.shards[shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.torrents.n {
		if torrent := s.torrents.at(i); !access.refuses(&torrent.hash) {
			dst = append(dst, Scraped{InfoHash: torrent.hash, Counts: s.scrape(torrent)})
		}
	}
	return dst
}

func (s *shard) scrape(torrent *torrent) Counts {
	c := s.counts(torrent)
	return Counts{
		Seeders:     c.seeders(),
		Leechers:    c.leechers,
		Downloaders: c.leechers - c.paused,
		Downloaded:  torrent.downloaded,
	}
}
