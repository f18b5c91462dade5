package livesync

import "time"

// paceSlack is the slack of a stream of counts.
const paceSlack = 50 * time.Millisecond

// pacer spreads packets evenly over time.
type pacer struct {
	interval time.Duration // between packets
	// slack bounds what may be caught up after packets were held up: no burst is
	// longer than what the pace gives in this time.
	slack time.Duration
	next  time.Time // when the next packet may go
}

func newPacer(perSecond int) pacer {
	return pacer{interval: time.Second / time.Duration(perSecond), slack: paceSlack}
}

// ready says whether a packet may go at now.
func (p *pacer) ready(now time.Time) bool { return !now.Before(p.next) }

// spend takes note of a packet that goes at now.
func (p *pacer) spend(now time.Time) { p.pay(now, p.interval) }

// pay is spend for a packet that takes a time of its own.
func (p *pacer) pay(now time.Time, takes time.Duration) {
	p.next = later(p.next, now.Add(-p.slack)).Add(takes)
}

// hold keeps packets back until t. The time until then is not caught up.
func (p *pacer) hold(t time.Time) {
	if p.next.Before(t) {
		p.next = t
	}
}
