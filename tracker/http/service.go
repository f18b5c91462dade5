package http

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// inSize is the most bytes that are read before the requests in them are
// answered. There is room for a whole head, and for many that come at once.
const inSize = 2 * maxHead

// timeouts are the times that connections have.
type timeouts struct {
	head   time.Duration // for a request's head, from its first byte or from the connection's start
	idle   time.Duration // between requests
	write  time.Duration // for the client to take replies, or a part of a full scrape
	linger time.Duration // for the client to close after a refusal
	stop   time.Duration // for all that is in hand when the server stops
	first  time.Duration // for a connection's first request when the server stops
}

var standardTimeouts = timeouts{
	head:   5 * time.Second,
	idle:   30 * time.Second,
	write:  10 * time.Second,
	linger: time.Second,
	stop:   3 * time.Second,
	first:  500 * time.Millisecond,
}

// service is what connections are served with.
type service struct {
	handler  *handler
	gate     gate
	sources  sources
	timeouts timeouts

	tls        *tls.Config // nil: not over TLS
	handshakes handshakes
}

// engine carries requests and answers over the connections of its listeners
// until ctx is done. Then it accepts no more, closes the idle connections,
// answers the requests that have come in at least in part, waits a moment for
// those of new connections, and returns when every connection is closed; once
// force is done it closes them at once. It owns the listeners.
//
// There are two: Linux's own system calls (serveEpoll), and net/http (serveNet).
type engine func(ctx, force context.Context, s *service, listeners []net.Listener) error

// carrier is an engine with its listeners.
type carrier struct {
	engine    engine
	listeners []net.Listener
}
