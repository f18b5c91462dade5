package udp

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"

	"keeptrack/tracker/bep15"
)

// controlSize has room for one packet info of either family.
const controlSize = 64

// ring is the memory of one worker's system calls: allocated once, and never
// moved or collected while the worker refers to it. The headers with pointers
// come first, so that the garbage collector looks no further.
type ring struct {
	in, out       [batchSize]unix.Mmsghdr
	inVec, outVec [batchSize]unix.Iovec
	datagrams     [batchSize]datagram // of in, with replies to be sent by outVec

	names    [batchSize][unix.SizeofSockaddrInet6]byte // IPv4 takes a part of it
	controls [batchSize][controlSize]byte
	packets  [batchSize][maxPacketSize]byte
	rooms    [batchSize][bep15.MaxReplySize]byte // for replies

	family     int  // unix.AF_INET or unix.AF_INET6
	packetInfo bool // the kernel tells the address that was asked
	received   int  // entries of in that the last receive has changed
}

func newRing(family int, packetInfo bool) *ring {
	r := &ring{family: family, packetInfo: packetInfo, received: batchSize}
	for i := range batchSize {
		r.inVec[i].Base = &r.packets[i][0]
		r.inVec[i].SetLen(maxPacketSize)
		r.in[i].Hdr.Iov = &r.inVec[i]
		r.in[i].Hdr.SetIovlen(1)
		r.in[i].Hdr.Name = &r.names[i][0]
		if packetInfo {
			r.in[i].Hdr.Control = &r.controls[i][0]
		}
		r.outVec[i].Base = &r.rooms[i][0]
		r.out[i].Hdr.SetIovlen(1)
		r.datagrams[i].room = r.rooms[i][:]
	}
	return r
}

// receive waits for datagrams and returns how many there are, at most
// batchSize. If it has to wait it calls idle first, unless that is nil. Once the
// socket is shut down it does not wait, and an entry may hold no datagram.
func (r *ring) receive(fd int, idle func()) (n int, err error) {
	r.ready()
	r.received, err = mmsg(unix.SYS_RECVMMSG, fd, r.in[:], unix.MSG_WAITFORONE, idle)
	return r.received, err
}

// receiveNow is receive without waiting: the error is EAGAIN if there are no datagrams.
func (r *ring) receiveNow(fd int) (n int, err error) {
	r.ready()
	r.received, err = mmsgNow(unix.SYS_RECVMMSG, fd, r.in[:])
	return r.received, err
}

// ready makes the headers ready that the last receive has changed.
func (r *ring) ready() {
	for i := range r.received {
		h := &r.in[i].Hdr
		h.Namelen = uint32(len(r.names[i]))
		if r.packetInfo {
			h.SetControllen(controlSize)
		}
	}
}

// batch returns the n datagrams received. They are good until the next receive.
func (r *ring) batch(n int) []datagram {
	for i := range n {
		d, in, name := &r.datagrams[i], &r.in[i], &r.names[i]
		d.packet = nil
		if in.Hdr.Namelen == 0 {
			continue
		}
		d.packet = r.packets[i][:in.Len]
		d.from.port = binary.BigEndian.Uint16(name[2:])
		if r.family == unix.AF_INET6 {
			d.from.addr = [16]byte(name[8:])
		} else {
			d.from.addr = mapped4([4]byte(name[4:]))
		}
	}
	return r.datagrams[:n]
}

// replies queues the replies to the n datagrams received, each from the address
// that was asked, and returns how many there are.
func (r *ring) replies(n int) (k int) {
	for i := range n {
		size := len(r.datagrams[i].reply)
		if size == 0 {
			continue
		}
		in, out := &r.in[i].Hdr, &r.out[k].Hdr
		out.Name, out.Namelen = in.Name, in.Namelen
		out.Iov = &r.outVec[i]
		r.outVec[i].SetLen(size)
		if r.packetInfo {
			out.Control, out.Controllen = in.Control, in.Controllen
			r.anyInterface(&r.controls[i])
		}
		k++
	}
	return k
}

// anyInterface takes the interface out of a packet info, so that the reply
// finds its own way and only its source address is set: hosts with several
// interfaces need not answer on the one that was asked. A link-local address
// means nothing without its interface.
func (r *ring) anyInterface(control *[controlSize]byte) {
	info := control[unix.CmsgLen(0):]
	if r.family == unix.AF_INET {
		clear(info[:4])
	} else if info[0] != 0xfe || info[1]&0xc0 != 0x80 {
		clear(info[16:unix.SizeofInet6Pktinfo])
	}
}

// send sends the first k replies and returns how many of them the system
// refused. One refused does not hold up the others.
func (r *ring) send(fd, k int) (refused int) {
	for done := 0; done < k; {
		n, err := mmsg(unix.SYS_SENDMMSG, fd, r.out[done:k], 0, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			refused++
			n = 1
		}
		done += n
	}
	return refused
}

// mmsg is recvmmsg(2) or sendmmsg(2). It first asks for what can be done without waiting.
// Only to wait does it make a system call as the runtime knows them, after calling idle,
// if any.
func mmsg(trap uintptr, fd int, headers []unix.Mmsghdr, flags uintptr, idle func()) (int, error) {
	n, err := mmsgNow(trap, fd, headers)
	if err != unix.EAGAIN {
		return n, err
	}
	if idle != nil {
		idle()
	}
	k, _, errno := unix.Syscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(headers))), uintptr(len(headers)), flags, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(k), nil
}

// mmsgNow is mmsg without waiting, for which the error is EAGAIN. What the headers point
// to is kept alive by the ring that they are part of.
//
// The runtime does not know of it, which would take the thread for a waiting one and move
// its processor to another. At full load that costs a tenth of the worker's time; the
// price is that a stop of the world waits for the end of a batch.
func mmsgNow(trap uintptr, fd int, headers []unix.Mmsghdr) (int, error) {
	n, _, errno := unix.RawSyscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(headers))), uintptr(len(headers)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
