package exact

import (
	"testing"
	"time"

	"keeptrack/tracker"
)

// breakBefore and breakAfter leave out the rule that the world does without, around
// the taking in of a message.
func (m *member) breakBefore(p *packet) {
	switch m.w.broken {
	case "take parts of folded origins":
		take := func(o Origin, records []Record) {
			for _, r := range records {
				if m.group.folded.has[o] {
					m.table.Raise(m.w.now, o, r)
				}
			}
		}
		switch msg := p.m.(type) {
		case *Parts:
			take(p.origin, msg.Records)
		case *Records:
			take(msg.Subject, msg.Records)
		}
	case "merge between unlike sets":
		switch msg := p.m.(type) {
		case *Records:
			c := *msg
			c.Folded = m.group.folded.sum
			p.m = &c
		case *Hello:
			if msg.Folded != m.group.folded.sum {
				if mt := m.group.mate(p.origin, m.w.now); mt != nil {
					m.group.repair(mt, Nobody, thingNobody, 0, m.w.now)
				}
			}
		}
	case "hear of no member from others":
		if msg, ok := p.m.(*Hello); ok {
			c := *msg
			c.Known = nil
			p.m = &c
		}
	}
}

func (m *member) breakAfter(own sent) {
	switch m.w.broken {
	case "stand in for nothing":
		m.group.ledger.takeAll()
	case "go on when called ended":
		if m.group.ledger.Own() != own.origin {
			m.group.ledger.sent = own
			delete(m.group.ended, own.origin)
		}
	}
}

// sameOrigin starts without beginning an origin.
func (m *member) sameOrigin(floors bool) {
	present := m.disk.state.Present
	s, w := m.disk.state, m.w
	s.Present = Nobody
	l := NewLedger(w.sizes.Records, w.keepRecords, func() time.Time { return w.now })
	m.table = newMemory(l, timeout, timeout-5*interval, m.disk.records)
	m.table.refuses = m.refuses
	o := m.options()
	next := o.NewOrigin
	o.NewOrigin = func() Origin { return present }
	m.group = NewGroup(o, m.table, l, s, floors, m.w.now)
	m.group.options.NewOrigin = next
	m.folded = len(m.group.folded.order)
	m.tellAt = m.w.now.Add(interval)
}

// TestEveryRuleShows leaves out one rule after the other, and looks that a history
// soon violates what must hold.
func TestEveryRuleShows(t *testing.T) {
	for rule, first := range map[string]uint64{ // with a seed near to one that shows it
		"begin no origin at a start":   1,
		"fold at once":                 1,
		"take parts of folded origins": 1,
		"merge between unlike sets":    1,
		"count marked completions":     1,
		"end floors at once":           1,
		"tell strangers at once":       1,
		"go on when called ended":      340,
		"stand in for nothing":         1,
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			const most = 500
			for seed := first; seed < first+most; seed++ {
				if w := history(seed, rule); w.bad != "" {
					t.Logf("seed %d: %.120s", seed, w.bad)
					return
				}
			}
			t.Errorf("does not show in %d histories", most)
		})
	}
}

// TestOneAwayHoldsUpFolding has an instance that never heard of the one that is away:
// it must not fold what that one has more of.
func TestOneAwayHoldsUpFolding(t *testing.T) {
	for rule, lost := range map[string]bool{"": false, "hear of no member from others": true} {
		w := newWorld(1, rule)
		w.jitter, w.hold = time.Millisecond, time.Millisecond
		h := tracker.InfoHash{1}
		w.torrents = []tracker.InfoHash{h}
		for _, name := range []string{"a", "d"} {
			w.add(name, newMember(w, name, disk{}))
		}
		pass := func(intervals int) { w.run(w.now.Add(time.Duration(intervals) * interval)) }
		complete := func(name string, n int) {
			for range n {
				w.nodes[name].completed(h)
			}
		}
		pass(3)
		complete("d", 3)
		pass(1)
		w.side["a"] = 1
		complete("d", 2) // a does not hear of it
		complete("a", 2) // nor d of this
		d := w.nodes["d"].(*member)
		d.checkpoint()
		d.start(false)
		w.side["a"], w.deaf[[2]string{"a", "d"}] = 0, true
		pass(2) // a hears that d's origin has ended, and asks d in vain
		w.side["d"] = 1
		w.add("b", newMember(w, "b", disk{}))
		a := w.nodes["a"].(*member)
		a.checkpoint()
		a.start(false)
		pass(10)
		clear(w.side)
		clear(w.deaf)
		pass(10)
		for _, name := range w.order {
			if got := w.nodes[name].total(h); (got == 7) == lost {
				t.Errorf("%q: %s shows %d of 7%s", rule, name, got, w.dump(h))
			}
		}
	}
}

// newQuickWorld returns a world of members a and b that is fast, and its torrent.
func newQuickWorld(rule string) (*world, tracker.InfoHash) {
	w := newWorld(1, rule)
	w.jitter, w.hold = time.Millisecond, time.Millisecond
	w.torrents = []tracker.InfoHash{{1}}
	for _, name := range []string{"a", "b"} {
		w.add(name, newMember(w, name, disk{}))
	}
	w.run(w.now.Add(3 * interval))
	return w, w.torrents[0]
}

