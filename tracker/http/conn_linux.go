package http

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// conn is an open connection. Most are answered and closed as soon as they are
// accepted, so what the others need is made when it is needed.
type conn struct {
	fd       int
	source   netip.Addr
	phase    phase
	interest uint32 // the events that it is watched for; 0: not watched

	in   []byte // what came of requests that are not answered
	out  []byte // what the client has not taken of replies
	then step   // what comes after them

	deadline   int64 // of the phase, in nanoseconds since the worker's start
	prev, next *conn // in the phase's queue, or next in the free list
}

// resume goes on with a connection that an event is about.
func (w *worker) resume(c *conn) {
	switch c.phase {
	case phaseWrite:
		w.flush(c)
	case phaseLinger:
		w.discard(c)
	default:
		w.receive(c)
	}
}

// receive answers what has come on a connection.
func (w *worker) receive(c *conn) {
	have := copy(w.in[:], c.in)
	n, errno := receive(c.fd, w.in[have:])
	switch {
	case errno == unix.EAGAIN:
		if c.phase == phaseNone {
			w.await(c, phaseHead, unix.EPOLLIN)
		}
	case errno != 0 || n == 0:
		w.close(c)
	default:
		w.proceed(c, w.in[:have+n], stepAnswer)
	}
}

// flush sends what a client has not taken.
func (w *worker) flush(c *conn) {
	rest, errno := transmit(c.fd, c.out, c.then.last())
	c.out = rest
	switch {
	case errno != 0:
		w.close(c)
	case len(rest) == 0:
		n := copy(w.in[:], c.in)
		c.in, c.out = nil, nil
		w.enter(c, phaseNone)
		w.proceed(c, w.in[:n], c.then)
	}
}

// discard takes what a client sends that is not read any more.
func (w *worker) discard(c *conn) {
	if n, errno := receive(c.fd, w.in[:]); n == 0 && errno != unix.EAGAIN {
		w.close(c)
	}
}

// proceed does what is next on a connection, of which in has come and is not
// answered.
func (w *worker) proceed(c *conn, in []byte, next step) {
	for next == stepAnswer {
		var n int
		n, next = w.responder.respond(in, c.source)
		in = in[n:]
		if n > 0 {
			w.enter(c, phaseNone)
		}
		if next == stepStream {
			w.handOver(c)
			return
		}
		if !w.send(c, in, next) {
			return
		}
	}
	switch next {
	case stepReceive:
		w.keep(c, in)
	case stepLinger:
		_ = unix.Shutdown(c.fd, unix.SHUT_WR) // fails only if the client has gone
		w.await(c, phaseLinger, unix.EPOLLIN)
	default:
		w.close(c)
	}
}

// send sends what the responder has written, and returns whether all of it is
// sent. If not, the connection proceeds with in and next when it is, unless it
// had to be closed.
func (w *worker) send(c *conn, in []byte, next step) (sent bool) {
	out := w.responder.out
	if len(out) == 0 {
		return true
	}
	w.responder.out = out[:0]
	rest, errno := transmit(c.fd, out, next.last())
	switch {
	case errno != 0:
		w.close(c)
	case len(rest) > 0:
		c.in, c.out, c.then = slices.Clone(in), slices.Clone(rest), next
		w.await(c, phaseWrite, unix.EPOLLOUT)
	default:
		return true
	}
	return false
}

// keep waits for a request, of which in has come.
func (w *worker) keep(c *conn, in []byte) {
	c.in = append(c.in[:0], in...)
	switch {
	case len(in) == 0:
		c.in = nil // idle connections cost no buffer
		w.await(c, phaseIdle, unix.EPOLLIN)
	case c.phase != phaseHead:
		w.await(c, phaseHead, unix.EPOLLIN)
	}
}

// handOver has a goroutine of its own send a full scrape, of which the start
// has been answered.
func (w *worker) handOver(c *conn) {
	start, full, fd := slices.Clone(w.responder.out), w.responder.made.full, c.fd
	w.responder.out = w.responder.out[:0]
	if c.interest != 0 {
		_ = unix.EpollCtl(w.poll, unix.EPOLL_CTL_DEL, fd, nil) // fails only if not watched
	}
	source := c.source
	w.release(c)
	w.streams.Go(func() {
		defer w.gate.leave()
		defer w.sources.leave(source)
		file := os.NewFile(uintptr(fd), "")
		stream, err := net.FileConn(file)
		_ = file.Close() // FileConn has made a copy
		if err != nil {
			w.handler.fullScrapes.leave(full.scraper)
			w.handler.log.Debug().Err(err).Msg("http full scrape")
			return
		}
		// The one that is second to close has nothing left to do.
		defer stream.Close()
		defer context.AfterFunc(w.forced, func() { _ = stream.Close() })()
		// The client has gone or is too slow, which is its own concern.
		_ = w.handler.stream(stream, start, full, w.timeouts.write)
	})
}

// await has a connection wait for an event.
func (w *worker) await(c *conn, p phase, event uint32) {
	w.enter(c, p)
	if c.interest == event {
		return
	}
	op := unix.EPOLL_CTL_MOD
	if c.interest == 0 {
		op = unix.EPOLL_CTL_ADD
		if c.fd >= len(w.conns) {
			w.conns = slices.Grow(w.conns, c.fd+1-len(w.conns))[:c.fd+1]
		}
		w.conns[c.fd] = c
	}
	c.interest = event
	if err := unix.EpollCtl(w.poll, op, c.fd, &unix.EpollEvent{Events: event, Fd: int32(c.fd)}); err != nil {
		w.close(c) // the system is out of memory for it
	}
}

// enter puts a connection at the end of a phase's queue.
func (w *worker) enter(c *conn, p phase) {
	if c.phase != phaseNone {
		w.queues[c.phase].remove(c)
	}
	c.phase = p
	if p != phaseNone {
		w.queues[p].push(c, w.now)
	}
}

// open returns a connection that was accepted.
func (w *worker) open(fd int, source netip.Addr) *conn {
	c := w.free
	if c == nil {
		c = new(conn)
	} else {
		w.free = c.next
	}
	*c = conn{fd: fd, source: source}
	w.opened++
	return c
}

// close closes a connection.
func (w *worker) close(c *conn) {
	closeDescriptor(c.fd) // which ends its events too
	w.sources.leave(c.source)
	w.release(c)
	w.gate.leave()
	if !w.accepting {
		w.acceptAt = w.now // there is room now
	}
}

// release forgets a connection.
func (w *worker) release(c *conn) {
	w.enter(c, phaseNone)
	if c.interest != 0 {
		w.conns[c.fd] = nil
	}
	*c = conn{fd: -1, next: w.free}
	w.free = c
	w.opened--
}
