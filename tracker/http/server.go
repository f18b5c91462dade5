// Package http is the tracker's HTTP front end: announce and scrape in bencode
// (BEP 3, 7, 21, 23, 24, 48) over as much of HTTP/1.0 and HTTP/1.1 as that
// takes.
//
// Most clients open a connection for each request, so what counts is the number
// of system calls from accept to close. On Linux each worker waits for all of
// its connections at once and does everything inline: a request that came with
// its connection costs accept, receive, send and close, with no goroutine,
// timer or allocation (worker_linux.go, conn_linux.go). Other systems have a
// goroutine a connection (portable.go).
//
// Both hand the bytes received to a responder (responder.go), which appends the
// replies: it reads the request's head (head.go), finds the client's address
// (clientaddr.go), reads the query (query.go, announce.go, scrape.go), asks the
// tracker (handler.go) and writes the reply (bencode.go). Only a full scrape
// has a goroutine of its own (fullscrape.go).
package http

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/tracker"
)

// Options are the settings of a Server.
type Options struct {
	// Listen are the addresses to serve; port 0 lets the system choose. IPv4
	// and IPv6 never share a socket.
	Listen []netip.AddrPort
	// TrustedProxies are the networks whose ClientAddressHeader is believed. On
	// unix sockets everybody's is.
	TrustedProxies []netip.Prefix
	// ClientAddressHeader is the name of the header in which a proxy names the
	// client: Forwarded (RFC 7239), or any other with a list of addresses. Empty:
	// X-Forwarded-For.
	ClientAddressHeader string
	// RedirectURL is where the path / sends browsers; empty: not found.
	RedirectURL string
	// FullScrape allows a scrape without info hashes, which lists all torrents.
	FullScrape bool
	// MaxConnections bounds the open connections; 0 does not. On Linux, all but
	// full scrapes make room for new ones, those that are missed least first.
	MaxConnections int
	// MaxConnectionsPerAddress bounds those from one IPv4 address, or one IPv6
	// /64, that is no trusted proxy; 0 does not. Further ones are closed at
	// once.
	MaxConnectionsPerAddress int
	Log                      zerolog.Logger
}

// Server answers announces and scrapes over HTTP.
type Server struct {
	service   service
	serve     serveFunc
	listeners []net.Listener
	addrs     []netip.AddrPort

	closed context.Context // done when the server is closed
	close  context.CancelFunc
}

// Listen validates o and binds its addresses. An error names what is wrong with
// which of them.
func Listen(o Options, t *tracker.Tracker) (*Server, error) {
	return listen(o, t, serve, standardLimits)
}

// New returns a server on listeners for TCP, such as Bind returns, or unix
// sockets. It owns them, unless there is an error. Options.Listen is not used.
func New(o Options, listeners []net.Listener, t *tracker.Tracker) (*Server, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	return newServer(o, t, serve, standardLimits, listeners), nil
}

// Addrs returns the TCP addresses served, in the order of Options.Listen and
// with the ports that the system chose. A wildcard address of a family that the
// host lacks is not among them.
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
	force, cancel := context.WithCancel(s.closed)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(s.service.limits.stop, cancel) })()
	if err := s.serve(ctx, force, &s.service, s.listeners); err != nil {
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
	return stats
}

func (o *Options) validate() error {
	if o.MaxConnections < 0 || o.MaxConnectionsPerAddress < 0 {
		return fmt.Errorf("http: max connections is negative: %d, per address %d", o.MaxConnections, o.MaxConnectionsPerAddress)
	}
	for _, addr := range o.Listen {
		if !addr.IsValid() {
			return errors.New("http: listen address is not valid")
		}
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

// listen is Listen with connections carried by serve.
func listen(o Options, t *tracker.Tracker, serve serveFunc, l limits) (*Server, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	listeners, err := Bind(o.Listen)
	if err != nil {
		return nil, err
	}
	return newServer(o, t, serve, l, listeners), nil
}

// newServer returns a server that owns the listeners.
func newServer(o Options, t *tracker.Tracker, serve serveFunc, l limits, listeners []net.Listener) *Server {
	s := &Server{serve: serve, listeners: listeners}
	s.service = service{handler: newHandler(o, t), gate: gate{limit: int64(o.MaxConnections)}, limits: l}
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
