package http

import (
	"net/netip"
	"sync"
)

// maxFullScrapes is how many full scrapes may be under way: each holds up to
// 11 MiB of info hashes.
const maxFullScrapes = 4

// fullScrape is one that is under way.
type fullScrape struct {
	scraper  netip.Prefix
	encoding encoding
}

// scrapers are those whose full scrapes are under way, one each.
type scrapers struct {
	mu    sync.Mutex // guards what follows
	under [maxFullScrapes]netip.Prefix
	n     int
}

// scraperOf returns whom a client counts as: its address, or the network that
// one IPv6 host has for itself.
func scraperOf(client netip.Addr) netip.Prefix {
	p, _ := client.Prefix(min(64, client.BitLen())) // fails only for the invalid address
	return p
}

// enter counts one full scrape more, unless the scraper has one already or there
// are as many as may be.
func (s *scrapers) enter(p netip.Prefix) bool {
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
func (s *scrapers) leave(p netip.Prefix) {
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
