package exact

import "time"

// mate is a member that was heard.
type mate struct {
	origin   Origin
	hello    *Hello    // the last
	at       time.Time // when it came
	since    time.Time // since when it has been heard without a break
	received received
	unlike   [thingCount]unlike
	// When it was last like this instance, or this instance had all that it had: in
	// all parts of origins, and in nobody's.
	partsLike, nobodyLike time.Time
}

// thing is what two members compare.
type thing uint8

const (
	thingOwn    thing = iota // the mate's own parts
	thingFolded              // the set of folded origins
	thingEnded               // origins that have ended, with their parts
	thingSilent              // those that have not but do not say hello
	thingNobody              // nobody's part
	thingCount
)

// unlike is a difference between this instance and a mate.
type unlike struct {
	since   time.Time // first hello that showed it; zero if none does
	by      uint64    // by what the two roots differed as of the last hello
	wait    time.Duration
	next    time.Time // not to be asked about before
	refused bool      // asking did not mend it because things cannot be taken in
}

// maxWait is for how many intervals at most a difference rests that asking did not
// mend.
const maxWait = 60

// look takes in what a hello shows and says whether to ask about it. fresh says that
// the two have just met, or folded: nothing speaks for waiting. Else a difference has
// to show in two hellos running, since things are under way. patience, if not 0, is
// for how long differences are normal while both sides change; then all is too much to
// ask for, and some says so.
func (u *unlike) look(now time.Time, mine, theirs uint64, fresh bool, patience time.Duration) (ask, some bool) {
	if mine == theirs {
		*u = unlike{}
		return false, false
	}
	// Roots are sums: what changes alike on both sides leaves the difference as it is.
	again, still := !u.since.IsZero(), u.by == mine^theirs
	if !again {
		u.since = now
	}
	if !still && patience == 0 && !u.refused {
		u.wait, u.next = 0, time.Time{} // another difference than was asked about
	}
	u.by = mine ^ theirs
	switch {
	case now.Before(u.next):
		return false, false
	case fresh:
		return true, false
	case patience == 0 || still:
		return again, false
	}
	some = now.Sub(u.since) >= patience
	return some, some
}

// asked notes how asking about it went: whether something was taken in, or refused.
func (u *unlike) asked(now time.Time, mended, refused bool, interval time.Duration) {
	u.refused = refused
	if mended {
		u.wait, u.next = 0, time.Time{}
		return
	}
	u.wait = min(max(2*u.wait, interval), maxWait*interval)
	u.next = now.Add(u.wait)
}

// compare compares what a mate's last hello says with what this instance has.
func (g *Group) compare(m *mate, now time.Time) {
	h := m.hello
	if h == nil {
		return
	}
	fresh := now.Sub(m.since) < presentFor*g.options.Interval || now.Sub(g.foldedAt) < presentFor*g.options.Interval
	like := true
	differs := func(t thing, mine, theirs uint64, patience time.Duration) (ask, some bool) {
		like = like && mine == theirs
		return m.unlike[t].look(now, mine, theirs, fresh, patience)
	}
	if m.received.upto >= h.Number && h.Number >= m.received.unsure {
		if ask, _ := differs(thingOwn, g.rootAsOf(m, h.Number), h.Own, 0); ask {
			g.repair(m, m.origin, thingOwn, 0, now)
		}
	} else {
		like = false
	}
	if ask, _ := differs(thingFolded, g.folded.sum.Digest, h.Folded.Digest, 0); ask {
		g.askNames(m, true, now)
	}
	ended, _ := differs(thingEnded, g.endedRoot(), h.Ended, 0)
	silent, _ := differs(thingSilent, g.silentRoot(now), h.Silent, 0)
	if ended || silent {
		g.askNames(m, false, now)
	}
	if like {
		m.partsLike = now
	}
	if h.Folded != g.folded.sum {
		return // nobody's parts of the two are not the same thing
	}
	patience := g.options.Unsettled
	if !g.floorsAt.IsZero() {
		fresh = true
	}
	mine := g.ledger.root(Nobody)
	if mine == h.Nobody {
		m.nobodyLike = now
	}
	if ask, some := differs(thingNobody, mine, h.Nobody, patience); ask {
		limit := 0
		if some {
			limit = someRanges
		}
		g.repair(m, Nobody, thingNobody, limit, now)
	}
}

// rootAsOf returns the root of what this instance has of a mate's own parts, without
// what came with later messages than number.
func (g *Group) rootAsOf(m *mate, number uint64) uint64 {
	root := g.ledger.root(m.origin)
	for h, then := range m.received.asOf(number) {
		root ^= digestOf(m.origin, &h, g.table.Part(m.origin, &h)) ^ digestOf(m.origin, &h, then)
	}
	return root
}
