package tracker

import (
	"encoding/binary"
	"unsafe"
)

// counts are the numbers of peers in a list.
type counts struct {
	n        uint32 // all
	leechers uint32 // of those, the ones that do not seed
	paused   uint32 // of the leechers, the partial seeds
}

func (c counts) seeders() uint32 { return c.n - c.leechers }

// peers is a view of one torrent's peers of one family: the leechers first,
// then the seeders, without gaps. The view's counts have to be written back
// after a change.
type peers[K key] struct {
	counts
	list  []entry[K] // its length is the room there is
	index *peerIndex // by key, for large lists; otherwise nil
}

// find returns the position of the peer k, or -1.
func (p *peers[K]) find(k K) int {
	if p.index != nil {
		return indexFind(p.index, p.list, k)
	}
	return scan(p.list[:p.n], &k)
}

// scan returns the position of the peer k in list, or -1. An IPv4 peer with its
// meta is one word, so that a comparison costs one load.
func scan[K key](list []entry[K], k *K) int {
	if len(*k) == CompactSize4 && len(list) > 0 {
		const keyBits = 1<<(8*CompactSize4) - 1
		words := unsafe.Slice((*byte)(unsafe.Pointer(&list[0])), len(list)*entrySize4)
		port := binary.LittleEndian.Uint16(keyBytes(k)[4:])
		want := uint64(binary.LittleEndian.Uint32(keyBytes(k))) | uint64(port)<<32
		for i := 0; len(words) >= entrySize4; words, i = words[entrySize4:], i+1 {
			if binary.LittleEndian.Uint64(words)&keyBits == want {
				return i
			}
		}
		return -1
	}
	for i := range list {
		if equalKeys(&list[i].key, k) {
			return i
		}
	}
	return -1
}

// ofNetwork returns the number of peers whose network is that of k. In a large
// list it is up to networkSlack too low, or too high; see peerIndex.
func (p *peers[K]) ofNetwork(k *K) (n uint32) {
	network := networkOf(k)
	if p.index != nil {
		return p.index.ofNetwork(network)
	}
	for i := range p.list[:p.n] {
		if networkOf(&p.list[i].key) == network {
			n++
		}
	}
	return n
}

// seeds says whether the peer at position i is a seeder.
func (p *peers[K]) seeds(i int) bool { return uint32(i) >= p.leechers }

// add stores a peer that is not in the list, which must have room, and returns
// its position.
func (p *peers[K]) add(e entry[K], seeder bool) int {
	i := p.n
	p.n++
	if !seeder {
		if p.leechers < i {
			p.move(i, p.leechers)
			i = p.leechers
		}
		p.leechers++
		p.countPaused(e.meta, 1)
	}
	p.put(i, e)
	return int(i)
}

// remove takes the peer at position at out of the list.
func (p *peers[K]) remove(at int) {
	i := uint32(at)
	if p.index != nil {
		indexRemove(p.index, p.list, i)
	}
	if i < p.leechers {
		p.countPaused(p.list[i].meta, -1)
		p.leechers--
		if i != p.leechers {
			p.move(i, p.leechers)
			i = p.leechers
		}
	}
	p.n--
	if i != p.n {
		p.move(i, p.n)
	}
}

// setRole makes the peer at position at a seeder or a leecher and returns its
// new position.
func (p *peers[K]) setRole(at int, seeder bool) int {
	if p.seeds(at) == seeder {
		return at
	}
	to := p.leechers
	if seeder {
		p.countPaused(p.list[at].meta, -1)
		p.leechers--
		to--
	} else {
		p.leechers++
		p.countPaused(p.list[at].meta, 1)
	}
	p.swap(uint32(at), to)
	return int(to)
}

// setMeta replaces the flags and tick of the peer at position at.
func (p *peers[K]) setMeta(at int, meta uint16) {
	if !p.seeds(at) {
		p.countPaused(p.list[at].meta, -1)
		p.countPaused(meta, 1)
	}
	p.list[at].meta = meta
}

// expire removes the peers that have not announced for a peer timeout.
func (p *peers[K]) expire(now Instant) {
	for i := int(p.n) - 1; i >= 0; i-- {
		if now.ticksSince(p.list[i].tick()) >= ticksPerTimeout {
			p.remove(i)
		}
	}
}

// fill makes the list hold what src holds. The list must be empty and have the
// room.
func (p *peers[K]) fill(src *peers[K]) {
	copy(p.list, src.list[:src.n])
	p.counts = src.counts
	if p.index != nil {
		for i := range p.list[:p.n] {
			indexInsert(p.index, p.list, uint32(i))
		}
	}
}

func (p *peers[K]) countPaused(meta uint16, by int) {
	if meta&metaPaused != 0 {
		p.paused += uint32(by)
	}
}

// put writes e at position i, which no indexed peer holds.
func (p *peers[K]) put(i uint32, e entry[K]) {
	p.list[i] = e
	if p.index != nil {
		indexInsert(p.index, p.list, i)
	}
}

// move copies the peer at position from over the one at position to.
func (p *peers[K]) move(to, from uint32) {
	if p.index != nil {
		p.index.slots[indexSlot(p.index, p.list, from)] = to + 1
	}
	p.list[to] = p.list[from]
}

func (p *peers[K]) swap(i, j uint32) {
	if i == j {
		return
	}
	if p.index != nil {
		si, sj := indexSlot(p.index, p.list, i), indexSlot(p.index, p.list, j)
		p.index.slots[si], p.index.slots[sj] = j+1, i+1
	}
	p.list[i], p.list[j] = p.list[j], p.list[i]
}
