package livesync

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"

	"github.com/rs/zerolog"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// receiveBuffer is the size of the receiving socket's buffer that is asked of
// the system, in bytes: room for a burst of 8,000 small packets.
const receiveBuffer = 8 << 20

// Multicast carries packets by UDP multicast on one interface. Several on one
// host can share the address, the port and the group.
type Multicast struct {
	group netip.AddrPort
	in    *net.UDPConn // bound to the group: the kernel keeps away what goes elsewhere
	out   *net.UDPConn // bound to the interface's address; nobody reads it
	oob   [64]byte     // room for the kernel's drop counter; Receive's
	drops uint32       // the kernel's drop counter, last seen; Receive's
	lost  atomic.Uint64
}

var _ Transport = (*Multicast)(nil)

// ListenMulticast opens the two sockets and joins the group. The receiving
// socket takes packets to this group and port that arrive on this interface
// and nothing else.
func ListenMulticast(o MulticastOptions) (*Multicast, error) {
	if !o.Group.Is4() || !o.Group.IsMulticast() || o.Port == 0 {
		return nil, fmt.Errorf("live sync: %s port %d is no IPv4 multicast group", o.Group, o.Port)
	}
	ifi, addr, err := findInterface(o.Interface)
	if err != nil {
		return nil, fmt.Errorf("live sync: %w", err)
	}
	m := &Multicast{group: netip.AddrPortFrom(o.Group, o.Port)}
	if m.in, err = listenGroup(ifi, m.group); err != nil {
		return nil, fmt.Errorf("live sync: receive from %s on %s: %w", m.group, ifi.Name, err)
	}
	from := netip.AddrPortFrom(addr, o.Port)
	if m.out, err = openSender(ifi, from, o.Loopback); err != nil {
		return nil, errors.Join(fmt.Errorf("live sync: send from %s on %s: %w", from, ifi.Name, err), m.in.Close())
	}
	if err := m.logBuffer(ifi, from, o.Log); err != nil {
		return nil, errors.Join(fmt.Errorf("live sync: %w", err), m.Close())
	}
	return m, nil
}

// Send sends p to the group, with a TTL of 1.
func (m *Multicast) Send(p []byte) error {
	_, err := m.out.WriteToUDPAddrPort(p, m.group)
	return err
}

// Receive waits for a packet to the group.
func (m *Multicast) Receive(buf []byte) (int, netip.AddrPort, error) {
	n, oobn, _, from, err := m.in.ReadMsgUDPAddrPort(buf, m.oob[:])
	if oobn > 0 {
		m.countLost(m.oob[:oobn])
	}
	return n, from, err
}

// Lost returns the number of packets that the kernel dropped because the
// receive buffer was full, as of the last packet received.
func (m *Multicast) Lost() uint64 { return m.lost.Load() }

// Close closes both sockets.
func (m *Multicast) Close() error {
	return errors.Join(closeConn(m.in), closeConn(m.out))
}

func closeConn(c *net.UDPConn) error {
	if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// countLost takes the kernel's drop counter from a control message (SO_RXQ_OVFL).
func (m *Multicast) countLost(oob []byte) {
	for len(oob) > 0 {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return
		}
		if h.Level == unix.SOL_SOCKET && h.Type == unix.SO_RXQ_OVFL && len(data) >= 4 {
			drops := binary.NativeEndian.Uint32(data)
			m.lost.Add(uint64(drops - m.drops))
			m.drops = drops
		}
		oob = rest
	}
}

// logBuffer says how large a receive buffer the kernel granted.
func (m *Multicast) logBuffer(ifi *net.Interface, from netip.AddrPort, log zerolog.Logger) error {
	granted, err := granted(m.in)
	if err != nil {
		return fmt.Errorf("receive buffer: %w", err)
	}
	event := log.Info()
	if granted < receiveBuffer {
		event = log.Warn().Str("hint", "raise net.core.rmem_max")
	}
	event.Str("interface", ifi.Name).Stringer("group", m.group).Stringer("from", from).
		Int("receive_buffer", granted).Msg("live sync is listening")
	return nil
}

// listenGroup opens the receiving socket. The net package would bind it to the
// wildcard address, where it took other groups' and unicast packets as well;
// bound to the group, those are left for whom they are meant.
func listenGroup(ifi *net.Interface, group netip.AddrPort) (*net.UDPConn, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), "livesync")
	defer f.Close() // FilePacketConn works on a duplicate
	for _, set := range []func(int) error{reuseAddress, joinedOnly, reportDrops} {
		if err := set(fd); err != nil {
			return nil, err
		}
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: group.Addr().As4(), Port: int(group.Port())}); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	c, err := net.FilePacketConn(f)
	if err != nil {
		return nil, err
	}
	conn := c.(*net.UDPConn)
	err = ipv4.NewPacketConn(conn).JoinGroup(ifi, &net.UDPAddr{IP: group.Addr().AsSlice()})
	// The first goes past the system's limit, which takes a privilege.
	if err == nil && unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		err = conn.SetReadBuffer(receiveBuffer)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// openSender opens the sending socket.
func openSender(ifi *net.Interface, from netip.AddrPort, loopback bool) (*net.UDPConn, error) {
	conn, err := listenReuse(from)
	if err != nil {
		return nil, err
	}
	p := ipv4.NewPacketConn(conn)
	for _, set := range []func() error{
		func() error { return p.SetMulticastInterface(ifi) },
		func() error { return p.SetMulticastTTL(1) },
		func() error { return p.SetMulticastLoopback(loopback) },
		func() error { return conn.SetReadBuffer(1) }, // the least there is: nobody reads it
	} {
		if err := set(); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}
