package udp

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// stopCheck is how often a worker of a passed socket that waits for datagrams
// looks whether it is to stop.
const stopCheck = 100 * time.Millisecond

// openPassed has every worker serve the passed socket, each by a descriptor of
// its own. Sockets of their own beside it would lose what they hold when they
// are closed; what the passed one holds outlives the process.
func openPassed(o socketOptions) ([]socket, error) {
	family := unix.AF_INET6
	if o.addr.Addr().Is4() {
		family = unix.AF_INET
	}
	var sockets []socket
	for len(sockets) < o.workers {
		fd, err := unix.FcntlInt(o.passed.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			_ = closeAll(sockets) // the error to report is the one that came first
			return nil, os.NewSyscallError("fcntl", err)
		}
		s := o.socket(fd, family, o.addr)
		s.passed, s.uncounted = true, len(sockets) > 0
		sockets = append(sockets, s)
	}
	first := sockets[0].(*mmsgSocket)
	if err := first.takeOver(family, o); err != nil {
		_ = closeAll(sockets) // the error to report is the one that came first
		return nil, err
	}
	return sockets, nil
}

// takeOver sets the passed socket up for all workers.
func (s *mmsgSocket) takeOver(family int, o socketOptions) error {
	if err := prepare(s.fd, family, o); err != nil {
		return err
	}
	logReceiveBuffer(s.fd, o)
	if err := unix.SetNonblock(s.fd, false); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	wait := unix.NsecToTimeval(int64(stopCheck))
	if err := unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	s.readDrops()
	s.drops = 0 // those so far were another process's
	return nil
}
