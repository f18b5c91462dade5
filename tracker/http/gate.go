package http

import (
	"errors"
	"sync/atomic"
	"syscall"
	"time"
)

// acceptPause is how long nothing is accepted when the connection limit is reached,
// unless a connection is closed before.
const acceptPause = 100 * time.Millisecond

// gate counts and bounds the connections of all listeners together.
type gate struct {
	limit    int64 // 0: none
	open     atomic.Int64
	accepted atomic.Uint64 // connections that were opened
	evicted  atomic.Uint64 // connections closed for new ones
	unread   atomic.Uint64 // connections closed because too many left replies unread
	paused   atomic.Uint64 // times that accepting was paused
}

// enter counts one connection more, unless the limit is reached.
func (g *gate) enter() bool {
	for {
		n := g.open.Load()
		if g.limit > 0 && n >= g.limit {
			return false
		}
		if g.open.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// leave counts one connection less.
func (g *gate) leave() { g.open.Add(-1) }

// outOfDescriptors tells whether an error in accepting says that the process or
// the system has run out of descriptors.
func outOfDescriptors(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// outOfRoom tells whether an error in accepting says that the system or the
// process has run out of descriptors or memory.
func outOfRoom(err error) bool {
	return outOfDescriptors(err) || errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM)
}
