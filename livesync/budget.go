package livesync

import "time"

// Receiving may take half of one processor. Packets beyond that wait in the
// receive buffer. When it is full, the system drops and counts them, which costs
// less than reading them. So other instances cannot keep this one from answering
// its clients, however much they send.
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

// spend charges one packet's receive and processing time and returns how long to
// pause, at most 20 ms: a packet that took longer was interrupted. Receive was
// called at asked and returned at came; processing ended at done.
func (b *budget) spend(asked, came, done time.Time) time.Duration {
	b.used = max(0, b.used-done.Sub(b.last)/budgetShare)
	b.last = done
	b.used += min(came.Sub(asked), readCost) + min(done.Sub(came), budgetBurst)
	if b.used < budgetBurst {
		return 0
	}
	return b.used * budgetShare
}
