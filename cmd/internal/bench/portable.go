package bench

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// portableLink does with what every system has: a goroutine reads each socket.
type portableLink struct {
	route    route
	conns    []net.Conn // nil: closed
	arrivals chan arrival
	done     chan struct{} // closed to end the readers
	readers  sync.WaitGroup
}

// arrival is what a reader hands over.
type arrival struct {
	i    int
	conn net.Conn
	data []byte
	err  error
}

func newPortableLink(r route, sockets int) (link, error) {
	return &portableLink{
		route:    r,
		conns:    make([]net.Conn, sockets),
		arrivals: make(chan arrival),
		done:     make(chan struct{}),
	}, nil
}

func (l *portableLink) open(i int) error {
	d, network := net.Dialer{}, "udp"
	from := netip.AddrPortFrom(l.route.local(i), 0)
	if l.route.stream {
		network = "tcp"
	}
	if from.IsValid() && l.route.stream {
		d.LocalAddr = net.TCPAddrFromAddrPort(from)
	} else if from.IsValid() {
		d.LocalAddr = net.UDPAddrFromAddrPort(from)
	}
	conn, err := d.Dial(network, l.route.remote.String())
	if err != nil {
		return err
	}
	l.conns[i] = conn
	l.readers.Go(func() { l.read(i, conn) })
	return nil
}

func (l *portableLink) read(i int, conn net.Conn) {
	for {
		data := make([]byte, maxDatagram)
		n, err := conn.Read(data)
		if err != nil && !l.route.stream {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue // told of a packet that nobody took; others will come
		}
		select {
		case l.arrivals <- arrival{i, conn, data[:n], err}:
		case <-l.done:
			return
		}
		if err != nil {
			return
		}
	}
}

func (l *portableLink) send(i int, packets [][]byte) (int, error) {
	for n, p := range packets {
		if _, err := l.conns[i].Write(p); err != nil && l.route.stream {
			return n, err
		}
	}
	return len(packets), nil
}

func (l *portableLink) receive(wait time.Duration, arrive func(i int, data []byte, err error)) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case a := <-l.arrivals:
		l.deliver(a, arrive)
	case <-timer.C:
		return
	}
	for {
		select {
		case a := <-l.arrivals:
			l.deliver(a, arrive)
		default:
			return
		}
	}
}

// deliver leaves out what comes from a connection that was closed meanwhile.
func (l *portableLink) deliver(a arrival, arrive func(i int, data []byte, err error)) {
	if l.conns[a.i] == a.conn {
		arrive(a.i, a.data, a.err)
	}
}

func (l *portableLink) close(i int) {
	if l.conns[i] != nil {
		_ = l.conns[i].Close() // what was to be said is said
		l.conns[i] = nil
	}
}

func (l *portableLink) closeAll() {
	for i := range l.conns {
		l.close(i)
	}
	close(l.done)
	l.readers.Wait()
}
