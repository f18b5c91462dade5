package http

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// portableServer serves with what every system has: a goroutine for each
// connection.
type portableServer struct {
	*service
	ctx, force context.Context
	conns      sync.WaitGroup
}

// servePortable is the serveFunc for every system.
func servePortable(ctx, force context.Context, s *service, listeners []net.Listener) error {
	group, ctx := errgroup.WithContext(ctx)
	p := &portableServer{service: s, ctx: ctx, force: force}
	for _, l := range listeners {
		group.Go(func() error { return p.accept(l) })
	}
	<-ctx.Done() // so too when a listener fails
	closeAll(listeners)
	err := group.Wait()
	p.conns.Wait()
	return err
}

// accept takes connections until the server stops. It asks for room after
// accepting, since a listener that waits for clients must not keep the room
// from the others; so up to one connection a listener is open beyond the bound,
// unread.
func (p *portableServer) accept(l net.Listener) error {
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			p.enter(conn)
		case errors.Is(err, net.ErrClosed):
			return nil // by the server, which stops
		case !outOfRoom(err):
			return err
		default:
			p.handler.log.Debug().Err(err).Msg("http accept")
			p.pause()
		}
	}
}

// enter serves conn once there is room for it.
func (p *portableServer) enter(conn net.Conn) {
	source := addrPort(conn.RemoteAddr()).Addr()
	if !p.sources.enter(source) {
		_ = conn.Close() // nothing was read from it or written to it
		return
	}
	for !p.gate.enter() {
		if !p.pause() {
			p.sources.leave(source)
			_ = conn.Close()
			return
		}
	}
	p.gate.accepted.Add(1)
	p.conns.Go(func() {
		defer p.gate.leave()
		defer p.sources.leave(source)
		p.serve(conn, source)
	})
}

// pause waits for room, which is made for nobody here: a goroutine's connection
// is not another's to close. ok is false when the server stops.
func (p *portableServer) pause() (ok bool) {
	p.gate.paused.Add(1)
	select {
	case <-time.After(acceptPause):
		return true
	case <-p.ctx.Done():
		return false
	}
}

// serve answers what comes on a connection, and closes it.
func (p *portableServer) serve(conn net.Conn, source netip.Addr) {
	c := &portableConn{Conn: conn, limits: p.limits, source: source, ctx: p.ctx}
	c.responder.handler = p.handler
	defer conn.Close() // whatever was to arrive has been sent
	defer context.AfterFunc(p.ctx, c.stop)()
	defer context.AfterFunc(p.force, func() { _ = conn.Close() })()
	switch c.converse() {
	case stepLinger:
		c.lingerOn()
	case stepStream:
		p.streamTo(p.force, conn, c.responder.out, c.responder.made.full)
	}
}

// portableConn is a connection with the memory for it.
type portableConn struct {
	net.Conn
	source    netip.Addr
	limits    limits
	responder responder
	in        [inSize]byte
	have      int // bytes of in that are the start of a request

	ctx  context.Context // done when the server stops
	mu   sync.Mutex      // guards what follows, and the read deadline
	idle bool            // nothing of a request has come
	used bool            // there has been a request
}

// converse answers requests until there is something else to do.
func (c *portableConn) converse() (next step) {
	deadline, kept := time.Now().Add(c.limits.head), false
	for c.await(deadline) {
		n, err := c.Read(c.in[c.have:])
		if err != nil {
			break
		}
		c.have += n
		c.mu.Lock()
		c.used = true
		c.mu.Unlock()
		answered, next, err := c.answer()
		if err != nil || next != stepReceive {
			return next
		}
		switch {
		case answered && c.have == 0:
			deadline, kept = time.Now().Add(c.limits.idle), true
		case answered, kept && c.have > 0:
			deadline, kept = time.Now().Add(c.limits.head), false
		}
	}
	return stepClose
}

// answer answers what has come in.
func (c *portableConn) answer() (answered bool, next step, err error) {
	r := &c.responder
	r.closing = c.ctx.Err() != nil
	for next = stepAnswer; next == stepAnswer; {
		r.now = r.tracker.Instant(time.Now())
		var n int
		n, next = r.respond(c.in[:c.have], c.source)
		c.have = copy(c.in[:], c.in[n:c.have])
		answered = answered || n > 0
		if next == stepStream || len(r.out) == 0 {
			continue
		}
		if err := send(c, r.out, c.limits.write); err != nil {
			return answered, stepClose, err
		}
		r.out = r.out[:0]
	}
	return answered, next, nil
}

// await makes ready for the next read. ok is false if the server stops and
// nothing of a request has come.
func (c *portableConn) await(deadline time.Time) (ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = c.have == 0
	if c.idle && c.ctx.Err() != nil {
		return c.leave() == nil
	}
	return c.SetReadDeadline(deadline) == nil
}

// stop ends the connection's wait for a request.
func (c *portableConn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.idle {
		_ = c.leave() // fails only if closed
	}
}

// leave ends the wait for a request, but for a moment in which whoever has just
// connected may send the first.
func (c *portableConn) leave() error {
	if c.used {
		return c.SetReadDeadline(time.Unix(1, 0))
	}
	return c.SetReadDeadline(time.Now().Add(c.limits.first))
}

// lingerOn lets the client read the last reply: closing would take it back
// while there is something unread from the client.
func (c *portableConn) lingerOn() {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		return
	}
	if c.SetReadDeadline(time.Now().Add(c.limits.linger)) != nil {
		return
	}
	for {
		if _, err := c.Read(c.in[:]); err != nil {
			return
		}
	}
}
