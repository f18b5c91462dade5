package tracker

import (
	"cmp"
	"slices"
)

// holding is a part of what is stored, as a sample has it.
type holding struct {
	score  uint32  // what the network that it belongs to holds, in peers
	amount float64 // what would go with it
}

// level returns up to how many peers every network may hold so that need goes: a
// network with more gives up what is above. If all that networks hold is not
// enough, it is 0. It sorts the sample.
//
// With a sum over the holdings whose score s is above the level T, what goes is
// Σ amount·(s-T)/s, which falls as T rises.
func level(sample []holding, need float64) uint32 {
	slices.SortFunc(sample, func(a, b holding) int { return cmp.Compare(b.score, a.score) })
	amounts, shares := 0.0, 0.0 // Σ amount and Σ amount/s of those above
	for i, h := range sample {
		if h.score == 0 {
			break
		}
		amounts += h.amount
		shares += h.amount / float64(h.score)
		next := uint32(0)
		if i+1 < len(sample) {
			next = sample[i+1].score
		}
		// Many divisions and additions are each a little off.
		const rounding = 1e-6
		if next < h.score && amounts-float64(next)*shares >= need*(1-rounding) {
			return uint32(max((amounts-need)/shares+rounding, float64(next)))
		}
	}
	return 0
}

// idle is a torrent without peers whose record is in the database, as a sample
// has it.
type idle struct {
	rank   rank
	amount float64 // what would go with it
}

// rank is the order in which idle torrents go: those with the fewest downloads
// first, then those that have not been announced for longest.
type rank struct {
	downloaded   uint64
	lastAnnounce uint32
}

func (r rank) compare(with rank) int {
	return cmp.Or(cmp.Compare(r.downloaded, with.downloaded), cmp.Compare(r.lastAnnounce, with.lastAnnounce))
}

// lastRank returns the rank of the last idle torrent that has to go so that need
// goes. If all are not enough it is that of the last, and false. It sorts the
// sample.
func lastRank(sample []idle, need float64) (last rank, enough bool) {
	slices.SortFunc(sample, func(a, b idle) int { return a.rank.compare(b.rank) })
	for i := range sample {
		last = sample[i].rank
		if need -= sample[i].amount; need <= 0 {
			return last, true
		}
	}
	return last, false
}
