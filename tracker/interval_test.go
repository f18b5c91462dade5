package tracker

import (
	"testing"
	"time"
)

func TestInterval(t *testing.T) {
	for _, c := range []struct {
		name             string
		interval, jitter time.Duration
		least, most      uint32 // both come up
	}{
		{"default", 30 * time.Minute, 3 * time.Minute, 1620, 1980},
		{"no jitter", 30 * time.Minute, 0, 1800, 1800},
		{"jitter of a second", 30 * time.Minute, time.Second, 1799, 1801},
		{"five minutes", 5 * time.Minute, time.Minute, 300, 360},
		{"less than five minutes", 299 * time.Second, 2 * time.Second, 297, 301},
		{"a minute", time.Minute, 0, 60, 60},
		{"jitter below a minute", 2 * time.Minute, 90 * time.Second, 60, 210},
		{"too short", time.Second, 0, 60, 60},
		{"jitter below the least", 6 * time.Minute, 3 * time.Minute, 300, 540},
		{"jitter above the most", 179 * time.Minute, 3 * time.Minute, 10560, 10800},
		{"too long", 24 * time.Hour, time.Hour, 10800, 10800},
		{"jitter larger than the interval", 10 * time.Minute, 20 * time.Minute, 300, 1800},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, func(o *Options) { o.AnnounceInterval, o.IntervalJitter = c.interval, c.jitter })
			least, most := ^uint32(0), uint32(0)
			for range 20_000 {
				r := b.leech(hashA, peer4(1))
				least, most = min(least, r.Interval), max(most, r.Interval)
			}
			if least != c.least || most != c.most {
				t.Errorf("%d to %d seconds, want %d to %d", least, most, c.least, c.most)
			}
		})
	}
}
