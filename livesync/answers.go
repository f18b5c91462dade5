package livesync

import (
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/override"
)

// answers are the ranges of overrides that this instance has been asked for. They
// are told to everybody, each once however often it is asked for, at a pace.
type answers struct {
	due  [override.RangeCount]bool
	left int              // how many are due
	at   tracker.InfoHash // where to go on
	pace pacer
}

// add has a range told.
func (a *answers) add(first byte) {
	if !a.due[first] {
		a.due[first] = true
		a.left++
	}
}

// next appends the records of the packet to send at now to dst, up to limit. When it
// may not be sent yet, it returns when to come back; the zero time when there is
// nothing to tell.
func (a *answers) next(set Overrides, limit int, now time.Time, dst []override.Override) (_ []override.Override, wait time.Time) {
	if a.left == 0 {
		return dst, time.Time{}
	}
	if !a.pace.ready(now) {
		return dst, a.pace.next
	}
	for len(dst) < limit && a.left > 0 {
		dst = a.page(set, limit-len(dst), dst)
	}
	if len(dst) > 0 {
		a.pace.spend(now)
	}
	if a.left == 0 {
		return dst, time.Time{}
	}
	return dst, a.pace.next
}

// page appends records of one range, or goes on to the next.
func (a *answers) page(set Overrides, limit int, dst []override.Override) []override.Override {
	first := a.at[0]
	if !a.due[first] {
		a.at = tracker.InfoHash{first + 1} // after the last, the first
		return dst
	}
	told := dst
	page := set.From(a.at, limit, dst)[len(dst):]
	over := len(page) < limit
	for _, o := range page {
		if o.InfoHash[0] != first {
			over = true
			break
		}
		a.at = o.InfoHash
		if o.Decision.Spreads() {
			told = append(told, o)
		}
	}
	a.at, _ = a.at.Next()
	if over || a.at[0] != first {
		a.due[first] = false
		a.left--
		a.at = tracker.InfoHash{first + 1}
	}
	return told
}
