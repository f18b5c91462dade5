package daemon

import (
	"github.com/rs/zerolog"

	"keeptrack/cmd/internal/admin/otstats"
	"keeptrack/cmd/internal/listen"
	"keeptrack/tracker"
	"keeptrack/tracker/http"
)

// httpPart is the HTTP front end.
type httpPart struct {
	*http.Server
	at *listen.Listeners
}

// bindHTTP binds the sockets of the HTTP front end, unless it is turned off.
func bindHTTP(d *Daemon) error {
	c := &d.config.HTTP
	if len(c.Listen) == 0 {
		return nil
	}
	at, err := d.binder.Streams("http", c.Listen)
	if err != nil {
		return err
	}
	d.whenLoaded(func() error {
		s, err := http.New(http.Options{
			TrustedProxies:           c.TrustedProxies,
			ClientAddressHeader:      c.ClientAddressHeader,
			RedirectURL:              c.RedirectURL,
			Page:                     d.page(),
			FullScrape:               c.FullScrape,
			MaxConnections:           connectionLimit(c.MaxConnections, d.log),
			MaxConnectionsPerAddress: c.MaxConnectionsPerAddress,
			Busiest:                  d.busiest,
			Traces:                   &d.traces,
			Log:                      d.log,
		}, at.All(), d.tracker)
		if err != nil {
			return err
		}
		d.front = append(d.front, httpPart{s, at})
		return nil
	})
	return nil
}

func (p httpPart) describe(line *zerolog.Event) { line.Strs("http", p.at.Names()) }

func (p httpPart) count(n *otstats.Numbers) {
	s := p.Stats()
	n.TCPAccepts = s.Accepted
	n.TCPAnnounces = s.Failures[http.FailureRefused]
	for f := range families {
		n.TCPAnnounces += s.Requests[http.ActionAnnounce][f].OK
		n.TCPScrapes += s.Requests[http.ActionScrape][f].OK
		n.Errors[otstats.ErrorRedirect] += s.Requests[http.ActionOther][f].OK
	}
	n.Errors[otstats.ErrorParse] = s.Malformed
	for f, count := range s.Failures {
		switch http.Failure(f) {
		case http.FailureRefused: // answered
		case http.FailureMethod:
			n.Errors[otstats.ErrorParse] += count
		case http.FailureFullScrapeBusy:
			n.Errors[otstats.ErrorNotModest] += count
		case http.FailureNotFound:
			n.Errors[otstats.ErrorNotFound] += count
		default:
			n.Errors[otstats.ErrorParameter] += count
		}
	}
}

var (
	metricHTTPFailures  = counter("http_failures_total", "HTTP requests that failed.", "reason")
	metricHTTPMalformed = counter("http_malformed_total", "What came over HTTP connections and was no request.")
	metricHTTPUntrusted = counter("http_untrusted_proxy_total", "HTTP requests in which a source that is no trusted proxy names a client, which is not believed.")
	metricHTTPConns     = gauge("http_connections", "HTTP connections open.")
	metricHTTPAccepted  = counter("http_accepted_total", "HTTP connections accepted.")
	metricHTTPRefused   = counter("http_refused_total", "HTTP connections closed at once, because their address was at its limit.")
	metricHTTPEvicted   = counter("http_evicted_total", "HTTP connections evicted for new ones, longest waiting first.")
	metricHTTPUnread    = counter("http_unread_total", "HTTP connections closed, longest waiting first, because too many left replies unread.")
	metricHTTPPaused    = counter("http_accept_pauses_total", "Times that accepting HTTP connections was paused: the connection limit was reached or descriptors ran out, and none could be evicted or evicting one did not help, or memory ran out.")
)

func (p httpPart) collect(send sender) {
	s := p.Stats()
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
