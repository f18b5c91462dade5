// Package nap lets a worker that has caught up wait a moment, so that packets
// gather and the next system call takes several.
package nap

import (
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// longest is the longest nap that the runtime may not know of.
const longest = 2 * time.Millisecond

// active counts the workers that nap between their batches.
var active atomic.Int32

// Napper is one worker's naps. The zero Napper is ready; it must not be copied
// or used by two goroutines at once.
type Napper struct{ active bool }

// Nap suspends the thread for d, or less if a signal comes. What else is ready
// to run gets its turn first.
//
// The runtime is not told of a short nap: it would hand the worker's processor
// to another thread and back each time, which costs more than the nap saves.
// It is told, though, when other workers nap as well and would leave no
// processor to anything else.
func (n *Napper) Nap(d time.Duration) {
	if !n.active {
		n.active = true
		active.Add(1)
	}
	ts := unix.NsecToTimespec(int64(d))
	if napping := int(active.Load()); d > longest || napping > 1 && napping >= runtime.GOMAXPROCS(0) {
		_ = unix.Nanosleep(&ts, nil) // cut short by a signal, which does no harm
		return
	}
	runtime.Gosched()
	_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0)
}

// Wake says that the worker goes back to waiting without naps, or ends.
func (n *Napper) Wake() {
	if n.active {
		n.active = false
		active.Add(-1)
	}
}
