package tracker

// peerIndex finds peers by key in a list that is too long to search through.
// It is an open-addressing table with linear probing; a slot holds a position
// in the list plus one, or 0 when it is empty. At most half of the slots are
// used. The keys themselves are in the list.
type peerIndex struct {
	slots []uint32 // a power of two of them
	seed  uint64
}

func newPeerIndex(room int, seed uint64) *peerIndex {
	n := 1
	for n < 2*room {
		n *= 2
	}
	return &peerIndex{slots: make([]uint32, n), seed: seed}
}

func indexHome[K key](ix *peerIndex, k *K) uint32 {
	return uint32(hashKey(k, ix.seed)) & uint32(len(ix.slots)-1)
}

func indexFind[K key](ix *peerIndex, list []entry[K], k K) int {
	mask := uint32(len(ix.slots) - 1)
	for s := indexHome(ix, &k); ; s = (s + 1) & mask {
		switch at := ix.slots[s]; {
		case at == 0:
			return -1
		case equalKeys(&list[at-1].key, &k):
			return int(at - 1)
		}
	}
}

// indexSlot returns the slot that names position i of the list, which must be
// indexed.
func indexSlot[K key](ix *peerIndex, list []entry[K], i uint32) uint32 {
	mask := uint32(len(ix.slots) - 1)
	s := indexHome(ix, &list[i].key)
	for ix.slots[s] != i+1 {
		s = (s + 1) & mask
	}
	return s
}

func indexInsert[K key](ix *peerIndex, list []entry[K], i uint32) {
	mask := uint32(len(ix.slots) - 1)
	s := indexHome(ix, &list[i].key)
	for ix.slots[s] != 0 {
		s = (s + 1) & mask
	}
	ix.slots[s] = i + 1
}

// indexRemove forgets position i of the list and closes the gap in its run of
// slots.
func indexRemove[K key](ix *peerIndex, list []entry[K], i uint32) {
	mask := uint32(len(ix.slots) - 1)
	gap := indexSlot(ix, list, i)
	for s := (gap + 1) & mask; ix.slots[s] != 0; s = (s + 1) & mask {
		home := indexHome(ix, &list[ix.slots[s]-1].key)
		if (s-home)&mask >= (s-gap)&mask {
			ix.slots[gap] = ix.slots[s]
			gap = s
		}
	}
	ix.slots[gap] = 0
}
