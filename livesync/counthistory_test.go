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
	"keeptrack/livesync/transport"
	"keeptrack/livesync/transport/memory"
	"keeptrack/livesync/transport/multicast"
	"keeptrack/livesync/transport/nats"
	"keeptrack/livesync/transport/unicast"
)

var firstSeed = flag.Uint64("first", 0, "first seed of TestMembersInAnyHistory")

// carrier is the twin of a transport in memory.
type carrier struct {
	name    string
	options memory.Options
	// link draws what the network does to packets.
	link func(*rand.Rand) memory.Link
	// cut cuts links from members to others.
	cut func(*countHistory)
}

// carriers keep what the transports promise, and no more than that.
var carriers = []carrier{
	{
		"multicast", // to all, and back; instances may share a host
		memory.Options{Limits: transport.Limits{MaxPacket: multicast.MaxPacket, ReorderWindow: multicast.ReorderWindow}, Broadcast: true, Shared: true},
		lossy, func(h *countHistory) { h.cutLinks(memory.Link{Cut: true}) },
	},
	{
		"unicast", // to each; an address may be known here and not there
		memory.Options{Limits: transport.Limits{MaxPacket: unicast.SafePacket, ReorderWindow: unicast.ReorderWindow}},
		lossy, func(h *countHistory) { h.cutLinks(memory.Link{Cut: h.rng.IntN(2) == 0, Foreign: true}) },
	},
	{
		"nats", // in order; who loses the connection is cut off from all
		memory.Options{Limits: transport.Limits{MaxPacket: nats.MaxPacket, ReorderWindow: nats.ReorderWindow}, Ordered: true},
		func(rng *rand.Rand) memory.Link {
			l := lossy(rng)
			l.Loss, l.Duplicate = l.Loss/10, 0 // of a slow one
			return l
		},
		func(h *countHistory) { h.members[h.rng.IntN(len(h.members))].port.Disconnect() },
	},
}

// countHistory is what chance does to a group of members.
type countHistory struct {
	*countWorld
	over carrier
	link memory.Link
}

func newCountHistory(t *testing.T, seed uint64, over carrier) *countHistory {
	rng := rand.New(rand.NewPCG(seed, 12))
	h := &countHistory{newCountWorld(t, seed, 0, lan), over, over.link(rng)}
	o := over.options
	o.Seed, o.Link = seed, over.link(rng)
	h.net = memory.New(o)
	if seed%4 == 0 {
		h.options.Keys = keysOf(t, 1)
	}
	for range 2 + rng.IntN(3) {
		h.join(countDisk{})
	}
	return h
}

// TestMembersInAnyHistory lets chance act on groups of members, with real packets and the
// constants of the default config: loss, repetition, reordering, partitions that may let
// packets through one way, clean and unclean restarts, newcomers. No instance ever shows
// more than was completed; three intervals of a whole network make all show just that. So
// it is over the twin of each transport. The rules over months are proven in livesync/exact.
func TestMembersInAnyHistory(t *testing.T) {
	histories := testenv.Pick(10, 700) // over each carrier
	for _, over := range carriers {
		t.Run(over.name, func(t *testing.T) {
			var folded, away, restarted atomic.Int64
			t.Run("seed", func(t *testing.T) {
				for seed := *firstSeed; seed < *firstSeed+uint64(histories); seed++ {
					t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) {
							h := newCountHistory(t, seed, over)
							for range 10 + h.rng.IntN(20) {
								if h.step() {
									restarted.Add(1)
								}
								if len(h.members[0].Cluster().Counting.HeldUp) > 0 {
									away.Add(1)
								}
							}
							h.heal(lan)
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
		})
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
		h.over.cut(h)
	case n < 13:
		h.heal(h.link)
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

// heal has all members connected, by links of one kind.
func (h *countHistory) heal(l memory.Link) {
	h.net.SetAll(l)
	for _, c := range h.members {
		c.port.Connect()
	}
}

// cutLinks has links between some members be of a kind that lets nothing through, each
// way for itself or both.
func (h *countHistory) cutLinks(l memory.Link) {
	both := h.rng.IntN(2) == 0
	for _, a := range h.members {
		for _, b := range h.members {
			if a != b && h.rng.IntN(3) == 0 {
				h.net.SetLink(a.port, b.port, l)
				if both {
					h.net.SetLink(b.port, a.port, l)
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
	h.heal(h.link)
	h.exactWithin(lossyIntervals, "before a kill")
	c.stop(h.t)
	time.Sleep(time.Duration(h.rng.Int64N(int64(10 * time.Minute))))
	h.start(c)
}
