package exact

import (
	"slices"
	"time"
)

// maxKnown bounds the members known, and maxEnded the origins that have ended and are
// not folded: more than an instance begins that crashes every five seconds for three
// days. Names beyond come again when there is room.
const (
	maxKnown = 1024
	maxEnded = 1 << 16
	// maxFolded bounds the folded origins, which are kept for ever: ten instances with
	// ten starts a day make as many in 28 years.
	maxFolded = 1 << 20
)

// presentFor is how many intervals a member counts as present after a hello.
const presentFor = 3

// begin ends the present origin and begins another. It is on the disk before it counts, and
// what it has counted is sent before it has ended.
func (g *Group) begin(now time.Time) {
	if own := g.ledger.Own(); own != Nobody {
		g.ended[own] = true
	}
	o := g.options.NewOrigin()
	s := g.State()
	s.Present = o
	g.options.Keep(s)
	g.ledger.prepare(o)
	g.table.Begin(o)
	for p := g.ledger.Flush(now); p != nil; p = g.ledger.Flush(now) {
		g.options.Send(Nobody, p)
	}
	g.ledger.begin()
	g.born, g.serial, g.overdue = now, 0, false
	g.helloAt = now // the others are to know at once
}

// maxForced is how often others may have this instance begin an origin before it takes
// its time: each costs a name and a write to the disk.
const maxForced = 3

// beginAnew begins an origin because others say that the present one has ended, or
// somebody else counts under its name. Whoever says so again and again waits until the
// next hello.
func (g *Group) beginAnew(now time.Time) {
	if now.Sub(g.born) >= presentFor*g.options.Interval {
		g.forced = 0
	}
	if g.forced++; g.forced > maxForced {
		g.overdue = true
		return
	}
	g.begin(now)
}

// end notes that an origin has ended. One that hears so of its own begins another.
func (g *Group) end(o Origin, now time.Time) {
	switch {
	case o == Nobody || g.folded.has[o] || g.ended[o]:
	case o == g.ledger.Own():
		g.beginAnew(now)
	case len(g.ended) < maxEnded:
		g.ended[o] = true
		g.leave(o)
	}
}

// leave forgets that an origin is a member.
func (g *Group) leave(o Origin) {
	delete(g.known, o)
	delete(g.mates, o)
}

// meet notes when a member was heard, by whomever in the group.
func (g *Group) meet(o Origin, at time.Time) {
	if o == Nobody || o == g.ledger.Own() || g.ended[o] || g.folded.has[o] {
		return
	}
	last, ok := g.known[o]
	if !ok && len(g.known) >= maxKnown {
		return
	}
	if !ok || last.Before(at) {
		g.known[o] = at
	}
}

// lookAround ends members that nobody has heard for long, and notes whether any is
// left.
func (g *Group) lookAround(now time.Time) {
	for _, o := range sorted(g.known) {
		if now.Sub(g.known[o]) >= g.options.Away {
			g.end(o, now)
		}
	}
	switch {
	case len(g.known) > 0:
		g.alone = time.Time{}
	case g.alone.IsZero():
		g.alone = now
	}
}

// heardLately says that a member has said hello within the last intervals.
func (g *Group) heardLately(m *mate, now time.Time) bool {
	return m.hello != nil && now.Sub(m.at) <= presentFor*g.options.Interval
}

// knowsMore says that a mate knows members that have not come here: a hello names only
// some.
func (g *Group) knowsMore(m *mate) bool { return int(m.hello.Members) > len(g.known) }

// silent returns the origins with parts that have not ended and do not say hello.
func (g *Group) silent(now time.Time) (origins []Origin) {
	own := g.ledger.Own()
	for _, o := range g.ledger.origins() {
		if o == own || g.ended[o] || g.ledger.root(o) == 0 {
			continue
		}
		if m := g.mates[o]; m == nil || !g.heardLately(m, now) {
			origins = append(origins, o)
		}
	}
	return origins
}

func (g *Group) silentRoot(now time.Time) (root uint64) {
	for _, o := range g.silent(now) {
		root ^= rootOf(o, g.ledger.root(o))
	}
	return root
}

// namesAfter returns up to n origins that are not folded, except the own one.
func (g *Group) namesAfter(after Origin, n int, now time.Time) ([]Name, bool) {
	return page(append(sorted(g.ended), g.silent(now)...), after, n, func(o Origin) Name {
		return Name{Origin: o, Root: g.ledger.root(o), Ended: g.ended[o]}
	})
}

// some returns up to n of the origins, other ones each time.
func some(origins []Origin, n int, turn uint64) []Origin {
	if len(origins) <= n {
		return origins
	}
	at := int(turn * uint64(n) % uint64(len(origins)))
	return append(slices.Clone(origins[at:]), origins[:at]...)[:n]
}

// seen returns when some of the members were heard.
func (g *Group) seen(now time.Time) (seen []Seen) {
	for _, o := range some(sorted(g.known), g.options.Sizes.Names, g.serial) {
		seen = append(seen, Seen{o, max(now.Sub(g.known[o]), 0)})
	}
	return seen
}
