package memory

import (
	"context"
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

// State says that the port is up: links are what fails.
func (p *Port) State() transport.State { return transport.State{Since: p.joined} }

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

// deliver queues a packet.
func (p *Port) deliver(arrived packet) {
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
