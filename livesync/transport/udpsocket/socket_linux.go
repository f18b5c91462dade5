package udpsocket

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Drops counts the packets that the kernel dropped because a socket's receive
// buffer was full. The zero value is ready.
type Drops struct {
	oob  [64]byte // room for the kernel's counter
	last uint32   // the counter, last seen
	lost atomic.Uint64
}

// Room returns where the control messages of the next packet go. One goroutine at a
// time uses Room and Take.
func (d *Drops) Room() []byte { return d.oob[:] }

// Take takes the counter from the first n bytes of control messages.
func (d *Drops) Take(n int) {
	for oob := d.oob[:n]; len(oob) > 0; {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return
		}
		if h.Level == unix.SOL_SOCKET && h.Type == unix.SO_RXQ_OVFL && len(data) >= 4 {
			drops := binary.NativeEndian.Uint32(data)
			d.lost.Add(uint64(drops - d.last))
			d.last = drops
		}
		oob = rest
	}
}

// Lost returns the number of packets dropped, as of the last packet received. Any
// goroutine may call it.
func (d *Drops) Lost() uint64 { return d.lost.Load() }

// Prepare asks for a large receive buffer and for the counter of dropped packets,
// and returns the size in bytes of the buffer granted. The kernel doubles what it is
// asked for, to have room for its own bookkeeping, and reports the doubled figure;
// granted is what a request would have said.
func Prepare(c *net.UDPConn) (granted int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	cerr := raw.Control(func(fd uintptr) {
		granted, err = prepare(int(fd))
	})
	return granted, errors.Join(cerr, err)
}

func prepare(fd int) (granted int, err error) {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1); err != nil {
		return 0, os.NewSyscallError("setsockopt SO_RXQ_OVFL", err)
	}
	// The first goes past the system's limit, which takes a privilege.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, ReceiveBuffer) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, ReceiveBuffer); err != nil {
			return 0, os.NewSyscallError("setsockopt SO_RCVBUF", err)
		}
	}
	size, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	return size / 2, os.NewSyscallError("getsockopt SO_RCVBUF", err)
}
