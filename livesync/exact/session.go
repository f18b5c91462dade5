package exact

import (
	"slices"
	"time"

	"keeptrack/tracker"
)

// someRanges is how many ranges are looked at when all that differ are too many.
const someRanges = 4

// maxTries is how often something is asked for before the asking is given up. What
// still differs shows in the next hello.
const maxTries = 6

// window is how many questions of a session are open at a time.
const window = 256

// session is this instance's search for what it lacks of an origin's parts, or
// nobody's: down the tree of digests to the ranges that differ, and for their records.
// There is one at a time for each of them.
type session struct {
	subject Origin
	mate    Origin
	thing   thing
	began   time.Time
	limit   int // of ranges; 0: none
	ranges  int
	gap     int    // see Group.gap
	lasts   bool   // it was asked about in vain before, see standIn
	nodes   []Node // to be asked for
	spans   []span
	open    []*question
	took    int  // records that raised something
	refused int  // records that were not taken in
	failed  bool // something was not answered
}

// question is one that is open.
type question struct {
	to    Origin
	ask   Message
	sent  time.Time
	tries int
	span  *span // of AskRecords
	// Of AskNames, in answers before: something was news, or things are searched for.
	gained   bool
	searched searches
}

// repair begins a session, unless there is one for that subject.
func (g *Group) repair(m *mate, subject Origin, t thing, limit int, now time.Time) {
	if g.sessions[subject] != nil {
		return
	}
	s := &session{subject: subject, mate: m.origin, thing: t, began: now, limit: limit, nodes: []Node{{}}, lasts: m.unlike[t].wait > lastsFor*g.options.Interval}
	g.sessions[subject] = s
	g.pump(s, now)
}

// pump asks what can be asked, and ends a session that has nothing left to ask.
func (g *Group) pump(s *session, now time.Time) {
	for len(s.open) < window && len(s.nodes) > 0 {
		n := min(len(s.nodes), g.options.Sizes.Nodes)
		g.open(s, &question{to: s.mate, ask: &AskDigests{s.subject, s.nodes[:n:n]}}, now)
		s.nodes = s.nodes[n:]
	}
	// Ranges are asked for when all are known, so that neighbours go together.
	for len(s.open) < window && len(s.nodes) == 0 && len(s.spans) > 0 {
		sp := &s.spans[0]
		g.open(s, &question{to: s.mate, ask: &AskRecords{s.subject, sp.from, sp.last}, span: sp}, now)
		s.spans = s.spans[1:]
	}
	if len(s.open) == 0 {
		g.finish(s, now)
	}
}

func (g *Group) open(s *session, q *question, now time.Time) {
	q.sent, q.tries = now, 1
	s.open = append(s.open, q)
	g.options.Send(q.to, q.ask)
}

// finish ends a session.
func (g *Group) finish(s *session, now time.Time) {
	delete(g.sessions, s.subject)
	m := g.mates[s.mate]
	if m == nil || s.failed {
		return
	}
	m.unlike[s.thing].asked(now, s.took > 0, s.refused > 0, g.options.Interval)
	if s.thing == thingNobody && s.limit == 0 {
		m.nobodyLike = s.began
	}
}

// retry asks again what was not answered, and gives up what never is.
func (g *Group) retry(now time.Time) {
	for _, o := range sorted(g.sessions) {
		s := g.sessions[o]
		kept := s.open[:0]
		for _, q := range s.open {
			if g.again(q, now) {
				kept = append(kept, q)
			} else {
				s.failed = true
			}
		}
		s.open = kept
		if s.failed {
			g.finish(s, now)
		}
	}
	kept := g.naming[:0]
	for _, q := range g.naming {
		if g.again(q, now) {
			kept = append(kept, q)
		}
	}
	g.naming = kept
}

// retryAt returns when a question is asked again.
func (g *Group) retryAt(q *question) time.Time {
	wait := g.options.Retry
	if a, ok := q.ask.(*AskRecords); ok && a.Subject == Nobody {
		wait += g.options.Reorder() // see tellRecords
	}
	return q.sent.Add(wait)
}

// again sends a question again if it is time. It returns false to give it up.
func (g *Group) again(q *question, now time.Time) bool {
	if now.Before(g.retryAt(q)) {
		return true
	}
	q.sent = now
	q.tries++
	if q.tries > maxTries || g.mates[q.to] == nil {
		return false
	}
	g.options.Send(q.to, q.ask)
	return true
}

// answered takes the question away that is meant, if it is open.
func (s *session) answered(meant func(*question) bool) *question {
	for i, q := range s.open {
		if meant(q) {
			s.open = append(s.open[:i], s.open[i+1:]...)
			return q
		}
	}
	return nil
}

// heardDigests goes on below the nodes that differ.
func (g *Group) heardDigests(from Origin, d *Digests, now time.Time) {
	s := g.sessions[d.Subject]
	if s == nil || s.mate != from || len(d.Nodes) == 0 {
		return
	}
	q := s.answered(func(q *question) bool {
		a, ok := q.ask.(*AskDigests)
		return ok && slices.EqualFunc(a.Nodes, d.Nodes, func(n Node, d NodeDigests) bool { return n == d.Node })
	})
	if q == nil {
		return
	}
	s.gap = g.gap(s.subject)
	for _, n := range d.Nodes {
		mine := g.ledger.children(s.subject, n.Node)
		turn := int(now.UnixNano()/int64(time.Millisecond)) & (nodeChildren - 1) // where to begin if all are too many
		for k := range nodeChildren {
			i := (k + turn) % nodeChildren
			switch theirs := n.Children[i]; {
			case theirs == mine[i]:
			case theirs == 0: // there is nothing to get
				if s.lasts {
					g.ledger.standDown(s.subject, n.Node.child(i))
				}
			case mine[i] == 0:
				s.lacks(n.Node.child(i))
			default:
				s.differs(n.Node.child(i))
			}
		}
	}
	g.pump(s, now)
}

// heardRecords takes in records that were asked for.
func (g *Group) heardRecords(from Origin, r *Records, now time.Time) {
	if r.Subject == Nobody && r.Folded != g.folded.sum {
		if s := g.sessions[Nobody]; s != nil && s.mate == from {
			s.failed = true
			g.finish(s, now)
		}
		return
	}
	s := g.sessions[r.Subject]
	var q *question
	if s != nil && s.mate == from {
		q = s.answered(func(q *question) bool {
			a, ok := q.ask.(*AskRecords)
			return ok && a.From == r.From && a.Last == r.Last
		})
	}
	if q == nil {
		return // nobody asked, or not any more
	}
	for i := range r.Records {
		rec := &r.Records[i]
		switch g.raise(r.Subject, *rec, now) {
		case tracker.PartRaised:
			s.took++
		case tracker.PartRefused:
			s.refused++
			q.span.refuse(rec, g.table.Part(r.Subject, &rec.InfoHash), r.Subject)
		}
	}
	// Taking in a record may have ended this session: the subject was folded, say.
	if g.sessions[r.Subject] != s {
		return
	}
	if q.span.advance(r) {
		s.split(q.span)
		g.open(s, &question{to: s.mate, ask: &AskRecords{s.subject, q.span.from, q.span.last}, span: q.span}, now)
	} else {
		g.standIn(s, q.span, now)
	}
	g.pump(s, now)
}
