// Package http is the tracker's HTTP front end: announce and scrape in bencode
// (BEP 3, 7, 21, 23, 24, 48) over as much of HTTP/1.0 and HTTP/1.1 as that
// takes.
//
// Most clients open a connection for each request, so what counts is the number
// of system calls from accept to close. On Linux each worker waits for all of
// its connections at once and does everything inline: a request that came with
// its connection costs accept, receive, send and close, with no goroutine,
// timer or allocation (worker_linux.go, conn_linux.go). The bytes received go to
// a responder (responder.go), which reads the request's head (head.go) and
// appends the reply.
//
// Other systems have net/http (engine_net.go, netconn.go), as have listeners without a
// descriptor and TLS (engine_tls.go, tls.go).
//
// Both engines ask an answerer (answer.go), which knows nothing of connections:
// it finds the client's address (clientaddr.go), reads the path and the query
// (route.go, query.go, announce.go, scrape.go), asks the tracker (handler.go) and
// makes the body (bencode.go, pagehtml.go), but for that of a full scrape, which is
// streamed (fullscrape.go).
package http

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"keeptrack/tracker"
	"keeptrack/tracker/busiest"
	"keeptrack/tracker/trace"
)

// Options are the settings of a Server.
type Options struct {
	// TrustedProxies are the networks whose ClientAddressHeader is believed. On
	// unix sockets everybody's is.
	TrustedProxies []netip.Prefix
	// ClientAddressHeader is the name of the header in which a proxy names the
	// client: Forwarded (RFC 7239), or any other with a list of addresses. Empty:
	// X-Forwarded-For.
	ClientAddressHeader string
	// RedirectURL is where the path / sends browsers; empty: they are shown the Page.
	RedirectURL string
	// Page is what the path / shows; nil: not found.
	Page *Page
	// FullScrape allows a scrape without info hashes, which lists all torrents.
	FullScrape bool
	// TLS, unless nil, is spoken on all listeners, with HTTP/1.1 or HTTP/2 in it as the
	// client chooses. At least TLS 1.2 is asked for.
	TLS *tls.Config
	// MaxConnections bounds the open connections; 0 does not. A new connection beyond
	// it evicts the least active one, but no full scrape.
	MaxConnections int
	// MaxConnectionsPerAddress bounds those from one IPv4 address, or one IPv6
	// /64, that is no trusted proxy; 0 does not. Further ones are closed at
	// once.
	MaxConnectionsPerAddress int
	// Busiest gets a sample of the requests; nil: nobody asks for it.
	Busiest *busiest.Busiest
	// Traces are told of requests while some are under way; nil: there never are.
	Traces *trace.Traces
	Log    zerolog.Logger
}

// Server answers announces and scrapes over HTTP.
type Server struct {
	service   service
	listeners []net.Listener
	addrs     []netip.AddrPort

	closed context.Context // done when the server is closed
	close  context.CancelFunc
}

// New returns a server on listeners for TCP and unix sockets, or on
// others over these, which net/http serves, as it does all with TLS. It owns them,
// unless there is an error, which names what is wrong.
func New(o Options, listeners []net.Listener, t *tracker.Tracker) (*Server, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	return newServer(o, t, standardTimeouts, listeners), nil
}

// Addrs returns the TCP addresses served, in the listeners' order.
func (s *Server) Addrs() []netip.AddrPort { return s.addrs }

// Run serves until ctx is done or the server is closed. Then it accepts nothing
// more, gives the requests in hand a few seconds to finish, and returns when
// every connection is closed. A server runs once.
func (s *Server) Run(ctx context.Context) error {
	if s.closed.Err() != nil {
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(s.closed, stop)()
	group, ctx := errgroup.WithContext(ctx)
	force, cancel := context.WithCancel(s.closed)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(s.service.timeouts.stop, cancel) })()
	for _, c := range s.service.carriers(s.listeners) {
		if len(c.listeners) > 0 {
			group.Go(func() error { return c.engine(ctx, force, &s.service, c.listeners) })
		}
	}
	<-ctx.Done() // so too when an engine fails
	if err := group.Wait(); err != nil {
		return fmt.Errorf("http: serve: %w", err)
	}
	return nil
}

// Close closes the sockets at once. It is for a server that is not to run, or
// not to finish what it has in hand, and may be called repeatedly.
func (s *Server) Close() error {
	s.close()
	closeAll(s.listeners)
	return nil
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	stats := s.service.handler.counters.stats()
	gate := &s.service.gate
	stats.Connections, stats.Accepted = int(gate.open.Load()), gate.accepted.Load()
	stats.Evicted, stats.Unread, stats.Paused = gate.evicted.Load(), gate.unread.Load(), gate.paused.Load()
	stats.Refused = s.service.sources.refused.Load()
	stats.Handshakes = s.service.handshakes.done.Load()
	for f := range stats.HandshakeFailures {
		stats.HandshakeFailures[f] = s.service.handshakes.failed[f].Load()
	}
	return stats
}

func (o *Options) validate() error {
	if o.MaxConnections < 0 || o.MaxConnectionsPerAddress < 0 {
		return fmt.Errorf("http: max connections is negative: %d, per address %d", o.MaxConnections, o.MaxConnectionsPerAddress)
	}
	if o.RedirectURL == "" {
		return nil
	}
	if u, err := url.Parse(o.RedirectURL); err != nil {
		return fmt.Errorf("http: redirect URL: %w", err)
	} else if !u.IsAbs() {
		return fmt.Errorf("http: redirect URL is not absolute: %q", o.RedirectURL)
	}
	return nil
}

// newServer returns a server that owns the listeners.
func newServer(o Options, t *tracker.Tracker, times timeouts, listeners []net.Listener) *Server {
	s := &Server{listeners: listeners}
	s.service = service{handler: newHandler(o, t), gate: gate{limit: int64(o.MaxConnections)}, timeouts: times}
	if o.TLS != nil {
		s.service.tls = serverTLS(o.TLS)
	}
	s.service.sources.bound(o.MaxConnectionsPerAddress, s.service.handler.proxies)
	s.closed, s.close = context.WithCancel(context.Background())
	for _, l := range listeners {
		if _, ok := l.Addr().(*net.TCPAddr); ok {
			s.addrs = append(s.addrs, addrPort(l.Addr()))
		}
	}
	return s
}

// addrPort returns a TCP address in its plain form, or an invalid one for
// another kind of address.
func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	addr := tcp.AddrPort()
	return netip.AddrPortFrom(plain(addr.Addr()), addr.Port())
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close() // serves nothing any more
	}
}
