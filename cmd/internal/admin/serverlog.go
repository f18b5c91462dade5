package admin

import (
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// acceptError begins what net/http says, up to once a second, while connections
// cannot be accepted.
const acceptError = "http: Accept error"

// serverLog logs as warnings what net/http itself finds wrong, connections that it
// cannot accept and handlers that use it wrongly, and errors of gathering /metrics. Of
// connections not accepted only one a minute is a warning.
type serverLog struct {
	log zerolog.Logger

	mu     sync.Mutex
	warned time.Time // of connections that cannot be accepted
}

func (l *serverLog) Write(p []byte) (int, error) {
	text, level := strings.TrimSpace(string(p)), zerolog.WarnLevel
	if strings.HasPrefix(text, acceptError) && !l.due() {
		level = zerolog.DebugLevel
	}
	l.log.WithLevel(level).Msg("admin: " + text)
	return len(p), nil
}

// due reports whether it is time for another warning of connections that cannot be
// accepted.
func (l *serverLog) due() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Sub(l.warned) < time.Minute {
		return false
	}
	l.warned = now
	return true
}
