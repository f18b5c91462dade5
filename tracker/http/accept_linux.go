package http

import (
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// acceptBatch is the most connections that are accepted before the others
	// get their turn, and drainBatches bounds what a stopped worker still
	// accepts if connections keep coming.
	acceptBatch, drainBatches = 64, 64
	// listenEvents has the system wake up one of the workers that wait for a
	// connection.
	listenEvents = unix.EPOLLIN | unix.EPOLLEXCLUSIVE
)

// listen has the worker accept from a copy of a listener for TCP or a unix
// socket.
func (w *worker) listen(l net.Listener) error {
	raw, err := l.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	var fd int
	var dupErr error
	if err := raw.Control(func(original uintptr) {
		fd, dupErr = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0)
	}); err != nil {
		return err
	}
	if dupErr != nil {
		return os.NewSyscallError("fcntl", dupErr)
	}
	w.listeners = append(w.listeners, fd)
	if _, isTCP := l.Addr().(*net.TCPAddr); isTCP {
		// The connections inherit this: no reply is to wait for the client to
		// have acknowledged the one before.
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	return w.watch(fd, listenEvents)
}

// accept takes connections from a listener and serves them. It may close
// others.
func (w *worker) accept(listener int) error {
	for range acceptBatch {
		var spare *conn // which has the place for the next; nil: there is a free one
		if !w.gate.enter() {
			if spare = w.spare(); spare == nil {
				w.waitForRoom()
				return nil
			}
		}
		fd, errno := accept(listener, &w.name)
		if errno == 0 {
			w.take(fd, w.name.source(), spare)
			continue
		}
		if spare == nil {
			w.gate.leave()
		}
		switch {
		case errno == unix.EAGAIN, outOfDescriptors(errno) && !connectionWaits(listener):
			return nil
		case errno == unix.EBADF || errno == unix.EINVAL:
			return os.NewSyscallError("accept", errno)
		case outOfDescriptors(errno) && w.mayFree():
			if !w.freeDescriptor() {
				w.waitForRoom()
				return nil
			}
		case outOfRoom(errno):
			w.handler.log.Debug().Err(errno).Msg("http accept")
			w.pauseAccepting()
			return nil
		}
		// There is room now, or that connection has failed before it was accepted.
	}
	w.behind = true
	return nil
}

// take serves a connection that was accepted, in the place of spare if that is
// not nil.
func (w *worker) take(fd int, source netip.Addr, spare *conn) {
	if !w.sources.enter(source) {
		closeDescriptor(fd)
		if spare == nil {
			w.gate.leave()
		}
		return
	}
	w.gate.accepted.Add(1)
	if spare != nil {
		w.evict(spare)
	}
	w.receive(w.open(fd, source))
}

// drain accepts what connections wait already, but not without end.
func (w *worker) drain(listener int) error {
	w.behind = true
	for left := drainBatches; w.behind && left > 0; left-- {
		w.behind = false
		if err := w.accept(listener); err != nil {
			return err
		}
	}
	return nil
}

// watchListeners accepts again.
func (w *worker) watchListeners() error {
	for _, fd := range w.listeners {
		if err := w.watch(fd, listenEvents); err != nil {
			return err
		}
	}
	w.accepting = true
	return nil
}

// waitForRoom pauses accepting for a worker that has no connection to spare, and
// asks the others.
func (w *worker) waitForRoom() {
	w.pauseAccepting()
	w.askForRoom()
}

// pauseAccepting accepts nothing for a moment, because there is no room. The
// connections wait with the system.
func (w *worker) pauseAccepting() {
	w.gate.paused.Add(1)
	w.ignoreListeners()
	w.acceptAt = w.now + int64(acceptPause)
}

func (w *worker) ignoreListeners() {
	if !w.accepting {
		return
	}
	w.accepting = false
	for _, fd := range w.listeners {
		_ = unix.EpollCtl(w.poll, unix.EPOLL_CTL_DEL, fd, nil) // fails only if not watched
	}
}
