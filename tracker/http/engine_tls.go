package http

import (
	"context"
	"errors"
	"net"
	nethttp "net/http"
	"runtime/debug"
	"sync"

	"golang.org/x/sync/errgroup"
)

// maxStreams is how many requests a client may have in hand on a connection of HTTP/2.
const maxStreams = 100

// serveTLS is serveNet over TLS. Each connection has its handshake first, and is then
// served by the net/http server of the protocol that the client chose: net/http itself
// would do handshakes without telling how they end, and with its buffers in place.
func (e *netEngine) serveTLS(listeners []net.Listener) error {
	var accepting *errgroup.Group
	accepting, e.ctx = errgroup.WithContext(e.ctx) // connections end as well when a listener fails
	first, second := newHandoff(), newHandoff()
	one, two := e.server(), e.server2()
	var serving errgroup.Group
	serving.Go(func() error { return serveUntilClosed(one, first) })
	serving.Go(func() error { return serveUntilClosed(two, second) })
	for _, l := range listeners {
		accepting.Go(func() error { return e.acceptTLS(&netListener{l, e}, first, second) })
	}
	<-e.ctx.Done()
	closeAll(listeners)
	err := accepting.Wait()
	over, cancel := context.WithCancel(context.Background())
	cancel()
	_ = two.Shutdown(over) // tells clients to send no more requests; that connections are open is known
	e.conns.Wait()
	first.Close()
	second.Close()
	return errors.Join(err, serving.Wait())
}

// server2 returns the server for HTTP/2. The connections that it gets are decrypted, so
// to net/http they are not encrypted.
func (e *netEngine) server2() *nethttp.Server {
	s := e.server()
	s.Protocols = new(nethttp.Protocols)
	s.Protocols.SetUnencryptedHTTP2(true)
	s.HTTP2 = &nethttp.HTTP2Config{
		MaxConcurrentStreams:          maxStreams,
		MaxReceiveBufferPerConnection: 64 << 10, // nobody sends bodies
		MaxReceiveBufferPerStream:     16 << 10,
		WriteByteTimeout:              e.timeouts.write,
	}
	return s
}

// acceptTLS hands over connections, each after its handshake.
func (e *netEngine) acceptTLS(l *netListener, first, second *handoff) error {
	for {
		conn, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed): // by the server, which stops
			return nil
		case err != nil:
			return err
		}
		go e.begin(conn.(*netConn), first, second)
	}
}

// begin has the handshake done and hands over the connection, or closes it.
func (e *netEngine) begin(c *netConn, first, second *handoff) {
	given := false
	defer func() {
		if fault := recover(); fault != nil { // as net/http does: it is one connection's
			e.handler.log.Error().Any("panic", fault).Bytes("stack", debug.Stack()).Msg("https: handshake")
		}
		if !given {
			_ = c.Close()
		}
	}()
	protocol, ok := e.handshake(c)
	if !ok {
		return
	}
	to := first
	if c.second = protocol == protocolHTTP2; c.second {
		to = second
	}
	c.ready()
	given = to.give(c)
}

// handoff is a listener for connections that were accepted elsewhere.
type handoff struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newHandoff() *handoff {
	return &handoff{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// give hands a connection over, unless the listener is closed.
func (h *handoff) give(c net.Conn) (ok bool) {
	select {
	case h.conns <- c:
		return true
	case <-h.closed:
		return false
	}
}

// Accept returns the next connection.
func (h *handoff) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (h *handoff) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr returns an address that nobody asks for.
func (h *handoff) Addr() net.Addr { return &net.TCPAddr{} }
