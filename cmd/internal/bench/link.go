package bench

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"time"
)

// link is a set of numbered sockets to one tracker. It is used by one
// goroutine.
type link interface {
	// open opens socket i, which is closed, and begins to connect it. How that
	// ends may show only in send or receive.
	open(i int) error
	// send sends packets on socket i and returns how many the system took; it
	// takes less while buffers are full. The packets must stay as they are
	// until an answer comes or the socket is closed. After an error, which
	// only streams have, the socket is of no more use.
	send(i int, packets [][]byte) (int, error)
	// receive waits for something to arrive, but not longer than wait, and
	// calls arrive for everything that has. The bytes are good during the
	// call. A stream that ends is told with io.EOF or another error, once.
	receive(wait time.Duration, arrive func(i int, data []byte, err error))
	// close closes socket i.
	close(i int)
	// closeAll closes all sockets and joins what goroutines there are.
	closeAll()
}

// maxDatagram is the part of a datagram that is read: more than any answer to
// what is asked.
const maxDatagram = 4096

// route says between which addresses a link runs.
type route struct {
	stream  bool // TCP, else UDP
	remote  netip.AddrPort
	sources int  // socket i comes from source i modulo sources
	attack  bool // sources are those of an attack
}

// linkOpener makes a link with room for a number of sockets.
type linkOpener func(r route, sockets int) (link, error)

// newRoute finds the address of the tracker.
func newRoute(ctx context.Context, stream bool, host, port string, sources int) (route, error) {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return route{}, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return route{}, fmt.Errorf("port %q: %w", port, err)
	}
	return route{stream: stream, remote: netip.AddrPortFrom(addrs[0].Unmap(), uint16(n)), sources: sources}, nil
}

// local returns the address that socket i comes from; invalid leaves it to the
// system. To a tracker on the loopback each source has its own address in
// 127.1.0.0/16, or 127.2.0.0/16 in an attack, where Linux has them all without
// being told.
func (r *route) local(i int) netip.Addr {
	if to := r.remote.Addr(); !to.Is4() || !to.IsLoopback() || runtime.GOOS != "linux" {
		return netip.Addr{}
	}
	n, network := i%r.sources+1, byte(1)
	if r.attack {
		network = 2
	}
	return netip.AddrFrom4([4]byte{127, network, byte(n >> 8), byte(n)})
}
