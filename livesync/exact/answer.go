package exact

import "time"

func (g *Group) tellDigests(to Origin, a *AskDigests) {
	d := &Digests{Subject: a.Subject}
	for i, n := range a.Nodes {
		if n.valid() && i < g.options.Sizes.Nodes {
			d.Nodes = append(d.Nodes, NodeDigests{n, g.ledger.children(a.Subject, n)})
		}
	}
	g.options.Send(to, d)
}

// tellRecords answers with records. Those of nobody's part wait for a while: they may have
// in them a stranger's completion that the asker has not heard of yet, and would count once
// more.
func (g *Group) tellRecords(to Origin, a *AskRecords, now time.Time) {
	r := &Records{Subject: a.Subject, From: a.From, Last: a.Last, Folded: g.folded.sum}
	r.Records, r.More = g.table.Page(now, a.Subject, a.From, a.Last, g.options.Sizes.Records, nil)
	if a.Subject != Nobody {
		g.options.Send(to, r)
		return
	}
	at := now.Add(g.options.Reorder())
	if n := len(g.ripening); n > 0 && g.ripening[n-1].at.After(at) {
		at = g.ripening[n-1].at
	}
	for i := range r.Records {
		r.Records[i].Age += at.Sub(now)
	}
	g.ripening = append(g.ripening, ripe{at, to, r})
}

// ripe is an answer that goes out at a time.
type ripe struct {
	at time.Time
	to Origin
	m  Message
}

func (g *Group) sendRipe(now time.Time) {
	for len(g.ripening) > 0 && !now.Before(g.ripening[0].at) {
		g.options.Send(g.ripening[0].to, g.ripening[0].m)
		g.ripening = g.ripening[1:]
	}
}

func (g *Group) tellNames(to Origin, a *AskNames, now time.Time) {
	n := &Names{Folded: a.Folded, After: a.After}
	if a.Folded {
		n.Names, n.More = g.folded.after(a.After, g.options.Sizes.Names)
	} else {
		n.Names, n.More = g.namesAfter(a.After, g.options.Sizes.Names, now)
	}
	g.options.Send(to, n)
}
