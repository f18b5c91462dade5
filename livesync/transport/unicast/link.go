package unicast

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"keeptrack/livesync/transport"
	"keeptrack/livesync/transport/udpsocket"
)

// link is a socket that is used with all peers. Send and Receive take no lock: they
// look at the table, which Run replaces.
type link struct {
	options Options
	conn    *net.UDPConn
	port    uint16
	began   time.Time
	table   atomic.Pointer[table]
	drops   udpsocket.Drops
	unsent  atomic.Uint64
	id      atomic.Uint32 // in the last packet sent
	wake    chan struct{} // holds a token when the table may have to change
	doubt   atomic.Bool   // an address may be out of date

	mu       sync.Mutex // guards what follows; never held while names are looked up or packets sent
	peers    []*peer
	hosts    map[netip.AddrPort]*host // of all peers
	local    []netip.Addr             // this host's addresses
	looked   bool                     // names have been looked up
	saidDown bool                     // the log says that the link is down
	state    transport.State          // without Peers and Unsent
	isClosed bool
	closed   chan struct{} // closed when isClosed is set
}

var _ transport.Transport = (*link)(nil)

var errNowhere = errors.New("no peer has an address that is known")

func open(o Options) (*link, error) {
	at := &net.UDPAddr{Port: int(o.Listen.Port())}
	if o.Listen.Addr().IsValid() {
		at = net.UDPAddrFromAddrPort(o.Listen)
	}
	conn, err := net.ListenUDP(o.network(), at)
	if err != nil {
		return nil, err
	}
	granted, err := udpsocket.Prepare(conn)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	now := time.Now()
	l := &link{
		options: o, conn: conn, began: now, wake: make(chan struct{}, 1), closed: make(chan struct{}),
		port:  conn.LocalAddr().(*net.UDPAddr).AddrPort().Port(),
		state: transport.State{Since: now},
	}
	for _, p := range o.Peers {
		l.peers = append(l.peers, newPeer(p, now))
	}
	l.arrange(now)
	udpsocket.Listening(o.Log, granted).Stringer("address", conn.LocalAddr()).Int("peers", len(o.Peers)).
		Msg("live sync is listening")
	return l, nil
}

// Limits returns the largest packet that the options allow.
func (l *link) Limits() transport.Limits {
	return transport.Limits{MaxPacket: l.options.MaxPacket, ReorderWindow: ReorderWindow}
}

// Send sends p to a member, or to each peer but oneself. Of those, some may not be
// sent to: that is counted, and an error only if it is so for all.
func (l *link) Send(to transport.Endpoint, p []byte) error {
	l.sign(p)
	if to != transport.All {
		return l.write(p, to.Addr())
	}
	t := l.table.Load()
	if t.down != nil {
		return t.down
	}
	var failed error
	failures := 0
	for _, h := range t.all {
		err := l.write(p, h.addr)
		if h.note(err) {
			l.rouse(true)
		}
		if err != nil {
			failed = err
			failures++
		}
	}
	l.unsent.Add(uint64(failures))
	if failures > 0 && failures == len(t.all) {
		return failed
	}
	return nil
}

// write sends a packet to an address.
func (l *link) write(p []byte, to netip.AddrPort) error {
	_, err := l.conn.WriteToUDPAddrPort(p, to)
	if isOfAnother(err) { // what the system reports is about an earlier packet
		_, err = l.conn.WriteToUDPAddrPort(p, to)
	}
	return err
}

// isOfAnother reports whether an error is about a packet that was sent before: a host
// or router has answered that it did not arrive (ICMP). Some systems report that with
// the next packet sent or received, whatever that is.
func isOfAnother(err error) bool {
	for _, e := range []syscall.Errno{
		syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.EMSGSIZE,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// mostPassed bounds the packets that one Receive passes over, so that the caller keeps
// count of what they cost.
const mostPassed = 16

// Receive waits for a packet from a peer or, if the options say so, from anybody.
func (l *link) Receive(buf []byte) (int, transport.Endpoint, error) {
	for range mostPassed {
		n, oobn, _, from, err := l.conn.ReadMsgUDPAddrPort(buf, l.drops.Room())
		l.drops.Take(oobn)
		if isOfAnother(err) {
			continue
		}
		if err != nil {
			return 0, transport.Endpoint{}, err
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		h := l.table.Load().hosts[from]
		switch {
		case isProbe(buf[:n]):
			if h != nil {
				l.takeProbe(buf[:n], h, time.Since(l.began))
			}
			continue
		case h != nil:
			l.hear(h, buf[:n])
		default:
			l.rouse(true) // a peer may have moved
			if !l.options.Open {
				return n, transport.At(from), transport.ErrForeign
			}
		}
		return n, transport.At(from), nil
	}
	return 0, transport.Endpoint{}, transport.ErrForeign
}

// hear takes note of a packet from a host.
func (l *link) hear(h *host, p []byte) {
	if l.isSigned(p) {
		return
	}
	at := time.Since(l.began)
	l.meet(h, at)
	if h.hear(at, l.options.Silence) {
		l.rouse(false)
	}
}

// rouse has Run look at the table. Doubt has it look names up as well.
func (l *link) rouse(doubt bool) {
	if doubt && l.doubt.Swap(true) {
		return // it knows
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// State returns whether any peer can be sent to, and what is known of each.
func (l *link) State() transport.State { return l.stateAt(time.Now()) }

func (l *link) stateAt(now time.Time) transport.State {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.state
	s.Unsent = l.unsent.Load()
	for _, p := range l.peers {
		s.Peers = append(s.Peers, l.describe(p, now))
	}
	return s
}

// Lost returns the number of packets that the kernel dropped because the receive
// buffer was full, as of the last packet received.
func (l *link) Lost() uint64 { return l.drops.Lost() }

// Close closes the socket.
func (l *link) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isClosed {
		return nil
	}
	l.isClosed = true
	l.table.Store(&table{down: net.ErrClosed})
	close(l.closed)
	return l.conn.Close()
}

// setDown takes note of why no peer can be sent to, or, with nil, that one can. l.mu
// is held.
func (l *link) setDown(down error, now time.Time) {
	switch {
	case down != nil && l.looked && !l.saidDown:
		l.saidDown = true
		l.options.Log.Warn().Err(down).Msg("live sync is down until the name of a peer can be looked up")
	case down == nil && l.saidDown:
		l.saidDown = false
		l.state.Rejoined++
		l.options.Log.Info().Dur("down_ms", now.Sub(l.state.Since)).Msg("live sync can send again")
	}
	if (down == nil) != (l.state.Down == nil) {
		l.state.Since = now
	}
	l.state.Down = down
}

// downBy returns the error of Send while it is down for a reason.
func downBy(reason error) error { return fmt.Errorf("%w: %w", transport.ErrDown, reason) }
