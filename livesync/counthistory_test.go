package livesync

import (
	"flag"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/livesync/transport/memory"
)

var firstSeed = flag.Uint64("first", 0, "first seed of TestMembersInAnyHistory")

// countHistory is what chance does to a group of members.
type countHistory struct {
	*countWorld
	link memory.Link
}

// TestMembersInAnyHistory lets chance act on groups of members, with real packets and the
// constants of the default config: loss, repetition, reordering, partitions that may let
// packets through one way, clean and unclean restarts, newcomers. No instance ever shows
// more than was completed; three intervals of a whole network make all show just that.
// The rules over months are proven in livesync/exact.
func TestMembersInAnyHistory(t *testing.T) {
	var folded, away, restarted atomic.Int64
	histories := testenv.Pick(60, 2000)
	t.Run("seed", func(t *testing.T) {
		for seed := *firstSeed; seed < *firstSeed+uint64(histories); seed++ {
			t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					rng := rand.New(rand.NewPCG(seed, 12))
					h := countHistory{newCountWorld(t, seed, 2+rng.IntN(3), lossy(rng)), lossy(rng)}
					if seed%4 == 0 {
						h.options.Keys = keysOf(t, 1)
						for _, c := range h.members {
							h.restart(c)
						}
					}
					for range 10 + rng.IntN(20) {
						if h.step() {
							restarted.Add(1)
						}
						if len(h.members[0].Cluster().Counting.HeldUp) > 0 {
							away.Add(1)
						}
					}
					h.net.SetAll(lan)
					h.exactWithin(3, "in the end")
					if h.members[0].Cluster().Counting.Folded > 0 {
						folded.Add(1)
					}
					h.stop()
				})
			})
		}
	})
	t.Logf("%d histories: %d folded, held up at %d steps, %d restarts", histories, folded.Load(), away.Load(), restarted.Load())
	if folded.Load() < int64(histories/20) || away.Load() < int64(histories/20) {
		t.Error("too few folded or were held up")
	}
}

// step does one thing, and reports whether it was a restart.
func (h *countHistory) step() (restarted bool) {
	interval := h.options.BeaconInterval
	some := func(most time.Duration) time.Duration { return time.Duration(h.rng.Int64N(int64(most))) + 1 }
	switch n := h.rng.IntN(20); {
	case n < 9:
		h.busy(1+h.rng.IntN(20), some(interval), h.up()...)
	case n < 11:
		h.cut()
	case n < 13:
		h.net.SetAll(h.link)
	case n < 15:
		h.restart(h.members[h.rng.IntN(len(h.members))])
		return true
	case n < 17:
		h.kill(h.members[h.rng.IntN(len(h.members))])
		return true
	case n < 18 && len(h.members) < 5:
		h.join(countDisk{})
	case n < 19:
		h.members[h.rng.IntN(len(h.members))].checkpoint()
	default:
		time.Sleep(some(5 * interval))
	}
	return false
}

// cut cuts links between some members, each way for itself or both.
func (h *countHistory) cut() {
	both := h.rng.IntN(2) == 0
	for _, a := range h.members {
		for _, b := range h.members {
			if a != b && h.rng.IntN(3) == 0 {
				h.net.SetLink(a.port, b.port, memory.Link{Cut: true})
				if both {
					h.net.SetLink(b.port, a.port, memory.Link{Cut: true})
				}
			}
		}
	}
}

// restart stops a member and starts it again.
func (h *countHistory) restart(c *counter) {
	c.stop(h.t)
	c.checkpoint()
	h.start(c)
}

// kill has a member go on from its last checkpoint, once the others have what it counted.
func (h *countHistory) kill(c *counter) {
	h.net.SetAll(h.link)
	h.exactWithin(lossyIntervals, "before a kill")
	c.stop(h.t)
	time.Sleep(time.Duration(h.rng.Int64N(int64(10 * time.Minute))))
	h.start(c)
}
