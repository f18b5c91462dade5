package daemon

import (
	"syscall"

	"github.com/rs/zerolog"
)

// connectionLimit returns how many HTTP connections there may be: most, or fewer
// if so many would take the descriptors that all else needs. Otherwise whoever
// opens connections would keep out the operator, and files from being written.
func connectionLimit(most int, log zerolog.Logger) int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return most
	}
	room := connectionRoom(int(limit.Cur))
	if room < 0 || room >= most {
		return most
	}
	log.Warn().Int("max_connections", most).Int("descriptors", int(limit.Cur)).Int("allowed", room).
		Msg("http.max_connections is more than the limit on open files leaves room for: raise that limit")
	return room
}

// connectionRoom returns how many of a process's descriptors can be connections:
// all but an eighth, 256 at least, and half of few. A negative number stands for
// no limit.
func connectionRoom(descriptors int) int {
	return descriptors - min(descriptors/2, max(descriptors/8, 256))
}
