package livesync

import (
	"testing"
	"time"
)

// work has a budget spend on packets that take a time each, one every
// interval or as soon as the one before is done with, and returns how many
// were taken in a second and the number of pauses.
func work(each, interval time.Duration) (packets, pauses int) {
	var b budget
	now := time.Unix(1, 0)
	for end := now.Add(time.Second); now.Before(end); packets++ {
		asked := now
		if packets > 0 {
			now = now.Add(max(0, interval-each))
		}
		done := now.Add(each)
		pause := b.spend(asked, now, done)
		if now = done.Add(pause); pause > 0 {
			pauses++
		}
	}
	return packets, pauses
}

func TestReceivingTakesHalfAProcessorAtMost(t *testing.T) {
	for _, each := range []time.Duration{time.Microsecond, 20 * time.Microsecond, time.Millisecond} {
		packets, pauses := work(each, 0)
		if share := time.Duration(packets) * each; share < 450*time.Millisecond || share > 550*time.Millisecond {
			t.Errorf("%s a packet: %s of a second, %d pauses", each, share, pauses)
		}
	}
}

func TestReceivingIsNotHeldUpBelowItsShare(t *testing.T) {
	for _, interval := range []time.Duration{50 * time.Microsecond, time.Millisecond} {
		if packets, pauses := work(20*time.Microsecond, interval); pauses > 0 {
			t.Errorf("one packet every %s: %d pauses in %d packets", interval, pauses, packets)
		}
	}
}

func TestAnInterruptionHoldsUpLittle(t *testing.T) {
	var b budget
	now := time.Unix(1, 0)
	if pause := b.spend(now, now, now.Add(time.Hour)); pause > 2*budgetBurst*budgetShare {
		t.Errorf("paused for %s", pause)
	}
}
