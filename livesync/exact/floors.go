package exact

import "time"

// TakeFloors takes in what a stranger told: the totals that it shows.
func (g *Group) TakeFloors(now time.Time, records []Record) {
	for _, r := range records {
		r.Age += g.options.Transit
		if g.table.RaiseFloor(now, r) {
			g.floorsAt = now
		}
	}
}

// floorsSettled says that all that members counted before the last floor was set has
// come, so that what floors are above the sums is nobody's.
func (g *Group) floorsSettled(now time.Time) bool {
	if g.floorsAt.IsZero() {
		return false
	}
	if len(g.known) == 0 {
		return !g.alone.IsZero() && now.Sub(g.alone) >= g.options.Alone && now.Sub(g.floorsAt) >= g.options.Alone
	}
	since := g.floorsAt.Add(presentFor * g.options.Interval)
	for o := range g.known {
		m := g.mates[o]
		if m == nil || !g.heardLately(m, now) || g.knowsMore(m) || !m.partsLike.After(since) || !m.nobodyLike.After(since) {
			return false
		}
	}
	return true
}
