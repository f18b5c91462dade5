package http

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"net"
	nethttp "net/http"
	"net/netip"
	"sync"
	"time"

	"keeptrack/tracker/trace"
)

// netListener bounds the connections of a listener that net/http serves.
type netListener struct {
	net.Listener
	engine *netEngine
}

// Accept returns the next connection within the limits. It looks at them after
// accepting, since a listener that waits for clients must not take a place from the
// others; so up to one connection a listener is open beyond the limit, unread.
func (l *netListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		switch {
		case err == nil:
			if c := l.engine.enter(conn); c != nil {
				return c, nil
			}
		case !outOfRoom(err):
			return nil, err
		default:
			l.engine.handler.log.Debug().Err(err).Msg("http accept")
			l.engine.pause()
		}
	}
}

// enter returns conn once the limit allows it, or nil after closing it.
func (e *netEngine) enter(conn net.Conn) *netConn {
	source := addrPort(conn.RemoteAddr()).Addr()
	if !e.sources.enter(source) {
		e.handler.reportConn(e.transport(), source, trace.Dropped, "connections_per_address")
		_ = conn.Close() // nothing was read from it or written to it
		return nil
	}
	for !e.gate.enter() {
		if !e.evict() && !e.pause() {
			e.sources.leave(source)
			_ = conn.Close()
			return nil
		}
	}
	e.gate.accepted.Add(1)
	e.conns.Add(1)
	c := &netConn{Conn: conn, raw: conn, engine: e, source: source, between: true}
	if e.tls != nil {
		c.Conn = tls.Server(conn, e.tls)
	}
	e.places.put(c, standHead)
	c.unstop = context.AfterFunc(e.ctx, c.stop)
	c.unforce = context.AfterFunc(e.force, func() { _ = conn.Close() })
	return c
}

// pause waits a moment for a place. ok is false when the server stops.
func (e *netEngine) pause() (ok bool) {
	e.gate.paused.Add(1)
	select {
	case <-time.After(acceptPause):
		return true
	case <-e.ctx.Done():
		return false
	}
}

// netConn is a connection that net/http serves. It tells whether net/http waits
// for a request, which may be ended, or goes on with one, and whether what is
// written is an answer or net/http's own refusal.
type netConn struct {
	net.Conn        // with TLS, if there is
	raw             net.Conn
	engine          *netEngine
	source          netip.Addr
	unstop, unforce func() bool
	left, closed    sync.Once
	second          bool // speaks HTTP/2, of which net/http itself knows what it waits for

	stand stand         // this and the next three belong to the engine's places
	since time.Time     // when it got there
	place *list.Element // nil: in none
	out   bool          // evicted or closed: gets no place any more

	// asked is set while a request is answered that the handler has seen. It
	// belongs to the goroutine that serves the connection.
	asked bool

	mu      sync.Mutex // guards what follows, and the read deadline
	between bool       // the next deadline is for the first byte of a request
	waiting bool       // for that byte
	used    bool       // something has come
}

type connKey struct{}

// withConn has the handler know the connection of a request.
func withConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// connState learns from net/http that a connection has been answered.
func connState(conn net.Conn, state nethttp.ConnState) {
	c := conn.(*netConn)
	switch state {
	case nethttp.StateActive:
		c.engine.places.put(c, standBusy)
	case nethttp.StateIdle:
		if !c.second {
			c.asked = false
			c.ready()
		}
		c.engine.places.put(c, standIdle)
	}
}

// ready says that the next deadline is for the first byte of a request.
func (c *netConn) ready() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting, c.between = false, true
}

// SetReadDeadline is called by net/http before it waits for a request, then
// before it reads the rest of that, and then while it answers.
func (c *netConn) SetReadDeadline(t time.Time) error {
	if c.second {
		return c.Conn.SetReadDeadline(t)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting, c.between = c.between, false
	if c.waiting && c.engine.ctx.Err() != nil {
		return c.leave()
	}
	return c.Conn.SetReadDeadline(t)
}

func (c *netConn) Read(p []byte) (n int, err error) {
	n, err = c.Conn.Read(p)
	if n == 0 || c.second {
		return n, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting && c.engine.ctx.Err() != nil { // the rest has the usual time
		_ = c.Conn.SetReadDeadline(time.Now().Add(c.engine.timeouts.head))
	}
	if c.waiting && c.used { // not if it is the first, for which it has been waited
		c.engine.places.put(c, standHead)
	}
	c.waiting, c.used = false, true
	return n, err
}

// Write counts what net/http answers without asking the handler.
func (c *netConn) Write(p []byte) (n int, err error) {
	if !c.second && !c.asked {
		c.asked = true
		c.engine.handler.counters.malformed.Add(1)
	}
	return c.Conn.Write(p)
}

// CloseWrite has net/http's refusal arrive before a reset by what is not read.
func (c *netConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close closes the connection, which counts no more.
func (c *netConn) Close() error {
	err := c.Conn.Close()
	c.leaveRoom()
	c.closed.Do(func() {
		c.unstop()
		c.unforce()
		c.engine.places.remove(c)
		c.engine.conns.Done()
	})
	return err
}

// leaveRoom has the connection not count any more, although net/http may not know yet
// that it is closed.
func (c *netConn) leaveRoom() {
	c.left.Do(func() {
		c.engine.sources.leave(c.source)
		c.engine.gate.leave()
	})
}

// stop ends the wait for a request.
func (c *netConn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting {
		_ = c.leave() // fails only if closed
	}
}

// leave ends the wait for a request, but for a moment in which whoever has just
// connected may send the first.
func (c *netConn) leave() error {
	if c.used {
		return c.Conn.SetReadDeadline(time.Unix(1, 0))
	}
	return c.Conn.SetReadDeadline(time.Now().Add(c.engine.timeouts.first))
}
