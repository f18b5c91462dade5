package udp

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// poll waits for datagrams: for shortWait at most if asked to, since other crews may have
// rejoined by then. Nothing wakes who waits for a passed socket that is stopped, or for one
// that has failed, so that such a wait ends after stopCheck.
func poll(crews []*crew, short bool) error {
	timeout := -1
	var polls []unix.PollFd
	for _, c := range crews {
		for _, w := range c.workers {
			s := w.socket.(*mmsgSocket)
			if s.failed || s.passed {
				timeout = int(stopCheck / time.Millisecond)
			}
			if !s.failed {
				polls = append(polls, unix.PollFd{Fd: int32(s.fd), Events: unix.POLLIN})
			}
		}
	}
	if short {
		timeout = int(shortWait / time.Millisecond)
	}
	_, err := unix.Poll(polls, timeout)
	switch {
	case err == nil || err == unix.EINTR:
		return nil
	case outOfMemory(err):
		time.Sleep(memoryPause)
		return nil
	}
	return fmt.Errorf("serve udp: poll: %w", err)
}

// stopping says whether all sockets have been stopped.
func stopping(crews []*crew) bool {
	for _, c := range crews {
		for _, w := range c.workers {
			if !w.socket.(*mmsgSocket).stopping.Load() {
				return false
			}
		}
	}
	return true
}

// delay returns how long who has caught up naps.
func (c *crew) delay() time.Duration { return c.workers[0].socket.(*mmsgSocket).delay }

// turn is what was found when each socket was looked at once.
type turn struct {
	all     int // datagrams
	largest int // of the batches
}

func (t *turn) add(of turn) {
	t.all += of.all
	t.largest = max(t.largest, of.largest)
}

// load counts the datagrams in windows of time.
type load struct {
	since     time.Time // when the window began
	now, last int       // datagrams in it, and in the one before
}

// add counts datagrams, and says whether a window has ended with them.
func (l *load) add(datagrams int) (ended bool) {
	l.now += datagrams
	now := time.Now()
	passed := now.Sub(l.since)
	if passed < window {
		return false
	}
	// After a wait the window was longer than it should be.
	l.last = int(int64(l.now) * int64(window) / int64(passed))
	l.now, l.since = 0, now
	return true
}

// answer answers a batch of each socket of a crew, if there is one. A socket that fails
// ends the server, which goes on with the others until it is stopped.
func (t *team) answer(c *crew) (found turn) {
	short := false // of memory
	for _, w := range c.workers {
		s := w.socket.(*mmsgSocket)
		if s.failed || s.passed && s.stopping.Load() {
			continue
		}
		n, err := s.ring.receiveNow(s.fd)
		switch {
		case err == unix.EAGAIN || err == unix.EINTR:
		case outOfMemory(err):
			short = true
		case err != nil:
			s.failed = true
			t.group.Go(func() error { return fmt.Errorf("serve udp %v: recvmmsg: %w", s.bound, err) })
		default:
			s.answer(w.handler, time.Now(), n)
			found.add(turn{n, n})
		}
	}
	if short {
		time.Sleep(memoryPause)
	}
	return found
}
