package multicast

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"keeptrack/livesync/transport"
)

// group is a member of a multicast group. Several on one host can share the
// address, the port and the group.
type group struct {
	options Options
	to      netip.AddrPort // the group's address
	in      *net.UDPConn   // bound to the group: the kernel keeps away what goes elsewhere
	out     *net.UDPConn   // bound to the interface's address; nobody reads it
	oob     [64]byte       // room for the kernel's drop counter; Receive's
	drops   uint32         // the kernel's drop counter, last seen; Receive's
	lost    atomic.Uint64
	close   sync.Once
	closed  chan struct{}
}

var _ transport.Transport = (*group)(nil)

// open opens the two sockets and joins the group. The receiving socket takes
// packets to this group and port that arrive on this interface and nothing else.
func open(o Options) (*group, error) {
	ifi, addr, err := findInterface(o.Interface)
	if err != nil {
		return nil, err
	}
	g := &group{options: o, to: netip.AddrPortFrom(o.Group, o.Port), closed: make(chan struct{})}
	if g.in, err = listenGroup(ifi, g.to); err != nil {
		return nil, fmt.Errorf("receive from %s on %s: %w", g.to, ifi.Name, err)
	}
	from := netip.AddrPortFrom(addr, o.Port)
	if g.out, err = openSender(ifi, from, o.Loopback); err != nil {
		return nil, errors.Join(fmt.Errorf("send from %s on %s: %w", from, ifi.Name, err), g.in.Close())
	}
	if err := g.logBuffer(ifi, from); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return g, nil
}

// Limits returns the largest packet that the options allow.
func (g *group) Limits() transport.Limits { return g.options.limits() }

// Run waits until ctx is done or the group is closed, and closes it.
func (g *group) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-g.closed:
	}
	return g.Close()
}

// Send sends p to the group, with a TTL of 1, whoever it is for: the port may be
// shared by several instances, and nobody reads the sending socket.
func (g *group) Send(_ transport.Endpoint, p []byte) error {
	_, err := g.out.WriteToUDPAddrPort(p, g.to)
	return err
}

// Receive waits for a packet to the group.
func (g *group) Receive(buf []byte) (int, transport.Endpoint, error) {
	n, oobn, _, from, err := g.in.ReadMsgUDPAddrPort(buf, g.oob[:])
	if oobn > 0 {
		g.countLost(g.oob[:oobn])
	}
	if err == nil && !g.options.trusts(from.Addr()) {
		err = transport.ErrForeign
	}
	return n, transport.At(from), err
}

// Lost returns the number of packets that the kernel dropped because the
// receive buffer was full, as of the last packet received.
func (g *group) Lost() uint64 { return g.lost.Load() }

// Close leaves the group and closes both sockets.
func (g *group) Close() (err error) {
	g.close.Do(func() {
		close(g.closed)
		err = errors.Join(g.in.Close(), g.out.Close())
	})
	return err
}

// countLost takes the kernel's drop counter from a control message (SO_RXQ_OVFL).
func (g *group) countLost(oob []byte) {
	for len(oob) > 0 {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return
		}
		if h.Level == unix.SOL_SOCKET && h.Type == unix.SO_RXQ_OVFL && len(data) >= 4 {
			drops := binary.NativeEndian.Uint32(data)
			g.lost.Add(uint64(drops - g.drops))
			g.drops = drops
		}
		oob = rest
	}
}

// logBuffer says how large a receive buffer the kernel granted.
func (g *group) logBuffer(ifi *net.Interface, from netip.AddrPort) error {
	granted, err := granted(g.in)
	if err != nil {
		return fmt.Errorf("receive buffer: %w", err)
	}
	event := g.options.Log.Info()
	if granted < receiveBuffer {
		event = g.options.Log.Warn().Str("hint", fmt.Sprintf("sysctl -w net.core.rmem_max=%d", receiveBuffer))
	}
	event.Str("interface", ifi.Name).Stringer("group", g.to).Stringer("from", from).
		Int("receive_buffer", granted).Msg("live sync is listening")
	return nil
}
