package livesync

import (
	"testing"
	"time"

	"keeptrack/livesync/transport"
)

// TestAPeerThatWasNeverHeardIsAwaited for a day.
func TestAPeerThatWasNeverHeardIsAwaited(t *testing.T) {
	start := time.Now()
	heard := transport.Peer{Since: start, Heard: start.Add(time.Second)}
	never := transport.Peer{Since: start}
	self := transport.Peer{Since: start, Self: true}
	for name, tt := range map[string]struct {
		peers []transport.Peer
		after time.Duration
		want  bool
	}{
		"none":                    {nil, time.Minute, false},
		"heard once, and oneself": {[]transport.Peer{heard, self}, time.Minute, false},
		"never heard":             {[]transport.Peer{heard, never}, 23 * time.Hour, true},
		"never, for a day":        {[]transport.Peer{heard, never}, 24 * time.Hour, false},
	} {
		if got := awaited(tt.peers, start.Add(tt.after)); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