// TestACrashedOriginIsFolded has an instance crash that has counted and has not yet
// written what it counted.
func TestACrashedOriginIsFolded(t *testing.T) {
	for rule, left := range map[string]bool{"": false, "name origins later": true} {
		w, h := newQuickWorld(rule)
		w.nodes["a"].completed(h)
		w.run(w.now.Add(interval))
		w.nodes["a"].(*member).crash()
		w.run(w.now.Add(10 * interval))
		for _, name := range w.order {
			c := w.nodes[name].(*member).table.of[h]
			if got := c.nobody != 1; got != left || c.total() != 1 {
				t.Errorf("%q: %s has %+v", rule, name, c)
			}
		}
	}
}

// TestOneAwaitedHoldsUpFolding has an origin end while a member is expected that nobody
// has heard yet.
func TestOneAwaitedHoldsUpFolding(t *testing.T) {
	w, h := newQuickWorld("")
	nobody := func(want uint64) {
		t.Helper()
		for _, name := range w.order {
			if c := w.nodes[name].(*member).table.of[h]; c.nobody != want || c.total() != 1 {
				t.Errorf("%s has %+v, of nobody should be %d", name, c, want)
			}
		}
	}
	w.awaits = true
	w.nodes["a"].completed(h)
	w.run(w.now.Add(interval))
	w.nodes["a"].(*member).crash()
	w.run(w.now.Add(10 * interval))
	nobody(0)
	w.awaits = false
	w.run(w.now.Add(5 * interval))
	nobody(1)
}

// TestUpgradedAlone upgrades an instance that is cut off. What it shows from before it
// is not nobody's until it has heard the others.
func TestUpgradedAlone(t *testing.T) {
	for rule, doubled := range map[string]bool{"": false, "wait for nobody when alone": true} {
		w, h := newQuickWorld(rule)
		s := newStranger(w, "s")
		w.add("s", s)
		w.nodes["a"].completed(h)
		w.run(w.now.Add(interval))
		w.side["s"], w.apart = 1, true // what is above the truth is looked at here
		w.nodes["s"] = s.upgrade()
		w.run(w.now.Add(10 * interval))
		clear(w.side)
		w.run(w.now.Add(5 * interval))
		if got := w.nodes["s"].total(h); (got == 2) != doubled {
			t.Errorf("%q: shows %d of 1", rule, got)
		}
	}
}

// TestNobodysPartRipens has a mate ask for what a stranger's completion raised just now.
func TestNobodysPartRipens(t *testing.T) {
	for rule, early := range map[string]bool{"": false, "tell nobody's part at once": true} {
		w := newWorld(1, rule)
		h := tracker.InfoHash{1}
		w.truth[h], w.apart = 1, true // what is above the truth is looked at here
		a, b := newMember(w, "a", disk{}), newMember(w, "b", disk{})
		w.add("a", a)
		w.add("b", b)
		complete := packet{from: "s", kind: kindComplete, hash: h}
		a.hear(complete)
		b.group.Hear(a.group.ledger.Own(), &Hello{Serial: 1, Nobody: a.group.ledger.root(Nobody)}, w.now)
		w.jitter = time.Millisecond // of all but that packet
		w.run(w.now.Add(w.hold))
		b.hear(complete) // as late as a packet can be
		w.run(w.now.Add(w.hold * 3))
		if got := b.total(h); (got > 1) != early {
			t.Errorf("%q: shows %d of 1", rule, got)
		}
	}
}

// TestPartsNameTheirOrigin has an origin reach an instance by records alone.
func TestPartsNameTheirOrigin(t *testing.T) {
	w := newWorld(1, "")
	m := newMember(w, "a", disk{})
	w.add("a", m)
	mate, gone := w.newOrigin(), w.newOrigin()
	m.group.Hear(mate, &Hello{Serial: 1}, w.now)
	answer := &Records{Subject: gone, Last: 1<<12 - 1, Records: []Record{{Value: 1}}}
	m.group.Hear(mate, answer, w.now) // which nobody has asked for
	if _, ok := m.group.known[gone]; ok {
		t.Error("taken in unasked")
	}
	m.group.repair(m.group.mates[mate], gone, thingSilent, 0, w.now)
	m.group.Hear(mate, &Digests{Subject: gone, Nodes: []NodeDigests{{Children: [nodeChildren]uint64{0: 1}}}}, w.now)
	m.group.Hear(mate, answer, w.now)
	if at, ok := m.group.known[gone]; !ok || !at.Equal(w.now) {
		t.Errorf("heard at %v, %v", at, ok)
	}
	w.run(w.now.Add(away + alone + 3*interval))
	if m.group.folded.sum.Count < 2 || m.group.ledger.root(gone) != 0 {
		t.Errorf("folded %v, %+v", m.group.folded.order, m.table.of)
	}
}

// TestMadeUpNamesAreBounded tells of more origins than there can be.
func TestMadeUpNamesAreBounded(t *testing.T) {
	w := newWorld(1, "")
	m := newMember(w, "a", disk{})
	from := w.newOrigin()
	h := &Hello{Serial: 1}
	for range maxEnded + 100 {
		h.EndedNames = append(h.EndedNames, w.newOrigin())
	}
	for range 2 * maxKnown {
		h.Known = append(h.Known, Seen{Origin: w.newOrigin()})
		m.group.Hear(from, &Records{Subject: w.newOrigin(), Records: []Record{{Value: 1}}}, w.now)
	}
	m.group.Hear(from, h, w.now)
	if n, k, d := len(m.group.ended), len(m.group.known), len(m.group.ledger.origins()); n > maxEnded || k > maxKnown || d > maxKnown {
		t.Errorf("%d ended, %d known, digests of %d", n, k, d)
	}
}
