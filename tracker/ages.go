package tracker

import "time"

// longGap is the shortest time without any announce that torrents do not age
// by, and the step of the clock that counts as such a time.
const longGap = 24 * time.Hour

// ages tells how long ago a torrent was last announced, although daemons are
// stopped for long and clocks are set. If all of that time counted, every
// torrent without peers would go at once when a daemon starts after a month, or
// when a clock is set forward by mistake.
//
// The zero ages knows of no gap. It belongs to Load, then to the sweep.
type ages struct {
	// newest is the greatest last announce that was loaded, in unix minutes; 0
	// if there was none. Of all that were loaded, ahead lay more than longGap
	// ahead of the clock.
	newest     uint32
	all, ahead int
	// When the sweep last looked at the clock: in unix seconds, and by a clock
	// that cannot be set. 0 if it never has.
	seen   int64
	steady time.Duration
	// behind says that the clock is behind most of what was loaded: it is
	// wrong, not they.
	behind bool
	gaps   []gap // few: a day without announces, and clocks set by hand
}

// gap is time that does not count for torrents last announced up to the minute
// before.
type gap struct {
	before  uint32
	seconds int64
}

// loaded takes in the last announce of a torrent that is loaded.
func (a *ages) loaded(minute uint32, now Instant) {
	a.newest = max(a.newest, minute)
	a.all++
	if -age(minute, now) > int64(longGap/time.Second) {
		a.ahead++
	}
}

// observe looks at the clock: when the sweep starts at what has passed since
// the newest announce that was loaded, later at steps of the clock. now is in
// unix seconds, steady the time since some moment by a clock that cannot be
// set.
func (a *ages) observe(now int64, steady time.Duration) {
	last, step := a.seen, now-a.seen-int64((steady-a.steady)/time.Second)
	if a.seen == 0 {
		a.behind = a.ahead > a.all/2
		last = int64(a.newest) * 60
		step = now - last
	}
	a.seen, a.steady = now, steady
	if last > 0 && step > int64(longGap/time.Second) {
		a.gaps = append(a.gaps, gap{uint32(last / 60), step})
	}
}

// of returns the age in seconds of a last announce, without the gaps.
func (a *ages) of(minute uint32, now Instant) int64 {
	seconds := age(minute, now)
	for _, g := range a.gaps {
		if minute <= g.before {
			seconds -= g.seconds
		}
	}
	return seconds
}

// age returns the age in seconds of a last announce, which is negative if that
// lies ahead.
func age(minute uint32, now Instant) int64 {
	return int64(now.second) - int64(minute)*60
}
