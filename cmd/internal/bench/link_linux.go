package bench

import (
	"io"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// openLink makes the links for this system.
var openLink linkOpener = newEpollLink

// receiveBuffer is asked for on each UDP socket, in bytes: room for all that a
// tracker answers in one go.
const receiveBuffer = 1 << 20

// streamBuffer is the most bytes read from a stream at once.
const streamBuffer = 1 << 16

// epollLink has all sockets in one epoll set, and sends and receives datagrams
// in batches.
type epollLink struct {
	route  route
	remote unix.Sockaddr
	epoll  int
	fds    []int    // -1: closed
	late   [][]byte // of a stream: what waits for its connection
	events [64]unix.EpollEvent
	batch  *batch // datagrams
	buf    []byte // streams
}

func newEpollLink(r route, sockets int) (link, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	l := &epollLink{route: r, remote: sockaddr(r.remote), epoll: epoll, fds: make([]int, sockets)}
	for i := range l.fds {
		l.fds[i] = -1
	}
	if r.stream {
		l.late = make([][]byte, sockets)
		l.buf = make([]byte, streamBuffer)
	} else {
		l.batch = newBatch()
	}
	return l, nil
}

func (l *epollLink) open(i int) (err error) {
	family, typ := unix.AF_INET, unix.SOCK_DGRAM
	if l.route.remote.Addr().Is6() {
		family = unix.AF_INET6
	}
	if l.route.stream {
		typ = unix.SOCK_STREAM
	}
	fd, err := unix.Socket(family, typ|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd) // never used
		}
	}()
	if err := l.bind(fd, i); err != nil {
		return err
	}
	if !l.route.stream {
		// What the system grants is as good as it gets.
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	}
	if err := unix.Connect(fd, l.remote); err != nil && err != unix.EINPROGRESS {
		return err
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return err
	}
	l.fds[i] = fd
	return nil
}

// bind gives socket i its source address. A stream's port is chosen when it
// connects: then it need only differ from that of others to the same tracker.
func (l *epollLink) bind(fd, i int) error {
	from := l.route.local(i)
	if !from.IsValid() {
		return nil
	}
	if l.route.stream {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
			return err
		}
	}
	return unix.Bind(fd, sockaddr(netip.AddrPortFrom(from, 0)))
}

func (l *epollLink) send(i int, packets [][]byte) (int, error) {
	if !l.route.stream {
		return l.batch.send(l.fds[i], packets), nil
	}
	return len(packets), l.write(i, packets[0])
}

// write sends a packet on a stream, at the latest when it is connected. The
// buffer of a new connection, or of one on which everything was answered, has
// room for all of it.
func (l *epollLink) write(i int, packet []byte) error {
	l.late[i] = nil
	switch n, err := unix.Write(l.fds[i], packet); {
	case err == unix.EAGAIN:
		l.late[i] = packet
		return l.watch(i, unix.EPOLLIN|unix.EPOLLOUT)
	case err != nil:
		return err
	case n < len(packet):
		return io.ErrShortWrite
	}
	return nil
}

// watch has the epoll set tell of these events on socket i.
func (l *epollLink) watch(i int, events uint32) error {
	return unix.EpollCtl(l.epoll, unix.EPOLL_CTL_MOD, l.fds[i], &unix.EpollEvent{Events: events, Fd: int32(i)})
}

// receive does not sleep if the wait is shorter than the millisecond that epoll
// counts in: in the open loop requests then leave on time.
func (l *epollLink) receive(wait time.Duration, arrive func(i int, data []byte, err error)) {
	n, err := unix.EpollWait(l.epoll, l.events[:], int(wait/time.Millisecond))
	if err != nil {
		return // interrupted by a signal, which the caller will notice
	}
	for _, e := range l.events[:n] {
		switch i := int(e.Fd); {
		case !l.route.stream:
			l.batch.receive(l.fds[i], func(data []byte) { arrive(i, data, nil) })
		case l.late[i] != nil:
			err := l.write(i, l.late[i])
			if err == nil {
				err = l.watch(i, unix.EPOLLIN)
			}
			if err != nil {
				arrive(i, nil, err)
			}
		default:
			l.read(i, arrive)
		}
	}
}

// read takes in what there is on a stream, once: for the rest epoll will tell
// again.
func (l *epollLink) read(i int, arrive func(i int, data []byte, err error)) {
	n, err := unix.Read(l.fds[i], l.buf)
	if err == unix.EAGAIN || err == unix.EINTR {
		return
	}
	if err == nil && n == 0 {
		err = io.EOF
	}
	arrive(i, l.buf[:max(n, 0)], err)
}

func (l *epollLink) close(i int) {
	if l.fds[i] >= 0 {
		_ = unix.Close(l.fds[i]) // what was to be said is said
		l.fds[i] = -1
	}
}

func (l *epollLink) closeAll() {
	for i := range l.fds {
		l.close(i)
	}
	_ = unix.Close(l.epoll) // holds nothing
}

// sockaddr returns an address as the system takes it.
func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}
