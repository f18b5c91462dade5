//go:build linux

package main

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"keeptrack/tracker/bep15"
)

const (
	floorArgument = "--serve-floor"
	floorBatch    = 64
	floorPeers    = 30
	floorBuffer   = 8 << 20 // of the socket, in bytes
	floorPacket   = 2048
)

// floor is the memory of a server that answers at the least cost: one system call
// receives a batch, another one sends it back, and nothing is looked at but the action.
type floor struct {
	headers [floorBatch]unix.Mmsghdr
	vectors [floorBatch]unix.Iovec
	names   [floorBatch][unix.SizeofSockaddrInet6]byte
	packets [floorBatch][floorPacket]byte
}

// runFloor answers what comes to the addresses until the process is ended.
func runFloor(addresses []string) error {
	runtime.GOMAXPROCS(len(addresses) + 1) // the system calls are raw: each keeps its processor
	failed := make(chan error)
	for _, a := range addresses {
		go func() { failed <- serveFloor(a) }()
	}
	return <-failed
}

func serveFloor(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	family, size := unix.AF_INET6, floorPeers*18
	var bound unix.Sockaddr = &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}
	if at.Addr().Is4() {
		family, size = unix.AF_INET, floorPeers*6
		bound = &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, floorBuffer) // what the system grants
	if err := unix.Bind(fd, bound); err != nil {
		return err
	}
	f := new(floor)
	for i := range f.headers {
		h := &f.headers[i].Hdr
		f.vectors[i].Base, h.Iov, h.Name = &f.packets[i][0], &f.vectors[i], &f.names[i][0]
		h.SetIovlen(1)
	}
	for {
		if err := f.serve(fd, size); err != 0 && err != unix.EINTR {
			return err
		}
	}
}

// serve answers one batch, with peers of so many bytes.
func (f *floor) serve(fd, peers int) unix.Errno {
	for i := range f.headers {
		f.vectors[i].SetLen(floorPacket)
		f.headers[i].Hdr.Namelen = uint32(len(f.names[i]))
	}
	n, err := f.call(unix.SYS_RECVMMSG, fd, 0, floorBatch, unix.MSG_WAITFORONE)
	for i := range n {
		f.vectors[i].SetLen(floorReply(&f.packets[i], int(f.headers[i].Len), peers))
	}
	for sent := 0; sent < n && err == 0; {
		var more int
		more, err = f.call(unix.SYS_SENDMMSG, fd, sent, n, 0)
		sent += more
	}
	return err
}

// call is recvmmsg(2) or sendmmsg(2) with some of the headers.
func (f *floor) call(trap uintptr, fd, from, to int, flags uintptr) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(&f.headers[from])), uintptr(to-from), flags, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// floorReply makes a valid reply of the request in a packet and returns its size.
func floorReply(packet *[floorPacket]byte, size, peers int) int {
	if size < 16 {
		return 8
	}
	action := bep15.Action(binary.BigEndian.Uint32(packet[8:]))
	copy(packet[:8], packet[8:16]) // action and transaction
	switch action {
	case bep15.ActionConnect:
		return 16
	case bep15.ActionAnnounce:
		return bep15.AnnounceReplySize + peers
	}
	return 8 + (size-16)/20*12 // a scrape
}
