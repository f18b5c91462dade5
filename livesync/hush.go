package livesync

import "time"

const (
	// maxHush is how many intervals in a row the TELL packets of others keep
	// this instance quiet. A stream of 100 million torrents takes 37 at the
	// default pace.
	maxHush = 60
	// deafFor is how many intervals they do not, after that: enough for a
	// beacon, the wait for an inquiry and the inquiries.
	deafFor = 10
	// hushGap is how many intervals without a TELL packet end a hush. In a
	// shorter one nobody would have come to ask.
	hushGap = 4
)

// hush is the quiet that the TELL packets of others ask for. Whoever can forge
// one now and then would keep everybody quiet for ever, were it not bounded.
type hush struct {
	began, last time.Time // first and last packet; zero: none
	deafUntil   time.Time
}

// heard takes note of a TELL packet. It reports whether to be quiet for it, and
// whether this is where that has been so for too long.
func (h *hush) heard(now time.Time, interval time.Duration) (quiet, tooLong bool) {
	if now.Before(h.deafUntil) {
		return false, false
	}
	if h.began.IsZero() || now.Sub(h.last) > hushGap*interval {
		h.began = now
	}
	h.last = now
	if now.Sub(h.began) <= maxHush*interval {
		return true, false
	}
	h.deafUntil, h.began = now.Add(deafFor*interval), time.Time{}
	return false, true
}
