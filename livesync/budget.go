package livesync

import "time"

// Receiving may take half of one processor: what is beyond that waits in the
// receive buffer, and is dropped and counted there when it is full, which
// costs less than reading it. So nodes cannot keep this instance from
// answering its clients, however much they send.
const (
	// budgetShare is the divisor of the share.
	budgetShare = 2
	// budgetBurst is how long receiving may go on without a pause.
	budgetBurst = 5 * time.Millisecond
	// readCost is the most that reading one packet is taken to cost; what is
	// beyond was waiting.
	readCost = 2 * time.Microsecond
)

// budget limits the time spent on received packets.
type budget struct {
	used time.Duration // beyond the share
	last time.Time     // when used was right
}

// spend takes note of a packet that was asked for at asked, came at came and
// was done with at done, and returns how long to pause, at most 20 ms: a packet
// that took longer was interrupted.
func (b *budget) spend(asked, came, done time.Time) time.Duration {
	b.used = max(0, b.used-done.Sub(b.last)/budgetShare)
	b.last = done
	b.used += min(came.Sub(asked), readCost) + min(done.Sub(came), budgetBurst)
	if b.used < budgetBurst {
		return 0
	}
	return b.used * budgetShare
}
