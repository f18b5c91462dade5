package udp

import (
	"sync/atomic"

	"golang.org/x/sys/cpu"

	"keeptrack/tracker"
)

// Drop is a reason for not answering a datagram.
type Drop uint8

// The reasons for not answering a datagram.
const (
	DropShort         Drop = iota // fewer than 16 bytes
	DropSourcePort                // source port 0, which cannot be answered
	DropAction                    // unknown action
	DropMagic                     // connect request with a wrong magic number
	DropShortAnnounce             // announce under 98 bytes
	DropShortScrape               // scrape without a whole info hash
	DropConnectionID              // wrong or expired connection id, and no error reply due
	DropCount         int  = iota // number of reasons
)

var dropNames = [DropCount]string{
	DropShort:         "short",
	DropSourcePort:    "source_port",
	DropAction:        "action",
	DropMagic:         "magic",
	DropShortAnnounce: "short_announce",
	DropShortScrape:   "short_scrape",
	DropConnectionID:  "connection_id",
}

// String returns the reason in one word, for metrics.
func (d Drop) String() string { return dropNames[d] }

// Stats are the counts of a Server since it was made, by address family.
type Stats struct {
	IPv4, IPv6 FamilyStats
}

// FamilyStats are the counts of one address family.
type FamilyStats struct {
	// Packets counts the datagrams received.
	Packets uint64
	// Connects, Announces and Scrapes count the requests that got what they
	// asked for.
	Connects, Announces, Scrapes uint64
	// Refused counts the announces of torrents that the access list refuses.
	Refused uint64
	// StaleAnnounces and StaleScrapes count the error replies to those with a
	// wrong or expired connection id.
	StaleAnnounces, StaleScrapes uint64
	// Dropped counts the datagrams that were not answered, by reason.
	Dropped [DropCount]uint64
	// Unsent counts the replies that the system did not take.
	Unsent uint64
	// KernelDrops counts the datagrams that the system threw away before they
	// were read, mostly because the receive buffer was full. Only Linux tells.
	KernelDrops uint64
}

// count names one of a worker's counters.
type count uint8

const (
	countPackets count = iota
	countConnects
	countAnnounces
	countScrapes
	countRefused
	countStaleAnnounces
	countStaleScrapes
	countUnsent
	countDropped // by reason, DropCount of them
	countCount   = countDropped + count(DropCount)
)

// counters are those of one worker. What it counts is its own until it tells, once for
// each batch: an atomic add costs far more than a plain one. The padding keeps workers off
// each other's cache lines.
type counters struct {
	recent [countCount]uint64 // not told yet
	_      cpu.CacheLinePad
	told   [countCount]atomic.Uint64
	_      cpu.CacheLinePad
}

// tell makes what was counted known to addTo.
func (c *counters) tell() {
	for i, n := range c.recent {
		if n > 0 {
			c.told[i].Add(n)
			c.recent[i] = 0
		}
	}
}

// addTo adds the counts that were told to s. Any goroutine may call it.
func (c *counters) addTo(s *FamilyStats) {
	s.Packets += c.told[countPackets].Load()
	s.Connects += c.told[countConnects].Load()
	s.Announces += c.told[countAnnounces].Load()
	s.Scrapes += c.told[countScrapes].Load()
	s.Refused += c.told[countRefused].Load()
	s.StaleAnnounces += c.told[countStaleAnnounces].Load()
	s.StaleScrapes += c.told[countStaleScrapes].Load()
	s.Unsent += c.told[countUnsent].Load()
	for i := range s.Dropped {
		s.Dropped[i] += c.told[countDropped+count(i)].Load()
	}
}

// family returns the part of s that counts f.
func (s *Stats) family(f tracker.Family) *FamilyStats {
	if f == tracker.IPv6 {
		return &s.IPv6
	}
	return &s.IPv4
}
