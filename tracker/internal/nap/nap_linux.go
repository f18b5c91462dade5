// Package nap lets a worker that has caught up wait a moment, so that packets
// gather and the next system call takes several.
package nap

import (
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Take suspends the thread for d, or less if a signal comes. What else is ready
// to run gets its turn first. The runtime is not told: it would hand the
// processor to another thread and back each time, which costs more than the
// wait saves, and time.Sleep would wake other threads as well. So d must be
// short.
func Take(d time.Duration) {
	runtime.Gosched()
	ts := unix.NsecToTimespec(int64(d))
	_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0)
}
