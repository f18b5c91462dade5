package http

import (
	"sync"

	"keeptrack/tracker"
)

// maxFullScrapes is how many full scrapes may be under way: each holds up to
// 11 MiB of info hashes.
const maxFullScrapes = 4

// fullScrape is one that is under way.
type fullScrape struct {
	scraper  tracker.Network
	encoding encoding
}

// scrapers are those whose full scrapes are under way, one each.
type scrapers struct {
	mu    sync.Mutex // guards what follows
	under [maxFullScrapes]tracker.Network
	n     int
}

// enter counts one full scrape more, unless the scraper has one already or the
// limit is reached.
func (s *scrapers) enter(p tracker.Network) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n == maxFullScrapes {
		return false
	}
	for _, other := range s.under[:s.n] {
		if other == p {
			return false
		}
	}
	s.under[s.n] = p
	s.n++
	return true
}

// leave counts the scraper's full scrape no more.
func (s *scrapers) leave(p tracker.Network) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.under[:s.n] {
		if other == p {
			s.n--
			s.under[i] = s.under[s.n]
			return
		}
	}
}
