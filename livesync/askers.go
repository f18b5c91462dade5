package livesync

import (
	"time"

	"keeptrack/livesync/transport"
)

// Whoever asks for peers again and again gets them less and less often. Instances are
// told apart by where they can be reached: their ids are new with each start.
const (
	// restAfterPeers is how long an asker waits at least from one stream to the next.
	// It doubles with every further one, maxRests times at most.
	restAfterPeers = time.Second
	maxRests       = 9
	// forgiveAfter is how long after it last asked an asker is one like any other.
	forgiveAfter = 10 * time.Minute
	// maxAskers bounds the askers that are remembered, those that asked last.
	maxAskers = 256
)

// asker is what is remembered of one.
type asker struct {
	last    time.Time // when it last asked
	until   time.Time // it gets nothing before
	streams int       // that it got in a row
}

type askers map[transport.Endpoint]*asker

// admit takes note of an asking and reports whether it is answered.
func (a askers) admit(from transport.Endpoint, now time.Time) bool {
	k := a[from]
	if k == nil || now.Sub(k.last) >= forgiveAfter {
		if k == nil && len(a) == maxAskers {
			forgetOldest(a, func(k *asker) time.Time { return k.last })
		}
		k = &asker{}
		a[from] = k
	}
	k.last = now
	if now.Before(k.until) {
		return false
	}
	k.until = now.Add(restAfterPeers << min(k.streams, maxRests))
	k.streams++
	return true
}
