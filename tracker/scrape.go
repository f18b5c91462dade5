package tracker

import "iter"

// Scrape returns the counts of one torrent.
func (t *Tracker) Scrape(_ Instant, h InfoHash) Counts {
	if t.access.Load().Refuses(&h) {
		return Counts{}
	}
	s, hash := t.find(&h)
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, ok := s.find(&h, hash); ok {
		return s.scrape(s.torrents.at(i))
	}
	return Counts{}
}

// Scraped is a torrent with its counts.
type Scraped struct {
	InfoHash InfoHash
	Counts   Counts
}

// ScrapeAll returns all torrents with their counts in order of info hash, without
// those that the access list refuses. Announces go on meanwhile: a torrent that
// stays comes once, and one that comes or goes may be left out.
func (t *Tracker) ScrapeAll() iter.Seq[Scraped] {
	return func(yield func(Scraped) bool) {
		for hashes := range t.hashes(InfoHash{}, minPage, maxPage) {
			for i := range hashes {
				if row, ok := t.scrapeServed(&hashes[i]); ok && !yield(row) {
					return
				}
			}
		}
	}
}

// scrapeServed returns the counts of a torrent, and whether it is kept and the
// access list does not refuse it.
func (t *Tracker) scrapeServed(h *InfoHash) (row Scraped, ok bool) {
	if t.access.Load().Refuses(h) {
		return row, false
	}
	ok = t.look(h, func(s *shard, i uint32) { row = Scraped{*h, s.scrape(s.torrents.at(i))} })
	return row, ok
}

func (s *shard) scrape(torrent *torrent) Counts {
	c := s.counts(torrent)
	return Counts{
		Seeders:     c.seeders(),
		Leechers:    c.leechers,
		Downloaders: c.leechers - c.paused,
		Downloaded:  torrent.count(),
	}
}
