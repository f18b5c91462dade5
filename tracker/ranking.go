package tracker

import (
	"cmp"
	"slices"
)

// ranking gathers the limit torrents with the most of what they are compared by.
// It needs the memory of twice as many and of a chunk, whatever is added.
type ranking struct {
	by    Order
	limit int // at least 1
	items []Overview
	full  bool // there are limit of them, and those beyond the last do not count
	last  Overview
}

// add takes in a torrent, for which there must be room, if it has any.
func (r *ranking) add(o Overview) {
	if o.by(r.by) > 0 && (!r.full || r.compare(&o, &r.last) < 0) {
		r.items = append(r.items, o)
	}
}

// compare orders by rank.
func (r *ranking) compare(a, b *Overview) int {
	return cmp.Or(cmp.Compare(b.by(r.by), a.by(r.by)), compareHashes(&a.InfoHash, &b.InfoHash))
}

// room makes room for the torrents of a chunk.
func (r *ranking) room() {
	if len(r.items) >= 2*r.limit {
		r.cut()
	}
	r.items = slices.Grow(r.items, walkChunk)
}

// cut puts the torrents in order and leaves the first, each once.
func (r *ranking) cut() {
	slices.SortFunc(r.items, func(a, b Overview) int {
		return cmp.Or(compareHashes(&a.InfoHash, &b.InfoHash), r.compare(&a, &b))
	})
	r.items = slices.CompactFunc(r.items, func(a, b Overview) bool { return a.InfoHash == b.InfoHash })
	slices.SortFunc(r.items, func(a, b Overview) int { return r.compare(&a, &b) })
	if len(r.items) >= r.limit {
		r.items = r.items[:r.limit]
		r.full, r.last = true, r.items[r.limit-1]
	}
}
