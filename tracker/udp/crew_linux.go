package udp

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// serveTogether is serve for several sockets.
func (s *mmsgSocket) serveTogether(c crew) error {
	idle := s.naps.Wake
	defer idle()
	polls, timeout := c.polls()
	for left := drainBatches; left > 0; {
		// Asked before receiving, so that what came before the stop is received.
		stopping := c.stopping()
		most, err := c.answer()
		switch {
		case err != nil:
			return err
		case stopping && most < batchSize:
			return nil
		case stopping:
			left--
		case most == 0:
			idle()
			if _, err := unix.Poll(polls, timeout); err != nil && err != unix.EINTR {
				return fmt.Errorf("serve udp: poll: %w", err)
			}
		case most < batchSize && s.delay > 0:
			s.naps.Nap(s.delay)
		}
	}
	return nil
}

// polls returns what poll(2) needs to wait for any of the sockets, in milliseconds at
// most: nothing wakes who waits for a passed one that is stopped.
func (c crew) polls() (polls []unix.PollFd, timeout int) {
	timeout = -1
	for _, w := range c {
		s := w.socket.(*mmsgSocket)
		polls = append(polls, unix.PollFd{Fd: int32(s.fd), Events: unix.POLLIN})
		if s.passed {
			timeout = int(stopCheck / time.Millisecond)
		}
	}
	return polls, timeout
}

// stopping says whether all sockets have been stopped.
func (c crew) stopping() bool {
	for _, w := range c {
		if !w.socket.(*mmsgSocket).stopping.Load() {
			return false
		}
	}
	return true
}

// answer answers a batch of each socket, if there is one, and returns the size of the
// largest.
func (c crew) answer() (most int, err error) {
	for _, w := range c {
		s := w.socket.(*mmsgSocket)
		if s.passed && s.stopping.Load() {
			continue
		}
		n, err := s.ring.receiveNow(s.fd)
		switch {
		case err == unix.EAGAIN || err == unix.EINTR:
			continue
		case outOfMemory(err):
			time.Sleep(memoryPause)
			continue
		case err != nil:
			return most, fmt.Errorf("serve udp %v: recvmmsg: %w", s.bound, err)
		}
		s.answer(w.handler, time.Now(), n)
		most = max(most, n)
	}
	return most, nil
}
