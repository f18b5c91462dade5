package tracker

import "math"

// peerIndex finds peers by key in a list that is too long to search through.
// It is an open-addressing table with linear probing; a slot holds a position
// in the list plus one, or 0 when it is empty. At most half of the slots are
// used. The keys themselves are in the list.
//
// It also counts the peers by network, in half as many counters as slots, at
// least one for each peer there is room for. A network has two of them, which
// it shares with others; its count is the lower. Each counter holds two of the
// others' peers on average, whoever they are, and networkSlack is taken off for
// them. So a count is at most that much too low, and a network with c peers
// seems to have l with a probability of at most (2/(l+networkSlack-c))²: 1.6e-5
// for half of a limit of 1,000, and 1e-6 for any limit where all others have
// one peer each.
type peerIndex struct {
	slots    []uint32 // a power of two of them
	networks []uint16 // one that has reached the greatest number stays there
	seed     uint64
}

const networkSlack = 8

func newPeerIndex(room int, seed uint64) *peerIndex {
	n := 1
	for n < 2*room {
		n *= 2
	}
	return &peerIndex{slots: make([]uint32, n), networks: make([]uint16, n/2), seed: seed}
}

// ofNetwork returns about the number of peers of a network.
func (ix *peerIndex) ofNetwork(n Network) uint32 {
	a, b := ix.counters(n)
	return uint32(max(min(*a, *b), networkSlack) - networkSlack)
}

// counters returns the two counters of a network.
func (ix *peerIndex) counters(n Network) (a, b *uint16) {
	hash, mask := mix(uint64(n), 0, ix.seed), uint64(len(ix.networks)-1)
	i, j := hash&mask, hash>>32&mask
	if i == j {
		j ^= 1
	}
	return &ix.networks[i], &ix.networks[j]
}

// count adds by to the counters of a network.
func (ix *peerIndex) count(n Network, by int) {
	a, b := ix.counters(n)
	for _, c := range [...]*uint16{a, b} {
		if *c < math.MaxUint16 {
			*c += uint16(by)
		}
	}
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
	ix.count(networkOf(&list[i].key), 1)
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
	ix.count(networkOf(&list[i].key), -1)
}
