// Package http is the tracker's HTTP front end: announce and scrape in bencode
// (BEP 3, 7, 21, 23, 24, 48) on top of net/http.
//
// A request goes through ServeHTTP in handler.go: the client's address
// (clientaddr.go), the query (query.go, announce.go, scrape.go), the tracker,
// the reply (bencode.go).
package http

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	nethttp "net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"keeptrack/tracker"
)

const (
	headerTimeout = 5 * time.Second  // for a request's header
	readTimeout   = 10 * time.Second // for a request with the body that nobody reads
	writeTimeout  = 10 * time.Second // for a reply, or a part of a full scrape
	idleTimeout   = 30 * time.Second // between requests
	stopTimeout   = 3 * time.Second  // for the requests in hand when the server stops

	// maxHeader is the size in bytes of the longest header that is read, and
	// headerSlack what net/http reads beyond the bound that it is given.
	maxHeader   = 8 << 10
	headerSlack = 4 << 10
)

// Options are the settings of a Server.
type Options struct {
	// Listen are the addresses to serve; port 0 lets the system choose. IPv4
	// and IPv6 never share a socket.
	Listen []netip.AddrPort
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// RedirectURL is where the path / sends browsers; empty: not found.
	RedirectURL string
	// FullScrape allows a scrape without info hashes, which lists all torrents.
	FullScrape bool
	// MaxConnections bounds the open connections; 0 does not.
	MaxConnections int
	Log            zerolog.Logger
}

// Server answers announces and scrapes over HTTP.
type Server struct {
	handler     *handler
	connections *connections
	listeners   []net.Listener
	http        nethttp.Server
}

// Listen validates o and binds its addresses. An error names what is wrong with
// which of them.
func Listen(o Options, t *tracker.Tracker) (*Server, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	listeners, err := bind(systemListen(), o.Listen)
	if err != nil {
		return nil, err
	}
	return newServer(o, t, listeners), nil
}

// Addrs returns the addresses served, in the order of Options.Listen and with
// the ports that the system chose. A wildcard address of a family that the host
// lacks is not among them.
func (s *Server) Addrs() []netip.AddrPort {
	addrs := make([]netip.AddrPort, 0, len(s.listeners))
	for _, l := range s.listeners {
		if tcp, ok := l.Addr().(*net.TCPAddr); ok {
			addr := tcp.AddrPort()
			addrs = append(addrs, netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()))
		}
	}
	return addrs
}

// Run serves until ctx is done or the server is closed. Then it accepts nothing
// more, gives the requests in hand a few seconds to finish, and returns when
// every connection is closed. A server runs once.
func (s *Server) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range s.listeners {
		group.Go(func() error { return s.http.Serve(l) })
	}
	<-ctx.Done() // so too when a listener fails
	stopErr := s.stop()
	serveErr := group.Wait()
	s.connections.serving.Wait()
	if errors.Is(serveErr, nethttp.ErrServerClosed) {
		return stopErr
	}
	return errors.Join(serveErr, stopErr)
}

// Close closes the sockets at once. It is for a server that is not to run, or
// not to finish what it has in hand, and may be called repeatedly.
func (s *Server) Close() error {
	err := s.http.Close()
	closeAll(s.listeners)
	return err
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	stats := s.handler.counters.stats()
	stats.Connections = int(s.connections.open.Load())
	return stats
}

func (o *Options) validate() error {
	if o.MaxConnections < 0 {
		return fmt.Errorf("http: max connections is negative: %d", o.MaxConnections)
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

// newServer returns a server that owns the listeners.
func newServer(o Options, t *tracker.Tracker, listeners []net.Listener) *Server {
	s := &Server{handler: newHandler(o, t), connections: newConnections(o.MaxConnections)}
	for _, l := range listeners {
		s.listeners = append(s.listeners, s.connections.bound(l))
	}
	s.http = nethttp.Server{
		Handler:                      s.handler,
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            headerTimeout,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHeader - headerSlack,
		ConnState:                    s.connections.changed,
		ErrorLog:                     log.New(debugLog{o.Log}, "", 0),
	}
	return s
}

// stop ends the requests in hand, those that take too long by force.
func (s *Server) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	if err != nil {
		return fmt.Errorf("http: stop: %w", err)
	}
	return nil
}

// debugLog is where net/http writes what it thinks of its clients.
type debugLog struct{ log zerolog.Logger }

// Write logs one line.
func (d debugLog) Write(line []byte) (int, error) {
	d.log.Debug().Bytes("error", bytes.TrimSuffix(line, []byte("\n"))).Msg("http connection")
	return len(line), nil
}
