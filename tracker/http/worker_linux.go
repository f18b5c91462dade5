package http

import (
	"math"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"keeptrack/tracker/internal/nap"
)

const (
	// eventBatch is the most events that are taken at once.
	eventBatch = 128
	// gatherTime is how long a worker that has caught up lets requests gather.
	gatherTime = time.Millisecond
)

// worker serves the connections that it accepts. All is done by one goroutine,
// which waits in the kernel for any of them.
type worker struct {
	*epollServer
	responder responder
	poll      int
	listeners []int // the worker's own
	accepting bool  // they are watched
	stopping  bool
	busy      bool // there have been events
	behind    bool // there are more than were taken
	naps      nap.Napper

	conns  []*conn // by descriptor, those that are watched
	opened int
	free   *conn
	queues [phaseCount]queue

	started  time.Time
	now      int64  // nanoseconds since then, as of the last events
	acceptAt int64  // when to accept again
	freedFor uint64 // the connection that a descriptor was last freed for
	freedAt  int64  // and when
	events   [eventBatch]unix.EpollEvent
	name     peerName
	in       [inSize]byte
}

// newWorker returns a worker without listeners. It is to be run, or its
// descriptors are to be closed.
func newWorker(e *epollServer) (w *worker, err error) {
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create", err)
	}
	w = &worker{epollServer: e, poll: poll, started: time.Now(), accepting: true}
	w.responder.handler, w.responder.sampler = e.handler, e.handler.busiest.Sketch().Sampler()
	w.queues[phaseHead].limit = e.timeouts.head
	w.queues[phaseIdle].limit = e.timeouts.idle
	w.queues[phaseWrite].limit = e.timeouts.write
	w.queues[phaseLinger].limit = e.timeouts.linger
	w.queues[phaseFirst].limit = e.timeouts.first
	for fd, events := range map[int]uint32{
		e.stop.fd: unix.EPOLLIN, e.force.fd: unix.EPOLLIN, e.full: fullEvents,
	} {
		if err := w.watch(fd, events); err != nil {
			closeDescriptor(poll)
			return nil, err
		}
	}
	return w, nil
}

// run serves until the worker is stopped and its last connection closed.
func (w *worker) run() error {
	defer w.closeDescriptors()
	defer w.naps.Wake()
	for !w.stopping || w.opened > 0 {
		n, err := w.wait()
		if err != nil {
			return err
		}
		now := time.Now()
		w.now = int64(now.Sub(w.started))
		w.responder.now, w.responder.tracing = w.handler.tracker.Instant(now), w.handler.traces.Active()
		w.busy, w.behind = n > 0, n == eventBatch
		stop, forced, err := w.handle(w.events[:n])
		if err != nil || forced {
			return err
		}
		if err := w.expire(); err != nil {
			return err
		}
		if stop {
			if err := w.finish(); err != nil {
				return err
			}
		}
	}
	return nil
}

// wait waits for events. After some it naps first, so that more gather: then
// the requests of new connections have come with them, and neither the thread
// nor Go's scheduler has to be woken up for each. Nobody waits for that who
// comes when the worker is idle.
func (w *worker) wait() (n int, err error) {
	if w.busy {
		if !w.behind {
			w.naps.Nap(gatherTime)
		} else {
			runtime.Gosched() // the loop gives others no turn otherwise
		}
		if n = pollEvents(w.poll, w.events[:]); n > 0 {
			return n, nil
		}
	}
	w.naps.Wake()
	n, err = unix.EpollWait(w.poll, w.events[:], w.timeout())
	if err == unix.EINTR {
		return 0, nil
	}
	return n, os.NewSyscallError("epoll_wait", err)
}

// handle does what the events call for. A descriptor has at most one among
// them, and those of listeners come last, since accepting may close others; so
// none is about a connection that another has closed.
func (w *worker) handle(events []unix.EpollEvent) (stop, forced bool, err error) {
	full, listening := false, events[:0]
	for i := range events {
		switch fd := int(events[i].Fd); {
		case fd == w.stop.fd:
			stop = true
		case fd == w.force.fd:
			forced = true
		case fd == w.full:
			full = true
		case fd < len(w.conns) && w.conns[fd] != nil:
			w.resume(w.conns[fd])
		default:
			listening = append(listening, events[i])
		}
	}
	for i := range listening {
		if err := w.accept(int(listening[i].Fd)); err != nil {
			return stop, forced, err
		}
	}
	if full {
		err = w.evictForOthers()
	}
	return stop, forced, err
}

// expire closes the connections that have had their time, or are too many, and
// accepts again after a pause.
func (w *worker) expire() error {
	for p := range w.queues {
		for c := w.queues[p].first; c != nil && c.deadline <= w.now; c = w.queues[p].first {
			w.close(c)
		}
	}
	w.boundUnread()
	if !w.accepting && !w.stopping && w.acceptAt <= w.now {
		return w.watchListeners()
	}
	return nil
}

// timeout returns for how many milliseconds there is nothing to do if nothing
// comes; -1 is for ever.
func (w *worker) timeout() int {
	next := int64(math.MaxInt64)
	for p := range w.queues {
		if c := w.queues[p].first; c != nil {
			next = min(next, c.deadline)
		}
	}
	if !w.accepting && !w.stopping {
		next = min(next, w.acceptAt)
	}
	if next == math.MaxInt64 {
		return -1
	}
	return int(max(0, next-w.now+int64(time.Millisecond)-1) / int64(time.Millisecond))
}

// finish takes what connections and requests have come so far, and no more.
func (w *worker) finish() error {
	w.stopping = true
	w.responder.closing = true
	_ = unix.EpollCtl(w.poll, unix.EPOLL_CTL_DEL, w.stop.fd, nil) // has been read
	w.ignoreListeners()
	for ; len(w.listeners) > 0; w.listeners = w.listeners[1:] {
		if err := w.drain(w.listeners[0]); err != nil {
			return err
		}
		closeDescriptor(w.listeners[0])
	}
	for _, p := range [...]phase{phaseHead, phaseIdle} {
		for c := w.queues[p].first; c != nil; {
			next := c.next
			if w.receive(c); c.phase == p && len(c.in) == 0 {
				w.leave(c)
			}
			c = next
		}
	}
	return nil
}

// leave closes a connection on which nothing of a request has come. Whoever has
// just connected is about to send one, and has a moment to do so.
func (w *worker) leave(c *conn) {
	if c.phase == phaseHead {
		w.enter(c, phaseFirst)
		return
	}
	w.close(c)
}

// watch waits for events on a descriptor that is no connection.
func (w *worker) watch(fd int, events uint32) error {
	err := unix.EpollCtl(w.poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
	return os.NewSyscallError("epoll_ctl", err)
}

// closeDescriptors closes whatever is open.
func (w *worker) closeDescriptors() {
	for p := range w.queues {
		for w.queues[p].first != nil {
			w.close(w.queues[p].first)
		}
	}
	for _, fd := range append(w.listeners, w.poll) {
		closeDescriptor(fd)
	}
	w.listeners = nil
}
