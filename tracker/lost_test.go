package tracker

import (
	"testing"
	"time"
)

// TestTakeStop has another instance say that a peer has stopped, up to a day ago, while the
// peer last announced here a minute ago.
func TestTakeStop(t *testing.T) {
	timeout := testOptions().PeerTimeout
	for _, c := range []struct {
		ago  time.Duration
		ok   bool
		left int
	}{
		{0, true, 0},
		{59 * time.Second, true, 0},
		{61 * time.Second, false, 1},
		{timeout - time.Second, false, 1},
		{timeout, true, 1},
		{3 * timeout, true, 1},
		{4*timeout - 30*time.Second, true, 1}, // ticks wrap around after four
		{24 * time.Hour, true, 1},
		{1 << 32 * time.Millisecond, true, 1},
	} {
		b := newRig(t, nil)
		b.leech(hashA, peer4(1))
		b.advance(time.Minute)
		r := SyncRecord{InfoHash: hashA, Peer: peer4(1), Flags: SyncStopped}
		if ok := b.TakeStop(b.time, c.ago, &r); ok != c.ok || len(b.states()) != c.left {
			t.Errorf("%s ago: %t, %d peers left; want %t, %d", c.ago, ok, len(b.states()), c.ok, c.left)
		}
		if ok := b.TakeStop(b.time, c.ago, &SyncRecord{InfoHash: hashB, Peer: peer4(1), Flags: SyncStopped}); !ok {
			t.Errorf("%s ago: false for a peer that is not stored", c.ago)
		}
	}
}
