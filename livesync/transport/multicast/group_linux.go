package multicast

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"keeptrack/livesync/transport"
	"keeptrack/livesync/transport/udpsocket"
)

// group is a member of a multicast group. Several on one host can share the
// address, the port and the group.
//
// The receiving socket is bound to the group and lasts; it joins the group on
// whatever interface the configured name stands for. The sending socket is bound
// to that interface's address, and is replaced when that changes only: a new one
// may take a privilege that was given up since.
type group struct {
	options Options
	to      netip.AddrPort // the group's address
	links   *links
	in      *net.UDPConn    // bound to the group: the kernel keeps away what goes elsewhere
	drops   udpsocket.Drops // of in; Receive takes them
	granted int             // size of its receive buffer
	out     atomic.Pointer[sender]

	mu       sync.Mutex // guards what follows; never held while a packet is sent
	at       place      // where the group was joined last
	joined   bool       // it still is, for all that is known
	looked   time.Time  // when look was called last
	state    transport.State
	isClosed bool
	closed   chan struct{} // closed when isClosed is set
}

// sender is the sending socket.
type sender struct {
	conn *net.UDPConn // nobody reads it; nil before the first join
	from netip.Addr   // that it is bound to
	down error        // why it cannot be used now
}

var _ transport.Transport = (*group)(nil)

// open opens the sockets and joins the group. The receiving socket takes packets
// to this group and port that arrive on this interface and nothing else.
func open(o Options) (*group, error) {
	g := &group{options: o, to: netip.AddrPortFrom(o.Group, o.Port), closed: make(chan struct{})}
	var err error
	if g.links, err = watchLinks(); err != nil {
		return nil, fmt.Errorf("watch interfaces: %w", err)
	}
	if g.in, err = listenGroup(g.to); err != nil {
		return nil, errors.Join(fmt.Errorf("receive from %s: %w", g.to, err), g.links.close())
	}
	if g.granted, err = udpsocket.Prepare(g.in); err != nil {
		return nil, errors.Join(fmt.Errorf("receive from %s: %w", g.to, err), g.in.Close(), g.links.close())
	}
	g.out.Store(&sender{down: errNotJoined})
	if err := g.joinFirst(); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return g, nil
}

// joinFirst joins the group for the first time. An interface that is set down is
// waited for, as one that goes down later is.
func (g *group) joinFirst() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.state.Since = now
	at, err := g.options.find(netip.Addr{})
	if errors.Is(err, errNotUp) {
		g.goDown(err, now)
		return nil
	}
	if err != nil {
		return err
	}
	if err := g.join(at); err != nil {
		return err
	}
	g.logJoined()
	return nil
}

// Limits returns the largest packet that the options allow.
func (g *group) Limits() transport.Limits { return g.options.limits() }

// Send sends p to the group, with a TTL of 1, whoever it is for: the port may be
// shared by several instances, and nobody reads the sending socket.
func (g *group) Send(_ transport.Endpoint, p []byte) error {
	for {
		s := g.out.Load()
		if s.down != nil {
			return s.down
		}
		_, err := s.conn.WriteToUDPAddrPort(p, g.to)
		if err == nil {
			return nil
		}
		// The interface may have gone or changed, which is logged and counted in
		// one place.
		if g.look(lookSpacing); g.out.Load() == s {
			return err
		}
	}
}

// Receive waits for a packet to the group.
func (g *group) Receive(buf []byte) (int, transport.Endpoint, error) {
	n, oobn, _, from, err := g.in.ReadMsgUDPAddrPort(buf, g.drops.Room())
	g.drops.Take(oobn)
	if err == nil && !g.options.trusts(from.Addr()) {
		err = transport.ErrForeign
	}
	return n, transport.At(from), err
}

// State returns whether the group is joined.
func (g *group) State() transport.State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state
}

// Lost returns the number of packets that the kernel dropped because the
// receive buffer was full, as of the last packet received.
func (g *group) Lost() uint64 { return g.drops.Lost() }

// Close leaves the group and closes the sockets.
func (g *group) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.isClosed {
		return nil
	}
	g.isClosed = true
	close(g.closed)
	return errors.Join(g.replaceSender(&sender{down: net.ErrClosed}), g.in.Close(), g.links.close())
}

// replaceSender puts another sender in the place of the present one, and closes
// that one's socket unless they have it in common. g.mu is held.
func (g *group) replaceSender(s *sender) error {
	if old := g.out.Swap(s); old.conn != nil && old.conn != s.conn {
		return old.conn.Close()
	}
	return nil
}

// logJoined says where the group is joined and how large a receive buffer the
// kernel granted.
func (g *group) logJoined() {
	udpsocket.Listening(g.options.Log, g.granted).Str("interface", g.at.name).Stringer("group", g.to).
		Stringer("from", netip.AddrPortFrom(g.at.from, g.options.Port)).Msg("live sync is listening")
	g.logOthers()
}

// logOthers says that the address to send from was chosen among several: the
// other instances have to have it in their nodes.
func (g *group) logOthers() {
	if others := g.options.others(g.at); len(others) > 0 {
		g.options.Log.Warn().Str("interface", g.at.name).Stringer("from", g.at.from).Strs("others", others).
			Msg("the live sync interface has several addresses: name one in livesync.interface, unless the other instances expect this one")
	}
}
