package tracker

import "sync/atomic"

// handle names a block of an arena: the size class in the upper bits, the
// block's place in it in the lower ones. No block has handle 0.
type handle uint32

const (
	placeBits  = 27
	classLarge = 1<<(32-placeBits) - 1
)

func makeHandle(class int, place uint32) handle {
	return handle(uint32(class)<<placeBits | place)
}

func (h handle) class() int    { return int(h >> placeBits) }
func (h handle) place() uint32 { return uint32(h) & (1<<placeBits - 1) }

// arena holds the blocks of one shard's peers of one family. Blocks of a class
// lie side by side without gaps: freeing one moves the last into its place, so
// that memory comes back as it is freed.
type arena[K key] struct {
	classes []class[K] // by size class; none before the first block
	large   []*largeBlock[K]
	unused  []uint32 // free places in large
	seed    uint64
	bytes   *atomic.Int64 // to which pages and large blocks are added
	// moved is told that the block of the torrent at position owner is now
	// named h.
	moved func(owner uint32, h handle)
}

// view returns the peers in block h.
func (a *arena[K]) view(h handle) peers[K] {
	if h.class() == classLarge {
		b := a.large[h.place()]
		return peers[K]{counts: b.counts, large: b}
	}
	c := &a.classes[h.class()]
	b := c.at(h.place())
	return peers[K]{
		counts: counts{n: uint32(b.n), leechers: uint32(b.leechers), paused: uint32(b.paused)},
		list:   c.list(b),
	}
}

// setCounts writes back the counts of the peers in block h.
func (a *arena[K]) setCounts(h handle, n counts) {
	if h.class() == classLarge {
		a.large[h.place()].counts = n
		return
	}
	b := a.classes[h.class()].at(h.place())
	b.n, b.leechers, b.paused = uint8(n.n), uint8(n.leechers), uint8(n.paused)
}

// owner returns the position of the torrent that block h belongs to, to be
// read and set.
func (a *arena[K]) owner(h handle) *uint32 {
	if h.class() == classLarge {
		return &a.large[h.place()].owner
	}
	return &a.classes[h.class()].at(h.place()).owner
}

// alloc returns an empty block with room for n peers at least.
func (a *arena[K]) alloc(owner uint32, n int) handle {
	c := classFor(n)
	if c == classLarge {
		return a.allocLarge(owner, n)
	}
	if a.classes == nil {
		a.classes = newClasses[K]()
	}
	return makeHandle(c, a.classes[c].add(owner, a.bytes))
}

func (a *arena[K]) allocLarge(owner uint32, n int) handle {
	b := newLargeBlock[K](owner, n, a.seed, a.bytes)
	if last := len(a.unused) - 1; last >= 0 {
		place := a.unused[last]
		a.unused = a.unused[:last]
		a.large[place] = b
		return makeHandle(classLarge, place)
	}
	a.large = append(a.large, b)
	return makeHandle(classLarge, uint32(len(a.large)-1))
}

// free gives block h back.
func (a *arena[K]) free(h handle) {
	place := h.place()
	if h.class() == classLarge {
		a.large[place].discard()
		a.large[place] = nil
		a.unused = append(a.unused, place)
		return
	}
	if c := &a.classes[h.class()]; c.remove(place, a.bytes) {
		a.moved(c.at(place).owner, h)
	}
}
