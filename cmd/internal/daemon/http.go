package daemon

import (
	"context"
	"crypto/tls"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"keeptrack/cmd/internal/admin/otstats"
	"keeptrack/cmd/internal/certificates"
	"keeptrack/cmd/internal/listen"
	"keeptrack/tracker"
	"keeptrack/tracker/http"
)

// httpPart is the front end for HTTP and HTTPS.
type httpPart struct {
	servers      []webServer
	certificates certificates.Source // nil: no HTTPS
}

// webServer serves over one of them.
type webServer struct {
	*http.Server
	transport string // "http" or "https"
	at        *listen.Listeners
}

// bindHTTP binds the sockets of the HTTP front end, unless it is turned off.
func bindHTTP(d *Daemon) error {
	plain, secure := d.config.HTTP.Listen, d.config.HTTPS.Listen
	if len(plain)+len(secure) == 0 {
		return nil
	}
	at, err := d.binder.Streams("http", plain)
	if err != nil {
		return err
	}
	secureAt, err := d.binder.Streams("https", secure)
	if err != nil {
		return err
	}
	challenges, err := bindChallenges(d)
	if err != nil {
		return err
	}
	d.whenLoaded(func() error {
		var p httpPart
		most, mostSecure := connectionLimits(len(plain) > 0, len(secure) > 0, d.config, d.log)
		if len(plain) > 0 {
			if err := p.add(d, "http", at, most, nil); err != nil {
				return err
			}
		}
		if len(secure) > 0 {
			if p.certificates, err = d.makeCertificates(secureAt, challenges); err != nil {
				return err
			}
			if err := p.add(d, "https", secureAt, mostSecure, p.certificates.TLS()); err != nil {
				return err
			}
		}
		d.front = append(d.front, p)
		return nil
	})
	return nil
}

// add makes a server, over TLS if there is a config for it.
func (p *httpPart) add(d *Daemon, transport string, at *listen.Listeners, most int, over *tls.Config) error {
	c := &d.config.HTTP
	s, err := http.New(http.Options{
		TrustedProxies:           c.TrustedProxies,
		ClientAddressHeader:      c.ClientAddressHeader,
		RedirectURL:              c.RedirectURL,
		Page:                     d.page(),
		FullScrape:               c.FullScrape,
		TLS:                      over,
		MaxConnections:           most,
		MaxConnectionsPerAddress: c.MaxConnectionsPerAddress,
		Busiest:                  d.busiest,
		Traces:                   &d.traces,
		Log:                      d.log,
	}, at.All(), d.tracker)
	if err != nil {
		return err
	}
	p.servers = append(p.servers, webServer{s, transport, at})
	return nil
}

// Run serves until ctx is done.
func (p httpPart) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range p.servers {
		group.Go(func() error { return s.Run(ctx) })
	}
	if p.certificates != nil {
		group.Go(func() error { return p.certificates.Run(ctx) })
	}
	return group.Wait()
}

func (p httpPart) describe(line *zerolog.Event) {
	for _, s := range p.servers {
		line.Strs(s.transport, s.at.Names())
	}
}

// stats returns the sums over all servers.
func (p httpPart) stats() (sum http.Stats) {
	for _, s := range p.servers {
		sum.Add(s.Stats())
	}
	return sum
}

func (p httpPart) count(n *otstats.Numbers) {
	s := p.stats()
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
	metricHTTPFailures  = counter("http_failures_total", "HTTP and HTTPS requests that failed.", "reason")
	metricHTTPMalformed = counter("http_malformed_total", "Malformed requests over HTTP and HTTPS.")
	metricHTTPUntrusted = counter("http_untrusted_proxy_total", "HTTP and HTTPS requests with the header of a proxy from a source that is not a trusted proxy.")
	metricHTTPConns     = gauge("http_connections", "HTTP and HTTPS connections open.")
	metricHTTPAccepted  = counter("http_accepted_total", "HTTP and HTTPS connections accepted.")
	metricHTTPRefused   = counter("http_refused_total", "HTTP and HTTPS connections closed at once, because their address had reached its limit.")
	metricHTTPEvicted   = counter("http_evicted_total", "HTTP and HTTPS connections evicted for new ones, longest waiting first.")
	metricHTTPUnread    = counter("http_unread_total", "HTTP and HTTPS connections closed, longest waiting first, because too many left replies unread.")
	metricHTTPPaused    = counter("http_accept_pauses_total", "Times that HTTP or HTTPS paused accepting: a limit was reached and no connection could be evicted, or memory ran out.")
)

func (p httpPart) collect(send sender) {
	for _, server := range p.servers {
		collectRequests(server.transport, server.Stats(), send)
	}
	s := p.stats()
	if p.certificates != nil {
		collectTLS(&s, p.certificates, send)
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

func collectRequests(transport string, s http.Stats, send sender) {
	for a, byFamily := range s.Requests {
		for f, results := range byFamily {
			action, family := http.Action(a).String(), tracker.Family(f).String()
			send(metricRequests, float64(results.OK), transport, family, action, "ok")
			send(metricRequests, float64(results.Failed), transport, family, action, "failed")
		}
	}
}
