package tracker

import "time"

// Instant is a moment as the tracker counts time. Whoever calls the tracker
// makes one with Tracker.Instant, once per batch of packets or per request, so
// that the request path never reads a clock itself.
type Instant struct {
	second uint32 // unix time
	tick   uint16 // age of peers is counted in these, modulo 1<<tickBits
}

// Peers carry their last announce as a tick, a fraction of the peer timeout.
// A count of ticks wraps around after four peer timeouts, and the sweep visits
// every peer long before the third.
const (
	tickBits        = 14
	tickMask        = 1<<tickBits - 1
	ticksPerTimeout = 1 << (tickBits - 2)
)

// minute returns the whole minutes since 1970-01-01 UTC.
func (i Instant) minute() uint32 { return i.second / 60 }

// ticksSince returns the age of a tick. One that lies ahead by less than a peer
// timeout has age 0: an announce may have overtaken the caller, whose instant
// was made before.
func (i Instant) ticksSince(tick uint16) uint16 {
	age := (i.tick - tick) & tickMask
	if age >= 3*ticksPerTimeout {
		return 0
	}
	return age
}

// clock turns times into instants. It is immutable.
type clock struct {
	start time.Time
	tick  time.Duration
}

func newClock(start time.Time, peerTimeout time.Duration) clock {
	return clock{start: start, tick: max(peerTimeout/ticksPerTimeout, 1)}
}

func (c clock) instant(now time.Time) Instant {
	return Instant{
		second: uint32(now.Unix()),
		tick:   uint16(now.Sub(c.start)/c.tick) & tickMask,
	}
}

// ticks returns d in whole ticks, at most the longest age that can be told.
func (c clock) ticks(d time.Duration) uint16 {
	return uint16(min(d/c.tick, tickMask))
}

// seconds returns the longest time in seconds, rounded up, for which an age of
// ticks can stand.
func (c clock) seconds(age uint16) uint32 {
	return uint32((time.Duration(age+1)*c.tick + time.Second - 1) / time.Second)
}

// before returns the instant that lies age seconds before now, and whether a peer
// that announced then is still kept.
func (c clock) before(now Instant, age uint32) (then Instant, kept bool) {
	ticks := (time.Duration(age)*time.Second + c.tick - 1) / c.tick
	if ticks >= ticksPerTimeout {
		return Instant{}, false
	}
	return Instant{second: now.second - min(age, now.second), tick: (now.tick - uint16(ticks)) & tickMask}, true
}
