package tracker

import (
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// classRoom is the room for peers in the blocks of each size class; class 0 is
// not used. With their heads, IPv4 blocks grow by a quarter at most from
// one class to the next, and pages of them have sizes that the allocator has.
// Lists beyond the last class are allocated one by one.
var classRoom = [...]int{0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 15, 19, 23, 27, 31,
	39, 47, 55, 63, 79, 95, 111, 127, 159, 191, 223, 255}

const (
	classCount   = len(classRoom)
	maxClassRoom = 255
)

// classFor returns the smallest class with room for n peers.
func classFor(n int) int {
	for c, room := range classRoom {
		if room >= n {
			return c
		}
	}
	return classLarge
}

// class is a table of equally large blocks, in pages so that growing copies no
// peers. It is half a cache line: what is the same in all shards is in a shape.
type class[K key] struct {
	pages  []*uint64 // the first word of each; all but the last are full
	n      uint32    // number of blocks
	number uint8     // of the size class
}

// shape is what the blocks of a size class are like.
type shape struct {
	words uint32 // size of a block
	shift uint8  // a page has 1<<shift blocks
	room  uint8  // for peers, in a block
}

var shapes4, shapes6 = shapesOf[key4](), shapesOf[key6]()

func shapesOf[K key]() (shapes [classCount]shape) {
	for i, room := range classRoom {
		words := (unsafe.Sizeof(blockHead{}) + uintptr(room)*unsafe.Sizeof(entry[K]{}) + wordSize - 1) / wordSize
		perPage := max(pageWords/words, 1)
		shapes[i] = shape{words: uint32(words), shift: uint8(bits.Len(uint(perPage)) - 1), room: uint8(room)}
	}
	return shapes
}

func (c *class[K]) shape() *shape {
	var k K
	if len(k) == CompactSize4 {
		return &shapes4[c.number]
	}
	return &shapes6[c.number]
}

// blockHead is the first word of a block; the peers follow.
type blockHead struct {
	owner               uint32 // the torrent's position in its shard
	n, leechers, paused uint8  // counts
}

const (
	wordSize = 8
	// pageWords is the size of a page, or that of one block if it is larger.
	// Larger pages would waste more in the last page of each class, smaller
	// ones more for their number.
	pageWords = 64
)

func newClasses[K key]() []class[K] {
	classes := make([]class[K], classCount)
	for i := range classes {
		classes[i].number = uint8(i)
	}
	return classes
}

// at returns the block at place.
func (c *class[K]) at(place uint32) *blockHead {
	s := c.shape()
	page, i := c.pages[place>>s.shift], place&(1<<s.shift-1)
	return (*blockHead)(unsafe.Add(unsafe.Pointer(page), i*s.words*wordSize))
}

// list returns the room for peers in block b.
func (c *class[K]) list(b *blockHead) []entry[K] {
	first := (*entry[K])(unsafe.Add(unsafe.Pointer(b), unsafe.Sizeof(*b)))
	return unsafe.Slice(first, c.shape().room)
}

// pageWords returns the size of a page.
func (s *shape) pageWords() int { return int(s.words) << s.shift }

// pageBytes returns what a page takes up.
func (c *class[K]) pageBytes() int64 { return int64(c.shape().pageWords())*wordSize + pointerBytes }

// blockBytes returns what a block takes up of its page.
func (c *class[K]) blockBytes() int64 { return int64(c.shape().words) * wordSize }

// add makes an empty block and returns its place. A new page is added to bytes.
func (c *class[K]) add(owner uint32, bytes *atomic.Int64) uint32 {
	place := c.n
	if int(place>>c.shape().shift) == len(c.pages) {
		c.pages = append(c.pages, &make([]uint64, c.shape().pageWords())[0])
		bytes.Add(c.pageBytes())
	}
	c.n++
	*c.at(place) = blockHead{owner: owner}
	return place
}

// remove takes out the block at place, moves the last one there and returns
// whether there is one. A page that is given up is taken off bytes.
func (c *class[K]) remove(place uint32, bytes *atomic.Int64) (moved bool) {
	c.n--
	if moved = place != c.n; moved {
		to, from := c.at(place), c.at(c.n)
		*to = *from
		copy(c.list(to), c.list(from)[:from.n])
	}
	shift := c.shape().shift
	if used := int((c.n + 1<<shift - 1) >> shift); used < len(c.pages) {
		c.pages[used] = nil
		c.pages = shrink(c.pages[:used])
		bytes.Add(-c.pageBytes())
	}
	return moved
}

// shrink moves a slice that has become much too large for what it holds to a
// smaller array.
func shrink[T any](s []T) []T {
	if 4*len(s) < cap(s) {
		return append(make([]T, 0, len(s)*2), s...)
	}
	return s
}
