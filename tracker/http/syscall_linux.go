package http

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Go's scheduler is not told of these system calls: they do not wait, or not
// for long. To tell it would cost more than most of them, above all where it
// then moves the worker to another thread.

// peerName is where the system writes whose connection was accepted.
type peerName struct {
	addr unix.RawSockaddrInet6 // IPv4 takes a part of it
	size uint32
}

// source returns the address, which is invalid on a unix socket.
func (p *peerName) source() netip.Addr {
	switch p.addr.Family {
	case unix.AF_INET:
		return netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(&p.addr)).Addr)
	case unix.AF_INET6:
		return netip.AddrFrom16(p.addr.Addr)
	}
	return netip.Addr{}
}

// accept takes a connection from a listener. It is not to block either.
func accept(listener int, name *peerName) (fd int, errno unix.Errno) {
	name.size = unix.SizeofSockaddrInet6
	r, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(listener), uintptr(unsafe.Pointer(&name.addr)),
		uintptr(unsafe.Pointer(&name.size)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	return int(r), errno
}

// connectionWaits tells whether there is a connection to accept. When descriptors
// have run out, accepting does not tell: the system looks for a descriptor first.
// This is rare enough for Go's scheduler to be told.
func connectionWaits(listener int) bool {
	n, _ := unix.Poll([]unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}, 0)
	return n > 0
}

// receive reads what has come, which is nothing at the end of what the client
// sends.
func receive(fd int, p []byte) (n int, errno unix.Errno) {
	r, _, errno := unix.RawSyscall(unix.SYS_READ,
		uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if errno != 0 {
		return 0, errno
	}
	return int(r), 0
}

// transmit writes as much of p as there is room for and returns the rest. The
// last of it waits for what follows if more is to come, even if that is only
// the end of the connection: both then go in one packet.
func transmit(fd int, p []byte, more bool) (rest []byte, errno unix.Errno) {
	flags := uintptr(unix.MSG_NOSIGNAL)
	if more {
		flags |= unix.MSG_MORE
	}
	r, _, errno := unix.RawSyscall6(unix.SYS_SENDTO,
		uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
	switch errno {
	case 0:
		return p[r:], 0
	case unix.EAGAIN:
		return p, 0
	}
	return p, errno
}

// closeDescriptor closes fd. Nothing can be done about an error.
func closeDescriptor(fd int) { _, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// pollEvents takes what events there are.
func pollEvents(poll int, events []unix.EpollEvent) (n int) {
	r, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT,
		uintptr(poll), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(r)
}
