package multicast

import (
	"errors"
	"net"
	"net/netip"
	"os"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// listenGroup opens the receiving socket, which has not joined the group yet. The net package would bind it to the
// wildcard address, where it took other groups' and unicast packets as well;
// bound to the group, those are left for whom they are meant.
func listenGroup(group netip.AddrPort) (*net.UDPConn, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), "livesync")
	defer f.Close() // FilePacketConn works on a duplicate
	for _, set := range []func(int) error{reuseAddress, joinedOnly} {
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
	return c.(*net.UDPConn), nil
}

// joinGroup joins a group on the interface with an index.
func joinGroup(c *net.UDPConn, group netip.AddrPort, index int) error {
	return ipv4.NewPacketConn(c).JoinGroup(&net.Interface{Index: index}, &net.UDPAddr{IP: group.Addr().AsSlice()})
}

// leaveGroup undoes joinGroup.
func leaveGroup(c *net.UDPConn, group netip.AddrPort, index int) error {
	return ipv4.NewPacketConn(c).LeaveGroup(&net.Interface{Index: index}, &net.UDPAddr{IP: group.Addr().AsSlice()})
}

// sendOn makes packets leave by the interface with an index.
func sendOn(c *net.UDPConn, index int) error {
	return ipv4.NewPacketConn(c).SetMulticastInterface(&net.Interface{Index: index})
}

// openSender opens the sending socket, for the interface with an index.
func openSender(index int, from netip.AddrPort, loopback bool) (*net.UDPConn, error) {
	conn, err := listenReuse(from)
	if err != nil {
		return nil, err
	}
	p := ipv4.NewPacketConn(conn)
	for _, set := range []func() error{
		func() error { return sendOn(conn, index) },
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
