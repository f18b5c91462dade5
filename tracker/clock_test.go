package tracker

import (
	"testing"
	"time"
)

func TestInstant(t *testing.T) {
	c := newClock(epoch, ticksPerTimeout*time.Second)
	for _, k := range []struct {
		name  string
		after time.Duration
		tick  uint16
	}{
		{"start", 0, 0},
		{"just before a tick", time.Second - 1, 0},
		{"a tick", time.Second, 1},
		{"a peer timeout", ticksPerTimeout * time.Second, ticksPerTimeout},
		{"the last tick", tickMask * time.Second, tickMask},
		{"wrapped around", (tickMask + 1) * time.Second, 0},
		{"after a year", 366 * 24 * time.Hour, 366 * 24 * 3600 % (tickMask + 1)},
		{"before the start", -2 * time.Second, tickMask - 1},
	} {
		t.Run(k.name, func(t *testing.T) {
			now := epoch.Add(k.after)
			got := c.instant(now)
			if got.tick != k.tick || int64(got.second) != now.Unix() || int64(got.minute()) != now.Unix()/60 {
				t.Errorf("%+v at %v, want tick %d", got, now, k.tick)
			}
		})
	}
}

func TestTicksSince(t *testing.T) {
	for _, c := range []struct {
		name      string
		now, tick uint16
		want      uint16
	}{
		{"now", 5, 5, 0},
		{"before", 5, 3, 2},
		{"before the last wrap", 5, tickMask, 6},
		{"as long ago as can be told", 0, tickMask + 2 - 3*ticksPerTimeout, 3*ticksPerTimeout - 1},
		{"ahead", 5, 6, 0},
		{"ahead of the next wrap", tickMask, 1, 0},
		{"ahead by a peer timeout", 5, 5 + ticksPerTimeout, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := (Instant{tick: c.now}).ticksSince(c.tick & tickMask); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
}

func TestTicks(t *testing.T) {
	c := newClock(epoch, ticksPerTimeout*time.Second)
	for d, want := range map[time.Duration]uint16{
		0:                      0,
		time.Second - 1:        0,
		10 * time.Minute:       600,
		30 * 24 * time.Hour:    tickMask,
		tickMask * time.Second: tickMask,
	} {
		if got := c.ticks(d); got != want {
			t.Errorf("%v: %d ticks, want %d", d, got, want)
		}
	}
	if tiny := newClock(epoch, 1); tiny.tick != 1 {
		t.Errorf("the shortest peer timeout has ticks of %v", tiny.tick)
	}
}
