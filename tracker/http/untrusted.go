package http

import (
	"net/netip"

	"keeptrack/tracker"
)

// clientOf returns the client of a request with lines of the header that names
// it.
//
// From a source that is no trusted proxy that header is not believed, but
// counted, and warned of the first time: the operator may have forgotten a proxy
// of his. If it names another address at which peers are stored, the client is
// most likely there, and the source no peer. Proxies on the client's own side,
// whose clients have private addresses, do not make that difference.
func (h *handler) clientOf(source netip.Addr, lines []string) requester {
	c := h.proxies.clientOf(source, lines)
	if len(lines) == 0 || h.proxies.contain(plain(source)) {
		return c
	}
	if h.counters.untrusted.Add(1) == 1 {
		h.log.Warn().Str("header", h.proxies.header).Stringer("source", c.addr).
			Msg("a source that is not in http.trusted_proxies sends the header for the client's address: the header is ignored. If it is a proxy of yours, list it there")
	}
	named := h.proxies.namedBy(lines)
	if named.IsValid() && named != c.addr && h.tracker.Accepts(tracker.MakePeer(named, 0)) {
		c.through = tracker.RejectedUntrusted
	}
	return c
}
