package tracker

// completions remembers peers whose completed download was counted and that
// have stopped since. A record of live sync that arrives late or twice must
// not count such a download again. What is forgotten is the oldest.
type completions struct {
	ring [32]completion
	next int
}

type completion struct {
	peer   uint64 // hash of torrent and peer
	second uint32 // when it stopped
}

// completionMemory is how long, in seconds, a completion is remembered: longer
// than any network holds a packet back.
const completionMemory = 60

func (c *completions) add(peer uint64, second uint32) {
	c.ring[c.next] = completion{peer: peer, second: second}
	c.next = (c.next + 1) % len(c.ring)
}

func (c *completions) has(peer uint64, second uint32) bool {
	for i := range c.ring {
		// The difference is negative if the stop has overtaken the caller.
		if c.ring[i].peer == peer && int32(second-c.ring[i].second) <= completionMemory {
			return true
		}
	}
	return false
}
