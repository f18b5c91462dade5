package tracker

import (
	"encoding/binary"
	"math"
	"slices"
	"sync/atomic"
	"unsafe"
)

// part is the part of one origin in the downloaded count of the torrent at a
// position, or that torrent's excess.
type part struct {
	value  uint32
	leaf   uint16 // see leafOf
	origin uint16 // index of its name, from firstOrigin on, or a row of the excess
	pos    uint8  // the position within the page
}

const (
	// excessRow stands in place of an origin for the excess: by how much the count is
	// above the sum of all parts, nobody's included. One above maxPart has excessHigh as
	// well, which is so many times maxPart.
	excessRow   = 0
	excessHigh  = 1
	firstOrigin = 2
	// maxPart is the largest part.
	maxPart = math.MaxUint32
	// maxParts is the most parts of origins that a torrent has.
	maxParts = 1024

	partPositions  = 1 << 8 // of a page
	partBytes      = int64(unsafe.Sizeof(part{}))
	partsPageBytes = int64(unsafe.Sizeof([]part{}))
)

// leafOf returns the range of an info hash: its first two bytes.
func leafOf(h *InfoHash) uint16 { return binary.BigEndian.Uint16(h[:]) }

// partTable holds the parts of a shard's torrents. Each page has those of
// partPositions positions, in order of position and origin.
type partTable struct {
	pages [][]part
	n     int           // parts of origins
	above int           // excesses above 0
	bytes *atomic.Int64 // to which the pages are added
}

func (p *part) key() uint32 { return uint32(p.pos)<<16 | uint32(p.origin) }

