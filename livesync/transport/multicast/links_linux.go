package multicast

import (
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// links hears from the kernel when interfaces and their IPv4 addresses change.
// See rtnetlink(7).
type links struct {
	socket *os.File
	// changed holds a token when something has changed since take was called.
	changed chan struct{}

	mu      sync.Mutex
	removed map[int]bool // indexes of interfaces removed since take was called
	missed  bool         // messages were lost since then: any interface may have been
}

// watchLinks begins to listen. What changes from now on is not missed.
func watchLinks() (*links, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	l := &links{socket: os.NewFile(uintptr(fd), "rtnetlink"), changed: make(chan struct{}, 1), removed: make(map[int]bool)}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR}); err != nil {
		l.socket.Close()
		return nil, os.NewSyscallError("bind", err)
	}
	return l, nil
}

// run takes in messages until the socket is closed.
func (l *links) run() {
	buf := make([]byte, 64<<10)
	for {
		n, err := l.socket.Read(buf)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if err != nil {
			n = 0 // ENOBUFS: more came than the socket could hold
		}
		l.note(buf[:n])
	}
}

// note takes in the messages of one datagram. What is no such datagram stands for
// messages that were lost.
func (l *links) note(datagram []byte) {
	removed, ok := removedLinks(datagram)
	l.mu.Lock()
	for _, index := range removed {
		l.removed[index] = true
	}
	l.missed = l.missed || !ok
	l.mu.Unlock()
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// take reports whether the interface may have been removed since the last call.
// One that was made again under the same index was, too.
func (l *links) take(index int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	gone := l.missed || l.removed[index]
	clear(l.removed)
	l.missed = false
	return gone
}

func (l *links) close() error { return l.socket.Close() }

// removedLinks returns the indexes of the interfaces that the messages of a
// datagram say are removed, or false if it holds no message that can be read. An
// interface that only leaves a bridge is announced in the same way, for another
// address family.
func removedLinks(datagram []byte) (indexes []int, ok bool) {
	messages, err := syscall.ParseNetlinkMessage(datagram)
	for i := range messages {
		// struct ifinfomsg: family, padding, type (2 bytes), index (4 bytes), …
		m := &messages[i]
		if m.Header.Type == unix.RTM_DELLINK && len(m.Data) >= unix.SizeofIfInfomsg && m.Data[0] == unix.AF_UNSPEC {
			indexes = append(indexes, int(int32(binary.NativeEndian.Uint32(m.Data[4:]))))
		}
	}
	return indexes, err == nil && len(messages) > 0
}
