package livesync

import "time"

// paceSlack bounds what a stream may catch up after it was held up: no burst is
// longer than what the pace gives in this time.
const paceSlack = 50 * time.Millisecond

// pacer spreads packets evenly over time.
type pacer struct {
	interval time.Duration // between packets
	next     time.Time     // when the next packet may go
}

func newPacer(perSecond int) pacer { return pacer{interval: time.Second / time.Duration(perSecond)} }

// ready says whether a packet may go at now.
func (p *pacer) ready(now time.Time) bool { return !now.Before(p.next) }

// spend takes note of a packet that goes at now.
func (p *pacer) spend(now time.Time) {
	if earliest := now.Add(-paceSlack); p.next.Before(earliest) {
		p.next = earliest
	}
	p.next = p.next.Add(p.interval)
}

// hold keeps packets back until t. The time until then is not caught up.
func (p *pacer) hold(t time.Time) {
	if p.next.Before(t) {
		p.next = t
	}
}