// searchPart returns where in a page the part is that a position has of an origin, or
// would be.
func searchPart(page []part, pos uint8, origin uint16) (int, bool) {
	key := uint32(pos)<<16 | uint32(origin)
	low, high := 0, len(page)
	for low < high {
		if mid := (low + high) / 2; page[mid].key() < key {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, low < len(page) && page[low].key() == key
}

// page returns the page of a position, nil if it is empty.
func (t *partTable) page(i uint32) []part {
	if n := i / partPositions; int(n) < len(t.pages) {
		return t.pages[n]
	}
	return nil
}

// of returns the parts of the torrent at position i, the excess first. They are valid
// until the table changes.
func (t *partTable) of(i uint32) []part {
	page := t.page(i)
	begin, _ := searchPart(page, uint8(i), excessRow)
	end := begin
	for end < len(page) && page[end].pos == uint8(i) {
		end++
	}
	return page[begin:end]
}

// find returns the part that the torrent at position i has of an origin, or nil. It is
// valid until the table changes.
func (t *partTable) find(i uint32, origin uint16) *part {
	page := t.page(i)
	if at, ok := searchPart(page, uint8(i), origin); ok {
		return &page[at]
	}
	return nil
}

// put sets the part that the torrent at position i, with a range, has of an origin.
func (t *partTable) put(i uint32, leaf, origin uint16, value uint32) {
	if p := t.find(i, origin); p != nil {
		t.count(p, -1)
		p.value = value
		t.count(p, 1)
		return
	}
	for int(i/partPositions) >= len(t.pages) {
		t.pages = append(t.pages, nil)
		t.bytes.Add(partsPageBytes)
	}
	page := &t.pages[i/partPositions]
	if len(*page) == cap(*page) {
		t.resize(page, len(*page)+max(len(*page)/4, 1))
	}
	at, _ := searchPart(*page, uint8(i), origin)
	*page = slices.Insert(*page, at, part{value, leaf, origin, uint8(i)})
	t.count(&(*page)[at], 1)
}

// excess returns the excess of the torrent at position i, and whether there is a row of
// it.
func (t *partTable) excess(i uint32) (excess uint64, row bool) {
	low := t.find(i, excessRow)
	if low == nil {
		return 0, false
	}
	excess = uint64(low.value)
	if high := t.find(i, excessHigh); high != nil {
		excess += uint64(high.value) * maxPart
	}
	return excess, true
}

// putExcess sets the excess of the torrent at position i, with a range.
func (t *partTable) putExcess(i uint32, leaf uint16, excess uint64) {
	var high uint64
	if excess > maxPart {
		high = (excess - 1) / maxPart
	}
	t.put(i, leaf, excessRow, uint32(excess-high*maxPart))
	if high > 0 {
		t.put(i, leaf, excessHigh, uint32(high))
	} else {
		t.remove(i, excessHigh)
	}
}

// count adds by to the number of parts like p.
func (t *partTable) count(p *part, by int) {
	if p.origin >= firstOrigin {
		t.n += by
	} else if p.origin == excessRow && p.value > 0 {
		t.above += by
	}
}

// resize moves a page to an array with room for n parts or some more.
func (t *partTable) resize(page *[]part, n int) {
	before := cap(*page)
	*page = append(slices.Grow([]part(nil), n), *page...)
	t.bytes.Add(int64(cap(*page)-before) * partBytes)
}

// remove takes out the part that the torrent at position i has of an origin, if any.
func (t *partTable) remove(i uint32, origin uint16) {
	if at, ok := searchPart(t.page(i), uint8(i), origin); ok {
		t.cut(i, at, at+1)
	}
}

// removeAll takes out all parts of the torrent at position i.
func (t *partTable) removeAll(i uint32) {
	if of := t.of(i); len(of) > 0 {
		at, _ := searchPart(t.page(i), uint8(i), excessRow)
		t.cut(i, at, at+len(of))
	}
}

// cut takes out a range of the page of position i.
func (t *partTable) cut(i uint32, begin, end int) {
	page := &t.pages[i/partPositions]
	for at := begin; at < end; at++ {
		t.count(&(*page)[at], -1)
	}
	*page = slices.Delete(*page, begin, end)
	switch n := len(*page); {
	case n == 0:
		t.bytes.Add(-int64(cap(*page)) * partBytes)
		*page = nil
		t.trim()
	case n < cap(*page)/2:
		t.resize(page, n+n/8)
	}
}

// trim gives up the empty pages at the end.
func (t *partTable) trim() {
	n := len(t.pages)
	for n > 0 && t.pages[n-1] == nil {
		n--
	}
	t.bytes.Add(int64(n-len(t.pages)) * partsPageBytes)
	t.pages = shrink(t.pages[:n])
}

// move gives the parts of position from to position to, which has none.
func (t *partTable) move(to, from uint32) {
	for of := t.of(from); len(of) > 0; of = t.of(from) {
		last := of[len(of)-1]
		t.remove(from, last.origin)
		t.put(to, last.leaf, last.origin, last.value)
	}
}

// before returns the last position below next that has parts, of those in the same
// page as next-1, and them. Without any it returns the page's first position and nil.
func (t *partTable) before(next int) (i int, of []part) {
	first := (next - 1) / partPositions * partPositions
	page := t.pages[first/partPositions]
	if next < first+partPositions {
		end, _ := searchPart(page, uint8(next), excessRow)
		page = page[:end]
	}
	if len(page) == 0 {
		return first, nil
	}
	i = first + int(page[len(page)-1].pos)
	begin, _ := searchPart(page, uint8(i), excessRow)
	return i, page[begin:]
}

// walkParts calls look with the position of every torrent of the shard that has parts,
// and with them, as walk does: in bounded holds of the lock, from the last torrent to
// the first. look may change the parts of that torrent. between, if not nil, is called
// without the lock before each hold.
func (s *shard) walkParts(look func(i uint32, of []part), between func()) {
	for next := int(maxPositions); next > 0; {
		if between != nil {
			between()
		}
		next = s.walkSomeParts(next, look)
	}
}

// walkSomeParts is walkParts for one hold, of positions below next. It returns below
// which ones to go on.
func (s *shard) walkSomeParts(next int, look func(i uint32, of []part)) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	next = min(next, len(s.parts.pages)*partPositions)
	work := 0
	for next > 0 && work < walkWork {
		i, of := s.parts.before(next)
		if work += max(len(of), 1); len(of) > 0 {
			look(uint32(i), of)
		}
		// look may have given up pages.
		next = min(i, len(s.parts.pages)*partPositions)
	}
	held(work)
	return next
}
