package tracker

import (
	"sync/atomic"
	"unsafe"
)

// index finds positions by hash, by extendible hashing: tables of a bounded size
// and a directory of them. A table that is full grows to twice the size or, from
// maxTableSlots on, is divided in two, so that no step takes longer than that.
//
// What is at a position the index does not know. Whoever calls it says what its
// hash is, with a function where the index has to move others.
type index struct {
	// directory has a power of two of tables, or none before the first. Its
	// place comes from the middle of the hash; a table whose entries agree in
	// fewer bits than that stands in several.
	directory []table
	moved     uint64        // how often an entry was put into another table so far
	bytes     *atomic.Int64 // to which tables and directory are added
}

const (
	slotBytes  = int64(unsafe.Sizeof(uint32(0)))
	tableBytes = int64(unsafe.Sizeof(table{}))
)

// newSlots returns empty slots for a table.
func (x *index) newSlots(n int) []uint32 {
	x.bytes.Add(int64(n) * slotBytes)
	return make([]uint32, n)
}

// discard gives up the slots of a table.
func (x *index) discard(t *table) { x.bytes.Add(-int64(len(t.slots)) * slotBytes) }

// discardAll gives up all that the index takes up. It must not be used again.
func (x *index) discardAll() {
	for i := range x.directory {
		if t := &x.directory[i]; i>>t.depth == 0 { // the first of its copies
			x.discard(t)
		}
	}
	x.setDirectory(nil)
}

// setDirectory puts another directory in place.
func (x *index) setDirectory(tables []table) {
	x.bytes.Add(int64(len(tables)-len(x.directory)) * tableBytes)
	x.directory = tables
}

// table is an open-addressing table with linear probing. A slot is 0 when it is
// empty; otherwise its upper 8 bits are a tag from the hash, so that few others
// are looked at, and the lower 24 the position plus one.
type table struct {
	slots []uint32 // a power of two of them
	used  uint32
	depth uint8 // in how many bits of the directory's place its entries agree
}

const (
	positionBits  = 24
	positionMask  = 1<<positionBits - 1
	maxPositions  = positionMask
	minTableSlots = 16
	maxTableSlots = 2048
)

// Of a hash the top byte names the shard and the next is the tag. The
// directory's place comes from the 24 bits that follow, the slot's from the
// lowest ones.
const directoryShift = 24

func tagOf(hash uint64) uint32 { return uint32(hash>>48) & 0xff }

func makeSlot(hash uint64, i uint32) uint32 { return tagOf(hash)<<positionBits | (i + 1) }

// table returns the table for a hash. There must be one.
func (x *index) table(hash uint64) *table {
	return &x.directory[hash>>directoryShift&uint64(len(x.directory)-1)]
}

// full says that the table has to grow before another entry.
func (t *table) full() bool { return (int(t.used)+1)*4 > len(t.slots)*3 }

// place puts an entry into a table that has room.
func (t *table) place(hash uint64, i uint32) {
	mask := uint64(len(t.slots) - 1)
	s := hash & mask
	for t.slots[s] != 0 {
		s = (s + 1) & mask
	}
	t.slots[s] = makeSlot(hash, i)
}

// slotOf returns the slot that names position i, which must be in the table.
func (t *table) slotOf(hash uint64, i uint32) uint64 {
	mask, s := uint64(len(t.slots)-1), hash
	for want := makeSlot(hash, i); t.slots[s&mask] != want; {
		s++
	}
	return s & mask
}

// insert adds position i, whose hash is given.
func (x *index) insert(hash uint64, i uint32, hashAt func(i uint32) uint64) {
	if len(x.directory) == 0 {
		x.setDirectory([]table{{slots: x.newSlots(minTableSlots)}})
	}
	for x.table(hash).full() {
		x.grow(hash, hashAt)
	}
	x.table(hash).place(hash, i)
	x.count(hash, 1)
}

// repoint makes the slot that names position from, whose hash is given, name
// position to.
func (x *index) repoint(hash uint64, from, to uint32) {
	t := x.table(hash)
	s := t.slotOf(hash, from)
	t.slots[s] = t.slots[s]&^positionMask | (to + 1)
}

// exchange makes the slots that name positions i and j, whose hashes are given,
// name each other's.
func (x *index) exchange(hashI uint64, i uint32, hashJ uint64, j uint32) {
	ti, tj := x.table(hashI), x.table(hashJ)
	si, sj := ti.slotOf(hashI, i), tj.slotOf(hashJ, j)
	ti.slots[si], tj.slots[sj] = makeSlot(hashI, j), makeSlot(hashJ, i)
}

// remove forgets position i, whose hash is given, and closes the gap in its run
// of slots.
func (x *index) remove(hash uint64, i uint32, hashAt func(i uint32) uint64) {
	t := x.table(hash)
	mask := uint64(len(t.slots) - 1)
	gap := t.slotOf(hash, i)
	for s := (gap + 1) & mask; t.slots[s] != 0; s = (s + 1) & mask {
		home := hashAt(t.slots[s]&positionMask-1) & mask
		if (s-home)&mask >= (s-gap)&mask {
			t.slots[gap] = t.slots[s]
			gap = s
		}
	}
	t.slots[gap] = 0
	x.count(hash, -1)
}

// count adds by to the used slots of the table for a hash.
func (x *index) count(hash uint64, by int) {
	x.change(hash, func(t *table) { t.used += uint32(by) })
}

// change calls fn with every copy of the table for a hash.
func (x *index) change(hash uint64, fn func(t *table)) {
	step := 1 << x.table(hash).depth
	for at := int(hash>>directoryShift) & (step - 1); at < len(x.directory); at += step {
		fn(&x.directory[at])
	}
}
