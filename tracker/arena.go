package tracker

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

// classRoom is the room for peers in the blocks of each size class; class 0 is
// not used. Lists beyond the last class are allocated one by one.
var classRoom = [...]int{0, 1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256}

const maxClassRoom = 256

// classFor returns the smallest class with room for n peers.
func classFor(n int) int {
	for c, room := range classRoom {
		if room >= n {
			return c
		}
	}
	return classLarge
}

// arena holds the blocks of one shard's peers of one family. Blocks of a class
// lie side by side without gaps: freeing one moves the last into its place, so
// that memory comes back as it is freed.
type arena[K key] struct {
	classes [len(classRoom)]class[K]
	large   []*largeBlock[K]
	unused  []uint32 // free places in large
	seed    uint64
	// moved is told that the block of the torrent at position owner is now
	// named h.
	moved func(owner uint32, h handle)
}

type blockHead struct {
	counts
	owner uint32 // the torrent's position in its shard
}

// class is a table of equally large blocks, in pages so that growing copies no
// peers.
type class[K key] struct {
	pages [][]entry[K]
	heads []blockHead
}

type largeBlock[K key] struct {
	blockHead
	list  []entry[K]
	index *peerIndex
}

// pagePeers is the number of peers in a page of a class, or the room of one
// block if that is more.
const pagePeers = 256

func blocksPerPage(class int) uint32 {
	return uint32(max(pagePeers/classRoom[class], 1))
}

func (c *class[K]) block(class int, place uint32) []entry[K] {
	per, room := blocksPerPage(class), uint32(classRoom[class])
	at := place % per * room
	return c.pages[place/per][at : at+room : at+room]
}

// view returns the peers in block h.
func (a *arena[K]) view(h handle) peers[K] {
	if h.class() == classLarge {
		b := a.large[h.place()]
		return peers[K]{counts: b.counts, list: b.list, index: b.index}
	}
	c := &a.classes[h.class()]
	return peers[K]{counts: c.heads[h.place()].counts, list: c.block(h.class(), h.place())}
}

func (a *arena[K]) head(h handle) *blockHead {
	if h.class() == classLarge {
		return &a.large[h.place()].blockHead
	}
	return &a.classes[h.class()].heads[h.place()]
}

// alloc returns an empty block with room for n peers at least.
func (a *arena[K]) alloc(owner uint32, n int) handle {
	class := classFor(n)
	if class == classLarge {
		return a.allocLarge(owner, n)
	}
	c := &a.classes[class]
	place := uint32(len(c.heads))
	if per := blocksPerPage(class); place%per == 0 && int(place/per) == len(c.pages) {
		c.pages = append(c.pages, make([]entry[K], int(per)*classRoom[class]))
	}
	c.heads = append(c.heads, blockHead{owner: owner})
	return makeHandle(class, place)
}

func (a *arena[K]) allocLarge(owner uint32, n int) handle {
	room := n + n/4
	b := &largeBlock[K]{
		blockHead: blockHead{owner: owner},
		list:      make([]entry[K], room),
		index:     newPeerIndex(room, a.seed),
	}
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
		a.large[place] = nil
		a.unused = append(a.unused, place)
		return
	}
	c := &a.classes[h.class()]
	last := uint32(len(c.heads) - 1)
	if place != last {
		copy(c.block(h.class(), place), c.block(h.class(), last))
		c.heads[place] = c.heads[last]
		a.moved(c.heads[place].owner, h)
	}
	c.heads = shrink(c.heads[:last])
	// One empty page is kept until the next sweep, so that a block that comes
	// and goes does not allocate a page each time.
	c.trim(h.class(), 1)
}

// trim gives all empty pages back.
func (a *arena[K]) trim() {
	for class := 1; class < len(a.classes); class++ {
		a.classes[class].trim(class, 0)
	}
}

// trim gives the empty pages back but for keep of them.
func (c *class[K]) trim(class, keep int) {
	per := int(blocksPerPage(class))
	if most := (len(c.heads)+per-1)/per + keep; len(c.pages) > most {
		clear(c.pages[most:])
		c.pages = shrink(c.pages[:most])
	}
}

// shrink moves a slice that has become much too large for what it holds to a
// smaller array.
func shrink[T any](s []T) []T {
	if cap(s) >= 64 && len(s) < cap(s)/4 {
		return append(make([]T, 0, len(s)*2), s...)
	}
	return s
}
