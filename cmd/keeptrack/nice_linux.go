package main

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// niceness is that of work that gives way to a daemon on the same host.
const niceness = 10

// lowerPriority makes this process give way to others. On Linux each thread
// has a niceness of its own, and a new one gets that of the thread that starts
// it, which may happen meanwhile. Where it fails, others have less, and that is
// all.
func lowerPriority() {
	for range 4 {
		if !lowerThreads() {
			return
		}
	}
}

// lowerThreads returns whether there was a thread to lower.
func lowerThreads() (found bool) {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return false
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		// The kernel tells 20 less the niceness.
		if p, err := unix.Getpriority(unix.PRIO_PROCESS, id); err == nil && 20-p < niceness {
			found = true
			_ = unix.Setpriority(unix.PRIO_PROCESS, id, niceness)
		}
	}
	return found
}
