package exact

import "time"

// Tick does what is due at now.
func (g *Group) Tick(now time.Time) {
	if !now.Before(g.helloAt) {
		g.beat(now)
	} else if !g.repeatAt.IsZero() && !now.Before(g.repeatAt) {
		g.hello(now)
		g.repeatAt = time.Time{}
	}
	g.sendRipe(now)
	g.sendParts(now, now.Add(-g.options.MaxDelay))
	for _, o := range sorted(g.mates) {
		g.askParts(g.mates[o], now)
	}
	g.retry(now)
}

// beat does what is done before each hello.
func (g *Group) beat(now time.Time) {
	g.lookAround(now)
	rotate := g.options.Rotate
	if g.heldUp(now) {
		rotate = g.options.RotateHeld
	}
	if g.overdue || now.Sub(g.born) >= rotate {
		g.begin(now)
	}
	g.fold(g.foldable(now), now)
	if g.floorsAt.IsZero() && g.table.Floors() {
		g.floorsAt = now // one that came with a torrent from the file
	}
	if g.floorsSettled(now) {
		g.table.EndFloors()
		g.floorsAt = time.Time{}
	}
	g.helloAt, g.repeatAt = now.Add(g.options.Interval), now.Add(g.options.Interval/2)
	g.serial++
	g.hello(now)
}

// hello says what this instance has. It is said twice in an interval, because of lost ones:
// who has heard the first passes over the second.
func (g *Group) hello(now time.Time) {
	names := g.options.Sizes.Names
	h := &Hello{
		Serial: g.serial, Ended: g.endedRoot(), Silent: g.silentRoot(now), Nobody: g.ledger.root(Nobody),
		Folded: g.folded.sum, FoldedNames: g.folded.newest(names),
		EndedNames: some(sorted(g.ended), names, g.serial), Known: g.seen(now), Members: uint16(len(g.known)), Label: g.options.Label,
	}
	var parts []*Parts
	parts, h.Number, h.Oldest, h.Own = g.ledger.state(now)
	for _, p := range parts {
		g.options.Send(Nobody, p)
	}
	g.options.Send(Nobody, h)
}

// sendParts sends what has waited since before a time, or fills a message.
func (g *Group) sendParts(now, before time.Time) {
	for {
		since, full := g.ledger.due()
		if since.IsZero() || !full && since.After(before) {
			return
		}
		g.options.Send(Nobody, g.ledger.Flush(now))
	}
}

// askParts asks a mate for messages that did not come.
func (g *Group) askParts(m *mate, now time.Time) {
	if m.received.gap.IsZero() || now.Sub(m.received.gap) < g.options.Retry {
		return
	}
	var number uint64
	if m.hello != nil {
		number = m.hello.Number
	}
	missing := m.received.missing(number, g.options.Sizes.Names)
	if m.received.gap = now; len(missing) == 0 {
		m.received.gap = time.Time{}
		return
	}
	g.options.Send(m.origin, &AskParts{missing})
}

// Next returns when Tick can have something to do.
func (g *Group) Next(now time.Time) time.Time {
	next := g.helloAt
	sooner := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	if since, full := g.ledger.due(); full {
		return now
	} else if !since.IsZero() {
		sooner(since.Add(g.options.MaxDelay))
	}
	if !g.repeatAt.IsZero() {
		sooner(g.repeatAt)
	}
	if len(g.ripening) > 0 {
		sooner(g.ripening[0].at)
	}
	for _, m := range g.mates {
		if !m.received.gap.IsZero() {
			sooner(m.received.gap.Add(g.options.Retry))
		}
	}
	for _, q := range g.naming {
		sooner(g.retryAt(q))
	}
	for _, s := range g.sessions {
		for _, q := range s.open {
			sooner(g.retryAt(q))
		}
	}
	return next
}
