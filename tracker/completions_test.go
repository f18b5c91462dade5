package tracker

import (
	"testing"
	"time"
)

// completing is a tracker on which an address may be the first to complete so
// many torrents, and join any number, which would be the first to end else.
type completing struct {
	*rig
	next int // number of the next made-up torrent
}

func newCompleting(t testing.TB, limit int, timeout time.Duration) *completing {
	c := &completing{rig: newRig(t, func(o *Options) { o.MaxTorrentsPerAddress, o.TorrentTimeout = limit, timeout })}
	c.limits.joined = nil
	return c
}

// exhaust has an address complete one made-up torrent after the other, and
// returns how many counted before one did not.
func (c *completing) exhaust() (counted int) {
	for ; ; counted++ {
		c.next++
		if r := c.complete(loadHash(c.next), portOf(IPv4, 1, 0)); r.Downloaded == 0 {
			return counted
		}
	}
}

// pass lets time pass in steps, with a sweep after each.
func (c *completing) pass(d, step time.Duration) {
	for ; d > 0; d -= step {
		c.advance(step)
		c.sweepAll()
	}
}

func (c *completing) wantUncounted(want uint64) {
	c.t.Helper()
	if got := c.Stats().PeersRejected; got != [RejectionCount]uint64{RejectedCompletions: want} {
		c.t.Errorf("rejected %v, want %d completions", got, want)
	}
}

func TestFirstCompletionsPerAddress(t *testing.T) {
	const limit = 100
	for f := range Family(2) {
		c := newCompleting(t, limit, 720*time.Hour)
		for i := range limit {
			c.complete(loadHash(i), portOf(f, 1, i))
		}
		c.wantUncounted(0)
		c.published = nil
		r := c.complete(hashA, portOf(f, 1, 0))
		if r.Seeders != 1 || r.Downloaded != 0 || len(c.published) != 1 || c.published[0].Flags != SyncSeeding {
			t.Errorf("%v: beyond the limit %+v, published %v", f, r, c.published)
		}
		c.complete(hashA, portOf(f, 1, 0)) // is not asked about again
		c.wantUncounted(1)
		if got := c.Stats().Completed; got != limit {
			t.Errorf("%v: %d completed", f, got)
		}
		// One that has completions is never limited, nor are others.
		for port := range 5 {
			c.complete(loadHash(0), portOf(f, 1, 1000+port))
		}
		c.wantScrape(loadHash(0), Counts{Seeders: 6, Downloaded: 6})
		if r := c.complete(hashA, portOf(f, 2, 0)); r.Downloaded != 1 {
			t.Errorf("%v: downloaded %d by another address", f, r.Downloaded)
		}
		if r := c.complete(hashA, portOf(f, 1, 1)); r.Downloaded != 2 {
			t.Errorf("%v: downloaded %d after another address", f, r.Downloaded)
		}
		c.Load(c.now(), Record{hashN(9, 9), c.now().minute(), 7})
		if r := c.complete(hashN(9, 9), portOf(f, 1, 0)); r.Downloaded != 8 {
			t.Errorf("%v: downloaded %d of a torrent that was loaded", f, r.Downloaded)
		}
		c.wantUncounted(1)
	}
}

// TestUncountedCompletionIsForgotten lets torrents outlive their peers.
func TestUncountedCompletionIsForgotten(t *testing.T) {
	c := newCompleting(t, 3, 720*time.Hour)
	c.exhaust()
	c.pass(3*time.Hour, time.Hour)
	if got := c.Torrents(); got != 3 {
		t.Errorf("%d torrents are kept", got)
	}
}

func TestFirstCompletionsOfOthersAreNotLimited(t *testing.T) {
	c := newCompleting(t, 3, 720*time.Hour)
	c.exhaust()
	c.sync(hashA, portOf(IPv4, 1, 0), SyncSeeding|SyncComplete)
	c.wantScrape(hashA, Counts{Seeders: 1, Downloaded: 1})
	c.Merge(c.now(), Record{hashB, c.now().minute(), 5})
	c.wantScrape(hashB, Counts{Downloaded: 5})
	c.wantUncounted(1)
	// Nor do they count: another address still has all of it.
	for i := range 10 {
		c.sync(hashN(1, i), portOf(IPv4, 2, 0), SyncSeeding|SyncComplete)
	}
	for i := range 3 {
		c.complete(hashN(2, i), portOf(IPv4, 2, 0))
	}
	c.wantUncounted(1)
}

func TestFirstCompletionsComeBack(t *testing.T) {
	const timeout = 720 * time.Hour
	for _, limit := range []int{1, 10, 700} {
		c := newCompleting(t, limit, timeout)
		if n := c.exhaust(); n != limit {
			t.Errorf("limit %d: %d at first", limit, n)
		}
		sum := 0
		for range 40 { // two torrent timeouts
			c.pass(timeout/20, 6*time.Hour)
			sum += c.exhaust()
		}
		if sum != 2*limit {
			t.Errorf("limit %d: %d in two torrent timeouts", limit, sum)
		}
		c.pass(timeout, timeout) // asleep
		if n := c.exhaust(); n != limit {
			t.Errorf("limit %d: %d after a torrent timeout of silence", limit, n)
		}
	}
}

func TestFirstCompletionsNeverComeBack(t *testing.T) {
	c := newCompleting(t, 10, 0)
	c.exhaust()
	c.pass(10*365*24*time.Hour, 365*24*time.Hour)
	if n := c.exhaust(); n != 0 {
		t.Errorf("%d came back", n)
	}
}

// TestFirstCompletionsClockSetBack goes on from the new time.
func TestFirstCompletionsClockSetBack(t *testing.T) {
	const timeout = 720 * time.Hour
	for _, back := range []time.Duration{time.Second, time.Hour, timeout, 20 * 365 * 24 * time.Hour} {
		c := newCompleting(t, 10, timeout)
		c.pass(time.Hour, time.Hour)
		c.exhaust()
		c.advance(-back)
		c.sweepAll()
		if n := c.exhaust(); n != 0 {
			t.Errorf("set back by %v: %d came back", back, n)
		}
		c.pass(timeout/10+time.Hour, time.Hour)
		if n := c.exhaust(); n != 1 {
			t.Errorf("set back by %v: %d came back in time", back, n)
		}
	}
}

func TestNoLimitOnFirstCompletions(t *testing.T) {
	b := newRig(t, nil)
	for i := range 1000 {
		b.complete(loadHash(i), portOf(IPv4, 1, 0))
	}
	if s := b.Stats(); s.Completed != 1000 {
		t.Errorf("%+v", s)
	}
}
