package memory

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"keeptrack/livesync/transport"
)

// queue is the number of packets that wait at a port before more are lost.
const queue = 512

// Port is a member's transport on a Network.
type Port struct {
	net      *Network
	number   uint64
	endpoint transport.Endpoint
	joined   time.Time
	in       chan packet
	lost     atomic.Uint64
	session  atomic.Uint64 // odd while the port is disconnected
	close    sync.Once
	closed   chan struct{}
}

// packet is a packet that has arrived. Receivers share data.
type packet struct {
	data    []byte
	from    transport.Endpoint
	foreign bool
}

var _ transport.Transport = (*Port)(nil)

func newPort(n *Network, number uint64, e transport.Endpoint) *Port {
	return &Port{net: n, number: number, endpoint: e, joined: time.Now(), in: make(chan packet, queue), closed: make(chan struct{})}
}

// Endpoint returns where the port can be reached.
func (p *Port) Endpoint() transport.Endpoint { return p.endpoint }

// Limits returns the network's.
func (p *Port) Limits() transport.Limits { return p.net.options.Limits }

// errDisconnected is why a port is down.
var errDisconnected = errors.New("disconnected")

// Disconnect cuts the port off: it cannot send, and what is under way to it is lost, as
// with a member of a group over NATS that loses its connection. Connect undoes it.
func (p *Port) Disconnect() {
	if p.isConnected() {
		p.session.Add(1)
	}
}

// Connect connects a port again.
func (p *Port) Connect() {
	if !p.isConnected() {
		p.session.Add(1)
	}
}

func (p *Port) isConnected() bool { return p.session.Load()%2 == 0 }

// State says whether the port is connected, since it joined: links are what fails otherwise.
func (p *Port) State() transport.State {
	s := transport.State{Since: p.joined, Rejoined: p.session.Load() / 2}
	if !p.isConnected() {
		s.Down = errDisconnected
	}
	return s
}

// Run waits until ctx is done or the port is closed, and closes it.
func (p *Port) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-p.closed:
	}
	return p.Close()
}

// Send sends b to a port or to all.
func (p *Port) Send(to transport.Endpoint, b []byte) error {
	if p.isClosed() {
		return net.ErrClosed
	}
	if !p.isConnected() {
		return fmt.Errorf("%w: %w", transport.ErrDown, errDisconnected)
	}
	p.net.send(p, to, b)
	return nil
}

func (p *Port) isClosed() bool {
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}

// deliver queues a packet that was sent in a session, unless that is over.
func (p *Port) deliver(arrived packet, session uint64) {
	if p.session.Load() != session || !p.isConnected() {
		return
	}
	select {
	case p.in <- arrived:
	default:
		p.lost.Add(1)
	}
}

// Receive waits for a packet.
func (p *Port) Receive(buf []byte) (int, transport.Endpoint, error) {
	var arrived packet
	select {
	case <-p.closed:
	case arrived = <-p.in:
	}
	switch {
	case p.isClosed():
		return 0, transport.Endpoint{}, net.ErrClosed
	case arrived.foreign:
		return copy(buf, arrived.data), arrived.from, transport.ErrForeign
	}
	return copy(buf, arrived.data), arrived.from, nil
}

// Lost returns the number of packets that found the port's queue full.
func (p *Port) Lost() uint64 { return p.lost.Load() }

// Close leaves the network.
func (p *Port) Close() error {
	p.close.Do(func() {
		close(p.closed)
		p.net.leave(p)
	})
	return nil
}
