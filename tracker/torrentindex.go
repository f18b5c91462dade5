package tracker

// torrentIndex finds a torrent's position in its shard by info hash. It is an
// open-addressing table with linear probing. A slot is 0 when it is empty;
// otherwise its upper 8 bits are a tag from the hash, so that few other
// torrents are looked at, and the lower 24 the position plus one.
type torrentIndex struct {
	slots []uint32 // a power of two of them, or none
	used  int
}

const (
	positionBits     = 24
	positionMask     = 1<<positionBits - 1
	maxShardTorrents = positionMask
	minIndexSlots    = 16
)

// tagOf returns the tag of a hash. The hash's top byte names the shard, the next
// one is the tag, and the slot's place comes from the bottom.
func tagOf(hash uint64) uint32 { return uint32(hash>>48) & 0xff }

// makeSlot returns the slot for a torrent at position i.
func makeSlot(hash uint64, i uint32) uint32 {
	return tagOf(hash)<<positionBits | (i + 1)
}

func (x *torrentIndex) find(torrents *slab, h *InfoHash, hash uint64) (uint32, bool) {
	if len(x.slots) == 0 {
		return 0, false
	}
	mask, tag := uint64(len(x.slots)-1), tagOf(hash)
	for s := hash & mask; x.slots[s] != 0; s = (s + 1) & mask {
		if x.slots[s]>>positionBits != tag {
			continue
		}
		if i := x.slots[s]&positionMask - 1; torrents.at(i).hash == *h {
			return i, true
		}
	}
	return 0, false
}

// insert adds the torrent at position i, whose hash is given.
func (x *torrentIndex) insert(torrents *slab, i uint32, hash, seed uint64) {
	if (x.used+1)*4 > len(x.slots)*3 {
		x.rebuild(torrents, max(2*len(x.slots), minIndexSlots), seed)
	}
	x.place(hash, i)
	x.used++
}

func (x *torrentIndex) place(hash uint64, i uint32) {
	mask := uint64(len(x.slots) - 1)
	s := hash & mask
	for x.slots[s] != 0 {
		s = (s + 1) & mask
	}
	x.slots[s] = makeSlot(hash, i)
}

// slotOf returns the slot that names position i.
func (x *torrentIndex) slotOf(torrents *slab, i uint32, seed uint64) uint64 {
	mask, hash := uint64(len(x.slots)-1), hashTorrent(&torrents.at(i).hash, seed)
	s := hash & mask
	for want := makeSlot(hash, i); x.slots[s] != want; {
		s = (s + 1) & mask
	}
	return s
}

// repoint makes the slot of the torrent at position from name position to.
func (x *torrentIndex) repoint(torrents *slab, from, to uint32, seed uint64) {
	s := x.slotOf(torrents, from, seed)
	x.slots[s] = x.slots[s]&^positionMask | (to + 1)
}

// remove forgets the torrent at position i and closes the gap in its run of
// slots.
func (x *torrentIndex) remove(torrents *slab, i uint32, seed uint64) {
	mask := uint64(len(x.slots) - 1)
	gap := x.slotOf(torrents, i, seed)
	for s := (gap + 1) & mask; x.slots[s] != 0; s = (s + 1) & mask {
		home := hashTorrent(&torrents.at(x.slots[s]&positionMask-1).hash, seed) & mask
		if (s-home)&mask >= (s-gap)&mask {
			x.slots[gap] = x.slots[s]
			gap = s
		}
	}
	x.slots[gap] = 0
	x.used--
}

// shrink gives memory back when few of the slots are used.
func (x *torrentIndex) shrink(torrents *slab, seed uint64) {
	if len(x.slots) > minIndexSlots && x.used*8 < len(x.slots) {
		x.rebuild(torrents, len(x.slots)/2, seed)
	}
}

// rebuild makes the table anew with the given number of slots, for the first
// used torrents of the slab.
func (x *torrentIndex) rebuild(torrents *slab, slots int, seed uint64) {
	x.slots = make([]uint32, slots)
	for i := range uint32(x.used) {
		x.place(hashTorrent(&torrents.at(i).hash, seed), i)
	}
}
