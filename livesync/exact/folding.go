package exact

import (
	"slices"
	"time"
)

// folded is the set of origins that have been folded. It only grows.
type folded struct {
	has   map[Origin]bool
	order []Origin // as they were added
	sum   FoldedSum
}

func (f *folded) add(o Origin) {
	f.has[o] = true
	f.order = append(f.order, o)
	f.sum.Count++
	f.sum.Digest ^= rootOf(o, 0)
}

// newest returns up to n names, the newest.
func (f *folded) newest(n int) []Origin {
	return slices.Clone(f.order[max(len(f.order)-n, 0):])
}

// after returns up to n names that follow one in order of bytes, and whether there are
// more.
func (f *folded) after(o Origin, n int) (names []Name, more bool) {
	return page(slices.Clone(f.order), o, n, func(o Origin) Name { return Name{Origin: o} })
}

// page returns what is said of up to n of the origins that follow one in order of
// bytes, and whether there are more.
func page(origins []Origin, after Origin, n int, say func(Origin) Name) (names []Name, more bool) {
	slices.SortFunc(origins, compare)
	for _, o := range origins {
		if !before(after, o) {
			continue
		}
		if len(names) == n {
			return names, true
		}
		names = append(names, say(o))
	}
	return names, false
}

// fold adds the parts of origins to nobody's, whether they had ended or not: who hears
// that others have folded them does so too. What comes of them later is passed over.
func (g *Group) fold(origins []Origin, now time.Time) {
	var fresh []Origin
	for _, o := range origins {
		if o == Nobody || g.folded.has[o] || len(g.folded.order) == maxFolded {
			continue
		}
		if o == g.ledger.Own() {
			if g.beginAnew(now); o == g.ledger.Own() {
				continue // it comes again
			}
		}
		g.folded.add(o)
		fresh = append(fresh, o)
	}
	if len(fresh) == 0 {
		return
	}
	g.table.Fold(fresh)
	for _, o := range fresh {
		g.ledger.forget(o)
		delete(g.ended, o)
		g.leave(o)
	}
	g.foldedAt = now
}

// foldable returns the origins that are to be folded now: those that have ended, once
// every member knows the same ones as ended, has the same parts of them and has folded
// the same before.
func (g *Group) foldable(now time.Time) []Origin {
	if g.awaits() {
		return nil
	}
	if len(g.known) == 0 && (g.alone.IsZero() || now.Sub(g.alone) < g.options.Alone) {
		return nil
	}
	root := g.endedRoot()
	for o := range g.known {
		m := g.mates[o]
		if m == nil || !g.heardLately(m, now) || g.knowsMore(m) || m.hello.Folded != g.folded.sum || m.hello.Ended != root {
			return nil
		}
	}
	return sorted(g.ended)
}

// awaits reports whether there may be a member that was never heard.
func (g *Group) awaits() bool { return g.options.Awaited != nil && g.options.Awaited() }

// heldUp says that an origin cannot be folded because a member is away.
func (g *Group) heldUp(now time.Time) bool {
	if g.awaits() {
		return true
	}
	for o := range g.known {
		if m := g.mates[o]; m == nil || !g.heardLately(m, now) {
			return true
		}
	}
	return false
}

// endedRoot is over the names of the origins that have ended and all their parts.
func (g *Group) endedRoot() (root uint64) {
	for o := range g.ended {
		root ^= rootOf(o, g.ledger.root(o))
	}
	return root
}
