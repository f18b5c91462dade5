package multicast

import (
	"context"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// reuseAddress lets instances on one host share the port; every one of them
// gets every packet to the group. (SO_REUSEPORT would not do: to share with
// that, all must set it and run as one user.) It has to come before the bind.
func reuseAddress(fd int) error {
	return os.NewSyscallError("setsockopt SO_REUSEADDR", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
}

// joinedOnly takes only what this socket joined itself, not what reached the
// host because another process joined the same group on another interface.
func joinedOnly(fd int) error {
	return os.NewSyscallError("setsockopt IP_MULTICAST_ALL", unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0))
}

// reportDrops makes the kernel say with a packet how many it dropped before.
func reportDrops(fd int) error {
	return os.NewSyscallError("setsockopt SO_RXQ_OVFL", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1))
}

// listenReuse returns a socket bound to addr, which others may be bound to.
func listenReuse(addr netip.AddrPort) (*net.UDPConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if cerr := c.Control(func(fd uintptr) { err = reuseAddress(int(fd)) }); cerr != nil {
			return cerr
		}
		return err
	}}
	c, err := lc.ListenPacket(context.Background(), "udp4", addr.String())
	if err != nil {
		return nil, err
	}
	return c.(*net.UDPConn), nil
}

// granted returns the size in bytes of the receive buffer of c. The kernel
// doubles what it is asked for, to have room for its own bookkeeping, and
// reports the doubled figure; granted returns what a request would have said.
func granted(c *net.UDPConn) (int, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var size int
	cerr := raw.Control(func(fd uintptr) {
		size, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF)
	})
	if cerr != nil {
		return 0, cerr
	}
	return size / 2, os.NewSyscallError("getsockopt SO_RCVBUF", err)
}
