package http

import (
	"encoding/binary"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// fullEvents tells of each write to an eventfd, which nobody reads.
const fullEvents = unix.EPOLLIN | unix.EPOLLET

// newEventfd returns a descriptor that becomes readable when it is written to.
func newEventfd() (fd int, err error) {
	fd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	return fd, os.NewSyscallError("eventfd", err)
}

// freeAgain is how long a worker waits before it closes another connection for
// the sake of the same newcomer.
const freeAgain = time.Second

// maxUnread is how many connections of a worker may wait for their replies to be
// taken, however many may be open: the tracker and the system hold many replies
// for each of them.
const maxUnread = 512

// evictable picks whom to evict: lingering, then idle, then not reading its replies,
// then without a full request; oldest first. A reply fits into the system's buffer,
// so replies wait only for clients that ask for many without reading: these go before
// one whose request may be on its way. It returns nil if all are being answered, or
// if the server stops, which finishes what it has.
func (w *worker) evictable() *conn {
	if w.stopping {
		return nil
	}
	for _, p := range [...]phase{phaseLinger, phaseIdle, phaseWrite, phaseHead} {
		if c := w.queues[p].first; c != nil {
			return c
		}
	}
	return nil
}

// evict closes a connection of which another one takes the place.
func (w *worker) evict(c *conn) {
	closeDescriptor(c.fd)
	w.sources.leave(c.source)
	w.release(c)
	w.gate.evicted.Add(1)
}

// next returns the number of the connection that any worker takes next. The
// first is 1.
func (w *worker) next() uint64 { return w.gate.accepted.Load() + w.sources.refused.Load() + 1 }

// mayFree tells whether a descriptor may be freed for the next connection: at
// once if it was not tried for that one yet, and else in a while, because
// whoever else runs out of descriptors has taken that one.
func (w *worker) mayFree() bool {
	return w.freedFor != w.next() || w.now >= w.freedAt+int64(freeAgain)
}

// freeDescriptor closes a connection so that the next has a descriptor. ok is
// false if none can be evicted.
func (w *worker) freeDescriptor() (ok bool) {
	c := w.evictable()
	if c == nil {
		return false
	}
	w.freedFor, w.freedAt = w.next(), w.now
	w.gate.evicted.Add(1)
	w.close(c)
	return true
}

// boundUnread closes the connections that wait for longest for their replies to
// be taken, if too many do.
func (w *worker) boundUnread() {
	for q := &w.queues[phaseWrite]; q.n > maxUnread; {
		w.gate.unread.Add(1)
		w.close(q.first)
	}
}

// askToEvict wakes up the other workers, because only they may have connections to
// evict, and the system has told only this one of those that wait.
func (w *worker) askToEvict() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(w.full, one[:]) // an eventfd takes nearly endlessly many
}

// evictForOthers accepts for a worker that asked to evict. One without a connection
// to evict does not ask in turn: they would never come to rest.
func (w *worker) evictForOthers() error {
	if w.evictable() == nil {
		return nil
	}
	for _, l := range w.listeners {
		if err := w.accept(l); err != nil {
			return err
		}
	}
	return nil
}
