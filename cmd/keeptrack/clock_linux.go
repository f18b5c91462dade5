package main

import "golang.org/x/sys/unix"

// clockSynchronized returns whether the kernel says that a time service keeps this
// host's clock right, and whether it says so at all.
func clockSynchronized() (yes, known bool) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t) // changes nothing
	return state != unix.TIME_ERROR, err == nil
}
