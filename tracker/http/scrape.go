package http

import (
	"bytes"
	"slices"

	"keeptrack/tracker"
)

// scrapeRequest holds the info hashes of a scrape, sorted and each once.
type scrapeRequest struct {
	hashes [tracker.MaxScrape]tracker.InfoHash
	n      int
}

// parse reads the info hashes of a scrape. Those past
// tracker.MaxScrape are left out.
func (s *scrapeRequest) parse(raw string) Failure {
	s.n = 0
	q := query(raw)
	for name, value, ok := q.next(); ok; name, value, ok = q.next() {
		if parameterOf(name) != paramInfoHash {
			continue
		}
		var h tracker.InfoHash
		if !parseInfoHash(&h, value) {
			return FailureInfoHashMalformed
		}
		s.add(h)
	}
	return FailureNone
}

// add keeps h in its place, since a dictionary's keys are in byte order.
func (s *scrapeRequest) add(h tracker.InfoHash) {
	i, found := slices.BinarySearchFunc(s.hashes[:s.n], h, compareHashes)
	if found || s.n == tracker.MaxScrape {
		return
	}
	s.n++
	copy(s.hashes[i+1:s.n], s.hashes[i:])
	s.hashes[i] = h
}

func compareHashes(a, b tracker.InfoHash) int { return bytes.Compare(a[:], b[:]) }

// appendScrape appends a row for every info hash asked for, the unknown ones
// included: clients take a missing row for an error.
func appendScrape(dst []byte, t *tracker.Tracker, now tracker.Instant, s *scrapeRequest) []byte {
	dst = append(dst, scrapeStart...)
	for i := range s.n {
		h := &s.hashes[i]
		dst = appendScrapeRow(dst, h, t.Scrape(now, *h))
	}
	return append(dst, scrapeEnd...)
}
