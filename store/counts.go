package store

import (
	"slices"

	"keeptrack/tracker"
)

// counts are what is known of a torrent's count: in all, in parts of origins that are
// not folded, in ascending order, and as an excess. What is left is nobody's part.
type counts struct {
	total, excess uint64
	parts         []tracker.Part // without the excess
}

// countsOf splits a count. The excess is among the parts, if there is any.
func countsOf(total uint64, parts []tracker.Part) counts {
	c := counts{total: total}
	for _, p := range parts {
		if p.Origin == tracker.Nobody {
			c.excess = p.Value
		} else {
			c.parts = append(c.parts, p)
		}
	}
	slices.SortFunc(c.parts, compareParts)
	return c
}

// nobody returns nobody's part.
func (c counts) nobody() uint64 { return rest(rest(c.total, countedParts(c.parts)), c.excess) }

// floor returns the floor, 0 if there is none.
func (c counts) floor() uint64 {
	if c.excess == 0 {
		return 0
	}
	return c.total
}

// merge returns what two say together: of each part and of nobody's the greater, and
// the excess of the higher floor if that is above.
func (c counts) merge(d counts) counts {
	m := counts{}
	for _, p := range slices.Concat(c.parts, d.parts) {
		if i := partOf(m.parts, p.Origin); i >= 0 {
			p.Value = max(p.Value, m.parts[i].Value)
		}
		m.parts = setPart(m.parts, p)
	}
	slices.SortFunc(m.parts, compareParts)
	sum := addCounts(max(c.nobody(), d.nobody()), countedParts(m.parts))
	m.total = max(sum, c.floor(), d.floor())
	m.excess = m.total - sum
	return m
}

// all returns the parts, with the excess.
func (c counts) all() []tracker.Part {
	return append([]tracker.Part{{Origin: tracker.Nobody, Value: c.excess}}, c.parts...)
}
