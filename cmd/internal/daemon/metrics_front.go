package daemon

import (
	"keeptrack/tracker"
	"keeptrack/tracker/http"
	"keeptrack/tracker/udp"
)

var (
	metricRequests = counter("requests_total", "Requests answered, by result: ok or failed.",
		"transport", "family", "action", "result")

	metricUDPPackets  = counter("udp_packets_total", "Datagrams received.", "family")
	metricUDPDrops    = counter("udp_drops_total", "Datagrams not answered.", "family", "reason")
	metricUDPFailures = counter("udp_failures_total", "UDP requests that failed.", "family", "reason")
	metricUDPUnsent   = counter("udp_unsent_total", "Replies that the system did not take.", "family")
	metricKernelDrops = counter("kernel_receive_drops_total", "Datagrams that the system dropped before they were read.", "socket")

	metricHTTPFailures  = counter("http_failures_total", "HTTP requests that failed.", "reason")
	metricHTTPMalformed = counter("http_malformed_total", "What came over HTTP connections and was no request.")
	metricHTTPUntrusted = counter("http_untrusted_proxy_total", "HTTP requests in which a source that is no trusted proxy names a client, which is not believed.")
	metricHTTPConns     = gauge("http_connections", "HTTP connections open.")
	metricHTTPAccepted  = counter("http_accepted_total", "HTTP connections accepted.")
	metricHTTPRefused   = counter("http_refused_total", "HTTP connections closed at once, because their address had as many as it may.")
	metricHTTPEvicted   = counter("http_evicted_total", "HTTP connections closed, longest waiting first, to make room for new ones.")
	metricHTTPUnread    = counter("http_unread_total", "HTTP connections closed, longest waiting first, because too many left replies unread.")
	metricHTTPPaused    = counter("http_accept_pauses_total", "Times that accepting HTTP connections was paused: as many as may be were open, or descriptors ran out, and none could be spared or closing one did not help, or memory ran out.")
)

func collectUDP(s udp.Stats, send sender) {
	collectUDPFamily(tracker.IPv4, &s.IPv4, send)
	collectUDPFamily(tracker.IPv6, &s.IPv6, send)
	send(metricKernelDrops, float64(s.IPv4.KernelDrops+s.IPv6.KernelDrops), "udp")
}

func collectUDPFamily(f tracker.Family, u *udp.FamilyStats, send sender) {
	family := f.String()
	for _, r := range []struct {
		action, result string
		n              uint64
	}{
		{"connect", "ok", u.Connects},
		{"announce", "ok", u.Announces},
		{"announce", "failed", u.Refused + u.StaleAnnounces},
		{"scrape", "ok", u.Scrapes},
		{"scrape", "failed", u.StaleScrapes},
	} {
		send(metricRequests, float64(r.n), "udp", family, r.action, r.result)
	}
	send(metricUDPPackets, float64(u.Packets), family)
	for reason, n := range u.Dropped {
		send(metricUDPDrops, float64(n), family, udp.Drop(reason).String())
	}
	send(metricUDPFailures, float64(u.Refused), family, "refused")
	send(metricUDPFailures, float64(u.StaleAnnounces+u.StaleScrapes), family, "connection_id")
	send(metricUDPUnsent, float64(u.Unsent), family)
}

func collectHTTP(s http.Stats, send sender) {
	for a, byFamily := range s.Requests {
		for f, results := range byFamily {
			action, family := http.Action(a).String(), tracker.Family(f).String()
			send(metricRequests, float64(results.OK), "http", family, action, "ok")
			send(metricRequests, float64(results.Failed), "http", family, action, "failed")
		}
	}
	for f, n := range s.Failures {
		if f := http.Failure(f); f != http.FailureNone {
			send(metricHTTPFailures, float64(n), f.String())
		}
	}
	send(metricHTTPMalformed, float64(s.Malformed))
	send(metricHTTPUntrusted, float64(s.Untrusted))
	send(metricHTTPConns, float64(s.Connections))
	send(metricHTTPAccepted, float64(s.Accepted))
	send(metricHTTPRefused, float64(s.Refused))
	send(metricHTTPEvicted, float64(s.Evicted))
	send(metricHTTPUnread, float64(s.Unread))
	send(metricHTTPPaused, float64(s.Paused))
}
