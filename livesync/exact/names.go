package exact

import (
	"slices"
	"time"
)

// askNames asks a mate for the origins that it knows, unless that is under way.
func (g *Group) askNames(m *mate, folded bool, now time.Time) {
	if !slices.ContainsFunc(g.naming, func(q *question) bool {
		return q.to == m.origin && q.ask.(*AskNames).Folded == folded
	}) {
		g.askNamesAfter(m, AskNames{Folded: folded}, false, now)
	}
}

func (g *Group) askNamesAfter(m *mate, a AskNames, gained bool, now time.Time) {
	q := &question{to: m.origin, ask: &a, sent: now, tries: 1, gained: gained}
	g.naming = append(g.naming, q)
	g.options.Send(q.to, q.ask)
}

func (g *Group) heardNames(from Origin, n *Names, now time.Time) {
	at := slices.IndexFunc(g.naming, func(q *question) bool {
		a := q.ask.(*AskNames)
		return q.to == from && a.Folded == n.Folded && a.After == n.After
	})
	m := g.mates[from]
	if at < 0 || m == nil {
		return
	}
	gained := g.naming[at].gained
	g.naming = slices.Delete(g.naming, at, at+1)
	if n.Folded {
		had := len(g.folded.order)
		g.fold(origins(n.Names), now)
		gained = gained || len(g.folded.order) > had
	} else {
		for _, name := range n.Names {
			gained = g.takeName(m, name, now) || gained
		}
	}
	if n.More && len(n.Names) > 0 && before(n.After, n.Names[len(n.Names)-1].Origin) {
		g.askNamesAfter(m, AskNames{n.Folded, n.Names[len(n.Names)-1].Origin}, gained, now)
		return
	}
	if n.Folded {
		m.unlike[thingFolded].asked(now, gained, false, g.options.Interval)
		return
	}
	m.unlike[thingEnded].asked(now, gained, false, g.options.Interval)
	m.unlike[thingSilent].asked(now, gained, false, g.options.Interval)
}

// origins returns those that are named.
func origins(names []Name) []Origin {
	all := make([]Origin, len(names))
	for i := range names {
		all[i] = names[i].Origin
	}
	return all
}

// takeName takes in what a mate says of an origin that it has not folded. It returns
// whether that was news, or something of it is looked for.
func (g *Group) takeName(m *mate, n Name, now time.Time) bool {
	if g.folded.has[n.Origin] || n.Origin == Nobody {
		return false
	}
	news := n.Ended && !g.ended[n.Origin]
	if n.Ended {
		g.end(n.Origin, now)
	}
	if g.lacks(n, now) {
		t := thingSilent
		if g.ended[n.Origin] {
			t = thingEnded
		}
		g.repair(m, n.Origin, t, 0, now)
		return true // what becomes of it shows when it is over, here or with another mate
	}
	return news
}

// lacks says that something is to be looked for in what a mate has of an origin. A
// member that is heard is asked itself.
func (g *Group) lacks(n Name, now time.Time) bool {
	if n.Origin == g.ledger.Own() || n.Root == g.ledger.root(n.Origin) {
		return false
	}
	m := g.mates[n.Origin]
	return m == nil || !g.heardLately(m, now)
}
