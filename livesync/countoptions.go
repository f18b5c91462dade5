package livesync

import (
	"slices"
	"time"

	"keeptrack/livesync/exact"
	"keeptrack/livesync/transport"
	"keeptrack/tracker"
)

const (
	// keptRecords is how many parts that were sent are kept, to be sent again: 4 MiB.
	// That is three beacon intervals at 360 completions a second; what is older is
	// found by digest.
	keptRecords = 1 << 16
	// transit bounds how long a packet is under way, from the age that it tells to the
	// time at which that is looked at.
	transit = 2 * time.Second
	// rotateAfter is how long an origin counts before it is followed by another.
	rotateAfter = 24 * time.Hour
	// awayFor is how long nobody may hear a member before it counts as gone for good.
	awayFor = 30 * 24 * time.Hour
	// aloneFor is how long an instance that knows no member waits for one.
	aloneFor = 24 * time.Hour
	// retryShare is the divisor of the beacon interval that gives the time until a
	// question is asked again, so that several tries fit into an interval. No answer is
	// waited for a shorter time than leastRetry: it may be on its way around the world,
	// behind a full queue.
	retryShare = 60
	leastRetry = 250 * time.Millisecond
	// retryPackets is how many packets of the pace of repair may lie between a question
	// and its answer: those of a few searches at once.
	retryPackets = 256
)

// reorder returns how long what was copied waits before it is told: until completions
// that the copy has have reached all others as records of peers. Those that this instance
// counted have been sent by then, and all that is to arrive does so within the reorder
// window. Counts of another member's may be here, by its packet of parts, before it has
// sent its record, and it may wait for the packet to fill.
func (n *Node) reorder() time.Duration {
	if n.counting == nil {
		return n.limits.ReorderWindow
	}
	return n.limits.ReorderWindow + 2*n.options.MaxDelay
}

// heardByAll returns how long it may take until all others have heard of the completions
// that no part tells and that were counted here: those of strangers are sent to all at
// once, one's own may wait for a packet to fill.
func (n *Node) heardByAll() time.Duration {
	wait := n.limits.ReorderWindow
	if time.Since(n.counting.parts.LastUnmarked()) < n.options.MaxDelay+unmarkedMargin {
		wait += n.options.MaxDelay
	}
	return wait
}

// awaited reports whether the transport was told, within the last day, of a member that it
// has never heard: it may have counted on its own what others would fold.
func awaited(peers []transport.Peer, now time.Time) bool {
	return slices.ContainsFunc(peers, func(p transport.Peer) bool {
		return !p.Self && p.Heard.IsZero() && now.Sub(p.Since) < aloneFor
	})
}

// unmarkedMargin is more than a second, to which tracker.Parts.LastUnmarked is rounded.
const unmarkedMargin = 2 * time.Second

// groupOptions returns the options of the group whose packets may have room bytes after
// their type.
func (n *Node) groupOptions(room int) exact.Options {
	o := &n.options
	// Torrents that have parts are let go later than others, and one that comes back
	// must count for another origin than before.
	longest := awayFor / 2
	if o.TorrentTimeout > 0 {
		longest = min(longest, o.TorrentTimeout/2)
	}
	g := exact.Options{
		Interval:   o.BeaconInterval,
		MaxDelay:   o.MaxDelay,
		Retry:      max(o.BeaconInterval/retryShare, leastRetry, retryPackets*n.counting.repair.pace.interval),
		Transit:    transit,
		Reorder:    n.heardByAll,
		Rotate:     min(rotateAfter, longest/2),
		RotateHeld: longest,
		Unsettled:  o.RenewAfter + 2*o.BeaconInterval,
		Away:       awayFor,
		Alone:      aloneFor,
		Awaited:    func() bool { return awaited(n.transport.State().Peers, time.Now()) },
		Sizes:      exact.SizesFor(room),
		NewOrigin:  tracker.NewOrigin,
		Keep:       n.keep,
		Send:       n.sendCount,
	}
	if o.Overrides != nil {
		g.Label = o.Overrides.Label()
	}
	return g
}
