package tracker

import (
	"iter"
	"slices"
)

// page gathers the first limit info hashes, in order, of those that are not
// before from. It needs the memory of twice as many and of a chunk, whatever is
// added.
type page struct {
	from   InfoHash
	limit  int // at least 1
	hashes []InfoHash
	full   bool // there are limit of them, and those beyond the last do not count
	last   InfoHash
}

// add takes in a hash, for which there must be room.
func (p *page) add(h *InfoHash) {
	if compareHashes(h, &p.from) >= 0 && (!p.full || compareHashes(h, &p.last) < 0) {
		p.hashes = append(p.hashes, *h)
	}
}

// room makes room for the hashes of a chunk.
func (p *page) room() {
	if len(p.hashes) >= 2*p.limit {
		p.cut()
	}
	if free := cap(p.hashes) - len(p.hashes); free < walkChunk {
		most := 2*p.limit + walkChunk
		p.hashes = slices.Grow(p.hashes, min(max(len(p.hashes), walkChunk), most-len(p.hashes)))
	}
}

// cut puts the hashes in order and leaves the first, each once.
func (p *page) cut() {
	sortHashes(p.hashes, func() {})
	p.hashes = slices.Compact(p.hashes)
	if len(p.hashes) >= p.limit {
		p.hashes = p.hashes[:p.limit]
		p.full, p.last = true, p.hashes[p.limit-1]
	}
}

// gather adds the hashes of a shard's torrents.
func (p *page) gather(s *shard) {
	s.walk(func(i uint32, _ int) (int, bool) {
		p.add(&s.torrents.at(i).hash)
		return 0, false
	}, p.room)
}

// A walk through all torrents in order takes minPage of them first, for it may be
// over soon, then twice as many each time, up to maxPage: 11 MiB at most.
const (
	minPage = 1 << 12
	maxPage = 1 << 18
)

// hashes returns pages of the info hashes of all torrents, in order, from the
// first that is not before from. A torrent that stays meanwhile comes once. A page
// has limit, the next twice as many up to most. It is valid until the next.
func (t *Tracker) hashes(from InfoHash, limit, most int) iter.Seq[[]InfoHash] {
	return func(yield func([]InfoHash) bool) {
		p := page{from: from, limit: limit}
		for ; ; p.limit = min(2*p.limit, most) {
			for i := range t.shards {
				p.gather(&t.shards[i])
			}
			p.cut()
			var more bool
			if p.from, more = p.next(); !yield(p.hashes) || !more {
				return
			}
			p.hashes, p.full = p.hashes[:0], false
		}
	}
}

// next returns where the next page begins, and whether there is one.
func (p *page) next() (InfoHash, bool) {
	if !p.full {
		return InfoHash{}, false
	}
	return p.last.Next()
}
