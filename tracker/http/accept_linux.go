package http

import (
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"keeptrack/tracker/trace"
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
		var victim *conn // to be evicted for the next; nil: the limit is not reached
		if !w.gate.enter() {
			if victim = w.evictable(); victim == nil {
				w.waitForEviction()
				return nil
			}
		}
		fd, errno := accept(listener, &w.name)
		if errno == 0 {
			w.take(fd, w.name.source(), victim)
			continue
		}
		if victim == nil {
			w.gate.leave()
		}
		switch {
		case errno == unix.EAGAIN, outOfDescriptors(errno) && !connectionWaits(listener):
			return nil
		case errno == unix.EBADF || errno == unix.EINVAL:
			return os.NewSyscallError("accept", errno)
		case outOfDescriptors(errno) && w.mayFree():
			if !w.freeDescriptor() {
				w.waitForEviction()
				return nil
			}
		case outOfRoom(errno):
			w.handler.log.Debug().Err(errno).Msg("http accept")
			w.pauseAccepting()
			return nil
		}
		// A descriptor is free now, or that connection has failed before it was accepted.
	}
	w.behind = true
	return nil
}

// take serves a connection that was accepted, and evicts victim for it unless that
// is nil.
func (w *worker) take(fd int, source netip.Addr, victim *conn) {
	if !w.sources.enter(source) {
		w.handler.reportConn("http", source, trace.Dropped, "connections_per_address")
		closeDescriptor(fd)
		if victim == nil {
			w.gate.leave()
		}
		return
	}
	w.gate.accepted.Add(1)
	if victim != nil {
		w.evict(victim)
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

// waitForEviction pauses accepting for a worker that has no connection to evict, and
// asks the others to.
func (w *worker) waitForEviction() {
	w.pauseAccepting()
	w.askToEvict()
}

// pauseAccepting accepts nothing for a moment, because the limit is reached.
// The connections wait with the system.
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
