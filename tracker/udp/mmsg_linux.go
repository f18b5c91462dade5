package udp

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"keeptrack/tracker/internal/nap"
)

const (
	// drainBatches bounds what a stopped worker still answers if requests keep
	// coming.
	drainBatches = 64
	// memoryPause is how long a worker leaves the system alone that is out of
	// memory.
	memoryPause = 10 * time.Millisecond
)

// mmsgSocket receives and sends in batches. Its descriptor blocks, since
// waiting in the kernel is cheaper than going through the runtime's poller.
type mmsgSocket struct {
	bound    netip.AddrPort
	passed   bool // others serve it too, or will
	fd       int
	ring     *ring
	delay    time.Duration
	naps     nap.Napper
	failed   bool // whoever serves it has found that it cannot be
	stopping atomic.Bool

	mu        sync.Mutex // guards what follows, and fd against use after close
	closed    bool
	uncounted bool // another worker counts the drops of the same socket
	drops     uint64
	dropsRead uint32 // the kernel's count, which wraps around
}

func (s *mmsgSocket) addr() netip.AddrPort { return s.bound }

func (s *mmsgSocket) serve(h *handler) error {
	idle := s.naps.Wake
	defer idle()
	for left := drainBatches; left > 0; {
		// Asked before receiving, so that what came before the stop is received.
		stopping := s.stopping.Load()
		if stopping && s.passed {
			return nil
		}
		n, err := s.ring.receive(s.fd, idle)
		if err == unix.EINTR || err == unix.EAGAIN { // the latter after a wait that is bounded
			continue
		}
		if outOfMemory(err) && !stopping {
			time.Sleep(memoryPause)
			continue
		}
		if err != nil {
			return fmt.Errorf("recvmmsg: %w", err)
		}
		s.answer(h, time.Now(), n)
		switch {
		case stopping && n < batchSize:
			return nil
		case stopping:
			left--
		case n < batchSize && s.delay > 0:
			s.naps.Nap(s.delay)
		}
	}
	return nil
}

// outOfMemory tells whether err means that the system is short of memory, which
// passes, while the requests wait or are dropped.
func outOfMemory(err error) bool { return err == unix.ENOMEM || err == unix.ENOBUFS }

// answer has h answer the first n datagrams of the ring, received before now, and
// sends the replies.
func (s *mmsgSocket) answer(h *handler, now time.Time, n int) {
	h.answerBatch(now, s.ring.batch(n))
	refused := s.ring.send(s.fd, s.ring.replies(n))
	if refused > 0 {
		h.count.recent[countUnsent] += uint64(refused)
		h.count.tell()
	}
}

// stop wakes the worker up: a shut down socket does not wait for datagrams. One
// that was passed would stay shut down for ever, so its worker looks from time
// to time.
func (s *mmsgSocket) stop() {
	s.stopping.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && !s.passed {
		// It does so although it fails, because the socket is not connected.
		_ = unix.Shutdown(s.fd, unix.SHUT_RD)
	}
}

func (s *mmsgSocket) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.readDrops()
	s.closed = true
	return unix.Close(s.fd)
}

func (s *mmsgSocket) kernelDrops() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.readDrops()
	}
	return s.drops
}

// readDrops adds what the kernel has dropped since it was last asked.
func (s *mmsgSocket) readDrops() {
	if s.uncounted {
		return
	}
	var info [unix.SK_MEMINFO_VARS]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(s.fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return // a kernel before 4.12 does not tell
	}
	now := info[unix.SK_MEMINFO_DROPS]
	s.drops += uint64(now - s.dropsRead)
	s.dropsRead = now
}
