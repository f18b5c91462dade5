package udp

import "hash/maphash"

const (
	limiterSlots = 4096
	// errorsPerSecond is the number of error replies that one source gets in a
	// second from one worker.
	errorsPerSecond = 10
)

// limiter bounds what is sent to a source that has not shown that the address
// is its own. Sources share the slots of a fixed table by a keyed hash; two in
// the same slot share its budget, which costs a client no more than waiting
// for its own timeout. The zero limiter is not ready; use newLimiter.
type limiter struct {
	seed  maphash.Seed
	slots [limiterSlots]budget
}

// budget is what has been spent in a second of unix time.
type budget struct{ second, spent uint32 }

func newLimiter() *limiter { return &limiter{seed: maphash.MakeSeed()} }

// allow reports whether the source may get another reply in the second given,
// and counts it.
func (l *limiter) allow(from source, second uint32) bool {
	b := l.slot(from)
	if b.second != second {
		*b = budget{second: second}
	}
	if b.spent == errorsPerSecond {
		return false
	}
	b.spent++
	return true
}

// slot returns the budget that the source shares.
func (l *limiter) slot(from source) *budget {
	return &l.slots[maphash.Comparable(l.seed, from.peer(0).Network())%limiterSlots]
}
