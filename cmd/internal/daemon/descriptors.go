package daemon

import (
	"syscall"

	"github.com/rs/zerolog"

	"keeptrack/cmd/internal/config"
)

// connectionLimits returns how many connections there may be over HTTP and HTTPS, if there
// is either: as many as the config says, or fewer if so many would take the descriptors
// that all else needs. Otherwise whoever opens connections would keep out the operator,
// and files from being written.
func connectionLimits(plain, secure bool, c *config.Config, log zerolog.Logger) (http, https int) {
	if plain {
		http = c.HTTP.MaxConnections
	}
	if secure {
		https = c.HTTPS.MaxConnections
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return http, https
	}
	all, room := http+https, connectionRoom(int(limit.Cur))
	if room < 0 || room >= all {
		return http, https
	}
	log.Warn().Int("max_connections", all).Int("descriptors", int(limit.Cur)).Int("allowed", room).
		Msg("http.max_connections and https.max_connections are more than the limit on open files leaves room for: raise that limit")
	return share(room, http, all), share(room, https, all)
}

// share returns how much of room goes to a part of all. A part that is there gets 1 at
// least: 0 would be no limit.
func share(room, part, all int) int { return min(part, max(1, room*part/all)) }

// connectionRoom returns how many of a process's descriptors can be connections:
// all but an eighth, 256 at least, and half of few. A negative number stands for
// no limit.
func connectionRoom(descriptors int) int {
	return descriptors - min(descriptors/2, max(descriptors/8, 256))
}
