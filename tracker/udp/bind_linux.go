package udp

import (
	"net"
	"net/netip"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// openSockets is the opener for this system.
var openSockets opener = openMmsg

// openMmsg opens a socket for each worker. The first is bound alone, which
// fails if anything else is bound to the address; only then are the others let
// in beside it.
func openMmsg(o socketOptions) ([]socket, error) {
	if o.passed != nil {
		return openPassed(o)
	}
	var sockets []socket
	for len(sockets) < o.workers {
		s, err := newMmsgSocket(o, len(sockets) > 0)
		if err != nil {
			_ = closeAll(sockets) // the error to report is the one that came first
			return nil, err
		}
		o.addr = s.bound // port 0 is the same port for all
		sockets = append(sockets, s)
	}
	logReceiveBuffer(sockets[0].(*mmsgSocket).fd, o)
	return sockets, nil
}

func newMmsgSocket(o socketOptions, shared bool) (_ *mmsgSocket, err error) {
	family := unix.AF_INET6
	if o.addr.Addr().Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd) // never used
		}
	}()
	if family == unix.AF_INET6 {
		if err := set(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return nil, err
		}
	}
	if err := prepare(fd, family, o); err != nil {
		return nil, err
	}
	bound, err := bind(fd, o.addr, shared)
	if err != nil {
		return nil, err
	}
	return o.socket(fd, family, bound), nil
}

// prepare sets what a socket needs whoever has bound it.
func prepare(fd, family int, o socketOptions) error {
	if o.addr.Addr().IsUnspecified() {
		if err := askForPacketInfo(fd, family); err != nil {
			return err
		}
	}
	if o.receiveBuffer > 0 {
		return setReceiveBuffer(fd, o.receiveBuffer)
	}
	return nil
}

// socket returns the socket with a descriptor that is bound and prepared.
func (o *socketOptions) socket(fd, family int, bound netip.AddrPort) *mmsgSocket {
	return &mmsgSocket{bound: bound, fd: fd, delay: o.batchDelay,
		ring: newRing(family, bound.Addr().IsUnspecified())}
}

// askForPacketInfo has the kernel tell the address that each datagram was sent
// to.
func askForPacketInfo(fd, family int) error {
	if family == unix.AF_INET {
		return set(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	}
	return set(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
}

// bind binds the descriptor, beside others if shared, lets others in beside it
// from then on, and returns the address.
func bind(fd int, addr netip.AddrPort, shared bool) (netip.AddrPort, error) {
	sa, err := sockaddr(addr)
	if err != nil {
		return addr, err
	}
	if shared {
		if err := set(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return addr, err
		}
	}
	if err := unix.Bind(fd, sa); err != nil {
		return addr, os.NewSyscallError("bind", err)
	}
	if err := set(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return addr, err
	}
	port, err := boundPort(fd)
	return netip.AddrPortFrom(addr.Addr(), port), err
}

// boundPort returns the port that the descriptor is bound to.
func boundPort(fd int) (uint16, error) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	if sa, ok := sa.(*unix.SockaddrInet4); ok {
		return uint16(sa.Port), nil
	}
	return uint16(sa.(*unix.SockaddrInet6).Port), nil
}

// sockaddr returns addr as the system takes it.
func sockaddr(addr netip.AddrPort) (unix.Sockaddr, error) {
	a := addr.Addr()
	if a.Is4() {
		return &unix.SockaddrInet4{Port: int(addr.Port()), Addr: a.As4()}, nil
	}
	zone, err := zoneIndex(a.Zone())
	return &unix.SockaddrInet6{Port: int(addr.Port()), Addr: a.As16(), ZoneId: zone}, err
}

// zoneIndex returns the interface that a zone names, by its number or name; 0
// for no zone.
func zoneIndex(zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	if index, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(index), nil
	}
	itf, err := net.InterfaceByName(zone)
	if err != nil {
		return 0, err
	}
	return uint32(itf.Index), nil
}

// set sets a socket option.
func set(fd, level, option, value int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, level, option, value))
}
