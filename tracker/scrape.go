package tracker

import (
	"bytes"
	"slices"
)

// Scrape returns the counts of one torrent.
func (t *Tracker) Scrape(_ Instant, h InfoHash) Counts {
	if t.access.Load().Refuses(&h) {
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

// ScrapeShard appends the torrents of a shard with their counts to dst, in the
// order of their info hashes and without those that the access list refuses.
// Announces go on meanwhile, and a torrent that comes then may be left out.
func (t *Tracker) ScrapeShard(shard int, dst []Scraped) []Scraped {
	all := t.copyShard(shard, dst)
	rows := all[len(dst):]
	slices.SortFunc(rows, func(a, b Scraped) int { return bytes.Compare(a.InfoHash[:], b.InfoHash[:]) })
	rows = slices.CompactFunc(rows, func(a, b Scraped) bool { return a.InfoHash == b.InfoHash })
	return all[:len(dst)+len(rows)]
}

// copyShard is ScrapeShard in no particular order. A torrent that is moved into
// the place of one that goes may come twice.
func (t *Tracker) copyShard(shard int, dst []Scraped) []Scraped {
	access := t.access.Load()
	s := &t.shards[shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	looked := 0
	// From the last to the first, as the sweep does: the last one takes the
	// place of one that is removed, so none that stays is passed over.
	for i := int(s.torrents.n) - 1; i >= 0; i-- {
		if looked++; looked%sweepChunk == 0 {
			s.mu.Unlock()
			s.mu.Lock()
			if i = min(i, int(s.torrents.n)-1); i < 0 {
				break
			}
		}
		if torrent := s.torrents.at(uint32(i)); !access.Refuses(&torrent.hash) {
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
