package http

import (
	"net"
	nethttp "net/http"
	"sync"
	"sync/atomic"
)

// connections counts and bounds the connections of all listeners together.
type connections struct {
	slots   chan struct{} // holds one element a connection; nil without a bound
	open    atomic.Int64
	serving sync.WaitGroup // one for each connection's goroutine
}

// newConnections allows limit connections, or any number if limit is 0.
func newConnections(limit int) *connections {
	c := new(connections)
	if limit > 0 {
		c.slots = make(chan struct{}, limit)
	}
	return c
}

// changed is told by net/http of each connection's states. It hears of a new
// one before Serve can return, and of the end of each new one once.
func (c *connections) changed(_ net.Conn, state nethttp.ConnState) {
	switch state {
	case nethttp.StateNew:
		c.open.Add(1)
		c.serving.Add(1)
	case nethttp.StateClosed:
		if c.slots != nil {
			<-c.slots
		}
		c.open.Add(-1)
		c.serving.Done()
	}
}

// bound returns l so that its connections wait for a slot.
func (c *connections) bound(l net.Listener) net.Listener {
	if c.slots == nil {
		return l
	}
	return &boundListener{Listener: l, slots: c.slots, closed: make(chan struct{})}
}

// boundListener takes a slot for each connection that it returns. It does so
// after accepting, since a listener that waits for clients must not keep a slot
// from the others; so up to one connection a listener is open beyond the
// bound, unread.
type boundListener struct {
	net.Listener
	slots  chan<- struct{}
	close  sync.Once
	closed chan struct{}
}

// Accept returns the next connection once there is a slot for it.
func (l *boundListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	select {
	case l.slots <- struct{}{}:
		return conn, nil
	case <-l.closed:
		_ = conn.Close() // nothing was read from it or written to it
		return nil, net.ErrClosed
	}
}

// Close ends Accept. It may be called repeatedly.
func (l *boundListener) Close() error {
	l.close.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
