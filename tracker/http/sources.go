package http

import (
	"net/netip"
	"sync/atomic"

	"keeptrack/tracker"
)

// sources counts and bounds the connections by where they come from: an IPv4
// address, or the /64 of an IPv6 one, and by its /56 and /48; see tracker.Tally.
// Trusted proxies, and sockets that have no address, speak for many and are not
// bounded.
type sources struct {
	limit   uint32 // 0: none
	tally   *tracker.Tally
	proxies proxies
	refused atomic.Uint64 // connections closed as soon as they were accepted
}

// bound sets the limit.
func (s *sources) bound(limit int, p proxies) {
	s.limit, s.proxies = uint32(limit), p
	if limit > 0 {
		s.tally = tracker.NewTally()
	}
}

// enter counts one connection more from source, unless there are as many as
// may be. Workers that do so at once may let in one each.
func (s *sources) enter(source netip.Addr) bool {
	if !s.counts(source) {
		return true
	}
	n := tracker.NetworkOf(source)
	if s.tally.Count(n) >= s.limit {
		s.refused.Add(1)
		return false
	}
	s.tally.Add(n)
	return true
}

// leave counts one connection less.
func (s *sources) leave(source netip.Addr) {
	if s.counts(source) {
		s.tally.Remove(tracker.NetworkOf(source))
	}
}

// counts tells whether connections from source are bounded.
func (s *sources) counts(source netip.Addr) bool {
	return s.limit > 0 && source.IsValid() && !s.proxies.contain(plain(source))
}
