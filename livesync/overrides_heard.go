package livesync

import (
	"time"

	"keeptrack/livesync/wire"
	"keeptrack/tracker/override"
)

// Taking in overrides costs a transaction and putting the whole access list in force
// anew. So many packets are taken in together: between two times it rests for restShare
// times as long as the last took, up to longestRest.
const (
	restShare   = 10
	longestRest = 500 * time.Millisecond
)

// lookAtHeard takes in the packets that have come. If it is to rest, it returns when to
// come back.
func (n *Node) lookAtHeard(buf []byte) (again time.Time) {
	s, now := n.overrides, time.Now()
	s.mu.Lock()
	if now.Before(s.rest) && len(s.heard) > 0 {
		s.mu.Unlock()
		return s.rest
	}
	heard := s.heard
	s.heard = nil
	s.mu.Unlock()
	for len(heard) > 0 {
		first := &heard[0]
		heard = heard[1:]
		switch first.kind {
		case wire.KindOverrides:
			// Those that follow go to the disk together with them.
			for len(heard) > 0 && heard[0].kind == first.kind && heard[0].from == first.from {
				first.overrides = append(first.overrides, heard[0].overrides...)
				heard = heard[1:]
			}
			n.takeOverrides(first)
		case wire.KindOverrideDigest:
			n.compareDigest(first, buf)
		case wire.KindOverrideAsk:
			n.answer(first, buf)
		}
	}
	return time.Time{}
}

func (n *Node) takeOverrides(h *heardOverrides) {
	s, began := n.overrides, time.Now()
	taken, full, err := s.set.Take(h.overrides, h.from)
	if done := time.Now(); taken > 0 {
		s.rest = done.Add(min(restShare*done.Sub(began), longestRest))
	}
	n.kept(err)
	n.counters.drops[DropFull].Add(uint64(full))
	n.counters.overridesTaken.Add(uint64(taken))
	s.d.answered(h.from, taken > 0)
}

// compareDigest asks an instance that has something else.
func (n *Node) compareDigest(h *heardOverrides, buf []byte) {
	s, now := n.overrides, time.Now()
	digests := s.set.Digests()
	equal := digests.Root() == h.digest.Root
	n.instances.compared(h.from, h.digest.Label, equal, now)
	if equal {
		s.d.equal(h.from)
		n.kept(s.set.Agree(now))
		return
	}
	own := s.set.Agreed()
	switch {
	case wasAway(own, h.digest.Agreed, now):
		n.kept(s.set.GiveUp(now))
		digests = s.set.Digests()
	case wasAway(h.digest.Agreed, own, now):
		// It has what was dropped here and forgotten. It gives that up once it hears
		// this instance's digest, and asks then, upon which it is asked in turn.
		s.d.made(now)
		return
	}
	if s.d.differs(h.from, now) {
		n.ask(h.from, &digests, buf)
	}
}

// answer has an instance told what it asks for, and asks it in turn.
func (n *Node) answer(h *heardOverrides, buf []byte) {
	s := n.overrides
	digests := s.set.Digests()
	differs := false
	for _, r := range h.ranges {
		if digests[r.first] != r.digest {
			s.answers.add(r.first)
			differs = true
		}
	}
	if differs && s.d.differs(h.from, time.Now()) {
		n.ask(h.from, &digests, buf)
	}
}

// ask asks an instance for what differs from the digests.
func (n *Node) ask(target wire.ID, digests *override.Digests, buf []byte) {
	to, perPacket := n.instances.endpoint(target), wire.KindOverrideAsk.Records(cap(buf))
	for first := 0; first < len(digests); {
		p := wire.AppendOverrideAsk(buf, n.options.ID, target)
		for end := min(first+perPacket, len(digests)); first < end; first++ {
			p = wire.AppendAskedRange(p, byte(first), digests[first])
		}
		n.send(to, wire.KindOverrideAsk, p)
	}
}
