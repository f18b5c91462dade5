package tracker

import (
	"testing"
	"time"
)

func TestRenewals(t *testing.T) {
	b := newRig(t, nil) // a tick is a second
	b.leech(hashN(1, 1), peer4(1))
	b.seed(hashN(2, 1), peer6(1))
	b.advance(59 * time.Second)
	b.leech(hashN(1, 1), peer4(1)) // after 0 minutes
	b.sync(hashN(1, 1), peer4(1), 0)
	b.advance(time.Second)
	b.seed(hashN(2, 1), peer6(1)) // after 1
	b.stop(hashN(1, 1), peer4(1))
	b.leech(hashN(1, 1), peer4(1))
	b.advance(44 * time.Minute)
	b.leech(hashN(1, 1), peer4(1)) // after 44
	b.advance(10 * time.Minute)
	b.seed(hashN(2, 1), peer6(1)) // after 54
	if got, want := b.Renewals(), (Renewals{0: 1, 1: 1, 44: 2}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}
