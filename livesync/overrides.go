package livesync

import (
	"context"
	"slices"
	"sync"
	"time"

	"keeptrack/livesync/transport"
	"keeptrack/livesync/wire"
	"keeptrack/tracker"
	"keeptrack/tracker/override"
)

// Overrides is what live sync needs of the overrides of the access list. Those that do
// not spread are in none of it but From. What changes them may wait for the disk.
type Overrides interface {
	// Label returns what names this instance to people.
	Label() override.Label
	// Digests returns the digests of what there is.
	Digests() override.Digests
	// From appends up to limit overrides to dst, from an info hash on, in order.
	From(h tracker.InfoHash, limit int, dst []override.Override) []override.Override
	// Take takes in what an instance has, as far as it is later than what there is. It
	// returns how many overrides that were, and for how many there was no room.
	Take(heard []override.Override, from wire.ID) (taken, full int, err error)
	// Prune forgets what was dropped more than override.Lifetime ago.
	Prune(now time.Time) error
	// Agreed returns when the overrides were last equal to those of another
	// instance, the zero time if never; Agree notes that they are at now.
	Agreed() time.Time
	Agree(now time.Time) error
	// GiveUp removes what was made more than override.Lifetime ago.
	GiveUp(now time.Time) error
}

// overrideSync is the state of the goroutine that runs runOverrides, and what is
// handed to it.
type overrideSync struct {
	set  Overrides // nil: overrides do not spread
	wake chan struct{}

	mu    sync.Mutex // guards what follows
	made  []override.Override
	heard []heardOverrides

	// The goroutine's.
	d          spreading
	answers    answers
	rest       time.Time // when to look at what was heard again
	complained time.Time // when the log last said that what was heard cannot be kept
	records    []override.Override
}

// heardOverrides is a packet about overrides.
type heardOverrides struct {
	kind      wire.Kind
	from      wire.ID
	overrides []override.Override
	digest    wire.OverrideDigest
	ranges    []askedRange
}

type askedRange struct {
	first  byte
	digest uint64
}

// maxHeard bounds the packets that wait to be looked at: 2 MB.
const maxHeard = 1024

// answerShare is the divisor of Options.TellRate that gives the pace of answers.
const answerShare = 4

func newOverrideSync(o *Options, now time.Time) *overrideSync {
	s := &overrideSync{wake: make(chan struct{}, 1), d: newSpreading(o.BeaconInterval, now)}
	s.answers.pace = newPacer(max(o.TellRate/answerShare, 1))
	if o.Keys != nil {
		s.set = o.Overrides
	}
	return s
}

// SpreadOverride tells all other instances of an override that was made here, if
// overrides spread. It does not wait.
func (n *Node) SpreadOverride(o override.Override) {
	s := n.overrides
	if s.set == nil {
		return
	}
	s.mu.Lock()
	if len(s.made) < override.Max { // the digest makes up for others
		s.made = append(s.made, o)
	}
	s.mu.Unlock()
	rouse(s.wake)
}

// hearOverrides hands a packet about overrides over to the goroutine that looks at it,
// because that may wait for the disk.
func (n *Node) hearOverrides(p wire.Packet, from transport.Endpoint, now time.Time) {
	s := n.overrides
	if s.set == nil {
		return
	}
	h := heardOverrides{kind: p.Kind, from: p.From}
	switch p.Kind {
	case wire.KindOverrides:
		h.overrides = n.believed(p, from, now)
	case wire.KindOverrideDigest:
		h.digest = p.OverrideDigest()
	case wire.KindOverrideAsk:
		for i := range p.Records() {
			first, digest := p.AskedRange(i)
			h.ranges = append(h.ranges, askedRange{first, digest})
		}
	}
	s.mu.Lock()
	full := len(s.heard) == maxHeard
	if !full {
		s.heard = append(s.heard, h)
	}
	s.mu.Unlock()
	if full {
		n.drop(DropBusy)
	}
	rouse(s.wake)
}

// believed returns the overrides of a packet that can be: their decision is known, and
// they were not made ahead of this instance's clock.
func (n *Node) believed(p wire.Packet, from transport.Endpoint, now time.Time) []override.Override {
	latest := override.Stamp(now.Add(MaxSkew))
	all := make([]override.Override, 0, p.Records())
	for i := range p.Records() {
		o := p.Override(i)
		var drop Drop
		switch {
		case !o.Decision.Spreads():
			drop = DropBadOverride
		case o.Time > latest:
			drop = DropOverrideAhead
		default:
			all = append(all, o)
			continue
		}
		n.drop(drop)
		n.complain(drop, from, now)
	}
	return all
}

// runOverrides has overrides spread until ctx is done.
func (n *Node) runOverrides(ctx context.Context) {
	s := n.overrides
	if s.set == nil {
		return
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	buf := make([]byte, 0, n.options.room(n.limits.MaxPacket))
	for {
		select {
		case <-ctx.Done():
			n.tellMade(buf)
			return
		case <-s.wake:
		case <-timer.C:
		}
		n.tellMade(buf)
		again := n.lookAtHeard(buf)
		now := time.Now()
		if s.d.due(now) {
			n.kept(s.set.Prune(now))
			n.sendToAll(wire.KindOverrideDigest, wire.AppendOverrideDigest(buf, n.options.ID,
				wire.OverrideDigest{Root: n.overrideRoot(), Agreed: s.set.Agreed(), Label: s.set.Label()}))
		}
		next := s.d.digest
		for _, t := range []time.Time{again, n.answerOn(buf, now)} {
			if !t.IsZero() && t.Before(next) {
				next = t
			}
		}
		timer.Reset(time.Until(next))
	}
}

func (n *Node) overrideRoot() uint64 {
	digests := n.overrides.set.Digests()
	return digests.Root()
}

// kept logs that what was heard cannot be kept, once an hour. It is asked for again.
func (n *Node) kept(err error) {
	s, now := n.overrides, time.Now()
	if err == nil || !s.complained.IsZero() && now.Sub(s.complained) < complainEvery {
		return
	}
	s.complained = now
	n.options.Log.Error().Err(err).Msg("live sync cannot store overrides of the access list from other instances")
}

// tellMade tells what was made here.
func (n *Node) tellMade(buf []byte) {
	s := n.overrides
	s.mu.Lock()
	made := s.made
	s.made = nil
	s.mu.Unlock()
	if len(made) == 0 {
		return
	}
	for some := range slices.Chunk(made, wire.KindOverrides.Records(cap(buf))) {
		n.tellOverrides(buf, some)
	}
	s.d.made(time.Now())
}

func (n *Node) tellOverrides(buf []byte, some []override.Override) {
	p := wire.AppendHeader(buf, n.options.ID, wire.KindOverrides)
	for i := range some {
		p = some[i].Append(p)
	}
	n.sendToAll(wire.KindOverrides, p)
}

// answerOn tells a packet of what this instance was asked for, if it may go now, and
// returns when to come back.
func (n *Node) answerOn(buf []byte, now time.Time) (next time.Time) {
	s := n.overrides
	s.records, next = s.answers.next(s.set, wire.KindOverrides.Records(cap(buf)), now, s.records[:0])
	if len(s.records) > 0 {
		n.tellOverrides(buf, s.records)
	}
	return next
}
