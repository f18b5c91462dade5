package http

import (
	"net/netip"
	"sync/atomic"

	"keeptrack/tracker"
)

// Action is what a request asks for.
type Action uint8

// The actions.
const (
	ActionAnnounce   Action = iota
	ActionScrape                   // of the info hashes named
	ActionFullScrape               // of every torrent
	ActionPage                     // the page at /
	ActionOther                    // any other path or method
	ActionCount      int    = iota // number of actions
)

// String returns the action's label: lower-case words joined by underscores.
func (a Action) String() string {
	return [ActionCount]string{"announce", "scrape", "full_scrape", "page", "other"}[a]
}

// familyCount is the number of address families.
const familyCount = 2

// Results are the numbers of requests served and failed.
type Results struct{ OK, Failed uint64 }

// Stats are the server's counters since its start.
type Stats struct {
	// Requests counts by action and by the client's tracker.Family.
	Requests [ActionCount][familyCount]Results
	// Failures counts the failed requests by reason.
	Failures [FailureCount]uint64
	// Malformed counts what came over connections and was no HTTP request.
	Malformed uint64
	// Untrusted counts the requests with the header that names a proxy's client,
	// from sources that are no trusted proxies.
	Untrusted uint64
	// Connections is the number of connections open now, Accepted the number
	// there have been.
	Connections int
	Accepted    uint64
	// Evicted is the number of connections closed for new ones, because the limit
	// was reached or descriptors ran out: lingering ones, then idle ones, then
	// those not reading their replies, then those without a full request; oldest
	// first.
	Evicted uint64
	// Unread is the number of connections closed because too many left replies
	// unread.
	Unread uint64
	// Refused is the number of connections closed unread because their address was
	// at its limit.
	Refused uint64
	// Paused is how many times accepting was put off for a moment, because the
	// connection limit was reached or descriptors ran out, and none could be
	// evicted or evicting one did not help, or the system was out of memory.
	Paused uint64
	// Handshakes counts those of TLS that were completed, HandshakeFailures the others by
	// reason.
	Handshakes        uint64
	HandshakeFailures [HandshakeFailureCount]uint64
}

// Add adds what another server has counted.
func (s *Stats) Add(o Stats) {
	for a := range s.Requests {
		for f := range s.Requests[a] {
			s.Requests[a][f].OK += o.Requests[a][f].OK
			s.Requests[a][f].Failed += o.Requests[a][f].Failed
		}
	}
	for f := range s.Failures {
		s.Failures[f] += o.Failures[f]
	}
	for f := range s.HandshakeFailures {
		s.HandshakeFailures[f] += o.HandshakeFailures[f]
	}
	s.Malformed += o.Malformed
	s.Untrusted += o.Untrusted
	s.Connections += o.Connections
	s.Accepted += o.Accepted
	s.Evicted += o.Evicted
	s.Unread += o.Unread
	s.Refused += o.Refused
	s.Paused += o.Paused
	s.Handshakes += o.Handshakes
}

// counters are the Stats as they grow. A request adds to one or two of them.
type counters struct {
	requests [ActionCount][familyCount]struct{ ok, failed atomic.Uint64 }
	failures [FailureCount]atomic.Uint64
	// malformed counts what was no HTTP request.
	malformed atomic.Uint64
	// untrusted counts what named its client and was not believed.
	untrusted atomic.Uint64
}

// count adds a request that client made.
func (c *counters) count(a Action, client netip.Addr, f Failure) {
	family := tracker.IPv4
	if client.Is6() {
		family = tracker.IPv6
	}
	results := &c.requests[a][family]
	if f == FailureNone {
		results.ok.Add(1)
		return
	}
	results.failed.Add(1)
	c.failures[f].Add(1)
}

func (c *counters) stats() Stats {
	s := Stats{Malformed: c.malformed.Load(), Untrusted: c.untrusted.Load()}
	for a := range c.requests {
		for family := range c.requests[a] {
			results := &c.requests[a][family]
			s.Requests[a][family] = Results{OK: results.ok.Load(), Failed: results.failed.Load()}
		}
	}
	for f := range c.failures {
		s.Failures[f] = c.failures[f].Load()
	}
	return s
}
