package exact

import (
	"slices"
	"time"
)

// searches says as what things something is searched for, or that nothing is, by
// thingCount.
type searches [thingCount + 1]bool

// askNames asks a mate for the origins that it knows, unless that is under way.
func (g *Group) askNames(m *mate, folded bool, now time.Time) {
	if !slices.ContainsFunc(g.naming, func(q *question) bool {
		return q.to == m.origin && q.ask.(*AskNames).Folded == folded
	}) {
		g.askNamesAfter(m, AskNames{Folded: folded}, false, searches{}, now)
	}
}

func (g *Group) askNamesAfter(m *mate, a AskNames, gained bool, searched searches, now time.Time) {
	q := &question{to: m.origin, ask: &a, sent: now, tries: 1, gained: gained, searched: searched}
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
	gained, searched := g.naming[at].gained, g.naming[at].searched
	g.naming = slices.Delete(g.naming, at, at+1)
	if n.Folded {
		had := len(g.folded.order)
		g.fold(origins(n.Names), now)
		gained = gained || len(g.folded.order) > had
	} else {
		for _, name := range n.Names {
			news, t := g.takeName(m, name, now)
			gained, searched[t] = gained || news, true
		}
	}
	if n.More && len(n.Names) > 0 && before(n.After, n.Names[len(n.Names)-1].Origin) {
		g.askNamesAfter(m, AskNames{n.Folded, n.Names[len(n.Names)-1].Origin}, gained, searched, now)
		return
	}
	if n.Folded {
		m.unlike[thingFolded].asked(now, gained, false, g.options.Interval)
		return
	}
	for _, t := range []thing{thingEnded, thingSilent} {
		if !searched[t] { // else how it went shows when the search is over
			m.unlike[t].asked(now, gained, false, g.options.Interval)
		}
	}
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
// whether that was news, and as what something of it is looked for, thingCount if nothing
// is.
func (g *Group) takeName(m *mate, n Name, now time.Time) (news bool, searched thing) {
	if g.folded.has[n.Origin] || n.Origin == Nobody {
		return false, thingCount
	}
	news = n.Ended && !g.ended[n.Origin]
	if n.Ended {
		g.end(n.Origin, now)
	}
	if !g.lacks(n, now) {
		return news, thingCount
	}
	searched = thingSilent
	if g.ended[n.Origin] {
		searched = thingEnded
	}
	g.repair(m, n.Origin, searched, 0, now)
	return news, searched
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
