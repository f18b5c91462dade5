package exact

import (
	"slices"
	"time"

	"keeptrack/tracker"
)

// Group is this instance's view of its group. It is not safe for concurrent use; only
// its Ledger is.
type Group struct {
	options Options
	table   Table
	ledger  *Ledger

	folded folded
	ended  map[Origin]bool      // not folded
	known  map[Origin]time.Time // members, and when anybody last heard them
	mates  map[Origin]*mate     // those of them that this instance heard

	born     time.Time // of the present origin
	forced   int       // how often others had this instance begin one lately
	overdue  bool      // another is to begin
	serial   uint64    // of its last hello
	helloAt  time.Time // when the next is due
	repeatAt time.Time // when the last is said again; zero if it was
	alone    time.Time // since when no member is known, or zero
	foldedAt time.Time // when an origin was last folded
	floorsAt time.Time // when a floor was last set; zero if there is none

	sessions map[Origin]*session
	naming   []*question // open questions for names
	ripening []ripe      // answers that wait, in order of time
}

// NewGroup begins an origin and returns the group that the instance left, or a new one
// for the zero State. The table has what was loaded and the ledger its digests. floors
// says that the table has floors.
func NewGroup(o Options, t Table, l *Ledger, s State, floors bool, now time.Time) *Group {
	g := &Group{
		options: o, table: t, ledger: l,
		folded:   folded{has: make(map[Origin]bool)},
		ended:    make(map[Origin]bool),
		known:    make(map[Origin]time.Time),
		mates:    make(map[Origin]*mate),
		sessions: make(map[Origin]*session),
		alone:    s.Alone,
	}
	for _, f := range s.Folded {
		g.folded.add(f)
	}
	for _, e := range append(slices.Clone(s.Ended), s.Present) {
		g.end(e, now)
	}
	for _, k := range s.Known {
		if k.At.After(now) {
			k.At = now // the clock was ahead
		}
		g.meet(k.Origin, k.At)
	}
	for _, o := range l.origins() {
		g.named(o, now)
	}
	if floors {
		g.floorsAt = now
	}
	g.begin(now)
	return g
}

// State returns what is to outlive a restart. The folded origins go to the disk with
// the records of the same moment.
func (g *Group) State() State {
	s := State{Present: g.ledger.Own(), Ended: sorted(g.ended), Folded: slices.Clone(g.folded.order), Alone: g.alone}
	for _, o := range sorted(g.known) {
		s.Known = append(s.Known, KnownSeen{o, g.known[o]})
	}
	return s
}

// Gone notes that a member is gone for good.
func (g *Group) Gone(o Origin, now time.Time) { g.end(o, now) }

// Alone reports whether no member is known.
func (g *Group) Alone() bool { return len(g.known) == 0 }

// TakeAll is called when torrents may be taken in that were refused before.
func (g *Group) TakeAll() { g.ledger.takeAll() }

// Hear takes in a message of another instance. One that comes under the own origin's
// name is from a copy of this instance.
func (g *Group) Hear(from Origin, m Message, now time.Time) {
	if from == g.ledger.Own() {
		g.beginAnew(now)
		return
	}
	switch m := m.(type) {
	case *Hello:
		g.heardHello(from, m, now)
	case *Parts:
		g.heardParts(from, m, now)
	case *AskParts:
		for _, n := range m.Numbers {
			if p := g.ledger.again(now, n); p != nil {
				g.options.Send(from, p)
			}
		}
	case *AskNames:
		g.tellNames(from, m, now)
	case *Names:
		g.heardNames(from, m, now)
	case *AskDigests:
		g.tellDigests(from, m)
	case *Digests:
		g.heardDigests(from, m, now)
	case *AskRecords:
		g.tellRecords(from, m, now)
	case *Records:
		g.heardRecords(from, m, now)
	}
}

// mate returns the member of that name, or nil if it has ended.
func (g *Group) mate(o Origin, now time.Time) *mate {
	g.meet(o, now)
	if _, ok := g.known[o]; !ok {
		return nil
	}
	m := g.mates[o]
	if m == nil {
		m = &mate{origin: o, since: now, at: now}
		g.mates[o] = m
	}
	return m
}

func (g *Group) heardHello(from Origin, h *Hello, now time.Time) {
	m := g.mate(from, now)
	if m != nil && m.hello != nil && h.Serial <= m.hello.Serial {
		return
	}
	if m != nil {
		if now.Sub(m.at) > presentFor*g.options.Interval {
			m.since = now
		}
		m.hello, m.at = h, now
		m.received.told(h.Number, h.Oldest, now)
	}
	for _, s := range h.Known {
		g.meet(s.Origin, now.Add(-s.Age-g.options.Transit))
	}
	for _, o := range h.EndedNames {
		g.end(o, now)
	}
	g.fold(h.FoldedNames, now)
	if m != nil && g.mates[from] == m {
		g.compare(m, now)
	}
}

func (g *Group) heardParts(from Origin, p *Parts, now time.Time) {
	if g.folded.has[from] {
		return
	}
	m := g.mate(from, now)
	fresh := m != nil && m.received.lacks(p.Number)
	for _, r := range p.Records {
		before := g.table.Part(from, &r.InfoHash)
		if g.raise(from, r, now) != tracker.PartRefused && fresh {
			m.received.count(counted{p.Number, r.InfoHash, r.Value, before})
		}
	}
	if m == nil {
		return
	}
	behind := m.hello != nil && m.received.upto < m.hello.Number
	m.received.take(p, now)
	if behind && m.received.upto >= m.hello.Number {
		g.compare(m, now)
	}
}

// raise takes in a part that another instance sent.
func (g *Group) raise(o Origin, r Record, now time.Time) Result {
	if g.folded.has[o] {
		return tracker.PartHeld
	}
	if o != Nobody && o == g.ledger.Own() && r.Value > g.table.Part(o, &r.InfoHash) {
		g.beginAnew(now) // somebody else counted under this name
	}
	if !g.named(o, now) {
		return tracker.PartRefused
	}
	r.Age += g.options.Transit
	return g.table.Raise(now, o, r)
}

// named counts an origin as heard now of which parts come and that nobody has named. It
// returns false if there are too many to know.
func (g *Group) named(o Origin, now time.Time) bool {
	if _, ok := g.known[o]; ok || o == Nobody || g.ended[o] || o == g.ledger.Own() {
		return true
	}
	g.meet(o, now)
	_, ok := g.known[o]
	return ok
}
