package bench

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// batchSize is the most datagrams received by one system call.
const batchSize = 64

// batch is the memory for sending and receiving many datagrams with one system
// call on connected sockets. It is allocated once and not moved while the
// kernel writes to it.
type batch struct {
	in     [batchSize]unix.Mmsghdr
	inVec  [batchSize]unix.Iovec
	out    [groupSize]unix.Mmsghdr
	outVec [groupSize]unix.Iovec
	data   [batchSize][maxDatagram]byte
}

func newBatch() *batch {
	b := new(batch)
	for i := range b.in {
		b.inVec[i].Base = &b.data[i][0]
		b.inVec[i].SetLen(maxDatagram)
		b.in[i].Hdr.Iov = &b.inVec[i]
		b.in[i].Hdr.SetIovlen(1)
	}
	for i := range b.out {
		b.out[i].Hdr.Iov = &b.outVec[i]
		b.out[i].Hdr.SetIovlen(1)
	}
	return b
}

// send sends packets, none of them empty, at most groupSize, and returns how
// many were taken. What is refused for another reason than full buffers counts
// as taken and lost on the way.
func (b *batch) send(fd int, packets [][]byte) int {
	for i, p := range packets {
		b.outVec[i].Base = &p[0]
		b.outVec[i].SetLen(len(p))
	}
	sent := 0
	for sent < len(packets) {
		n, err := mmsg(unix.SYS_SENDMMSG, fd, b.out[sent:len(packets)])
		switch err {
		case 0:
			sent += n
		case unix.EINTR:
		case unix.EAGAIN, unix.ENOBUFS:
			return sent
		default:
			sent++
		}
	}
	return sent
}

// receive calls arrive for each datagram that has come, up to batchSize.
func (b *batch) receive(fd int, arrive func(data []byte)) {
	n, err := mmsg(unix.SYS_RECVMMSG, fd, b.in[:])
	if err != 0 {
		return // nothing there after all, or word of a packet that nobody took
	}
	for i := range n {
		arrive(b.data[i][:b.in[i].Len])
	}
}

// mmsg is recvmmsg(2) or sendmmsg(2) without waiting. What the headers point to
// is kept alive by the batch that they are part of.
func mmsg(trap uintptr, fd int, headers []unix.Mmsghdr) (int, unix.Errno) {
	n, _, errno := unix.Syscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(headers))),
		uintptr(len(headers)), unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}
