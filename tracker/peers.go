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
	list  []entry[K]     // its length is the room there is
	large *largeBlock[K] // in place of list, for large lists; otherwise nil
}

// at returns the peer at position i.
func (p *peers[K]) at(i uint32) *entry[K] {
	if p.large != nil {
		return p.large.at(i)
	}
	return &p.list[i]
}

// room returns the number of peers that there is room for.
func (p *peers[K]) room() int {
	if p.large != nil {
		return p.large.room()
	}
	return len(p.list)
}

// find returns the position of the peer k, or -1.
func (p *peers[K]) find(k K) int {
	if p.large != nil {
		return p.large.find(&k)
	}
	return scan(p.list[:p.n], &k)
}

// scan returns the position of the peer k in list, or -1.
func scan[K key](list []entry[K], k *K) int {
	if b := keyBytes(k); len(b) == CompactSize4 && len(list) > 0 {
		words := unsafe.Slice((*byte)(unsafe.Pointer(&list[0])), len(list)*entrySize4)
		return scan4(words, uint64(binary.LittleEndian.Uint32(b))|uint64(binary.LittleEndian.Uint16(b[4:]))<<32)
	}
	for i := range list {
		if equalKeys(&list[i].key, k) {
			return i
		}
	}
	return -1
}

// scanEach returns the position of the IPv4 peer whose key is the lower six bytes of
// want, the upper ones being 0, in a list of them, or -1. A peer with its meta is one
// word, so that a comparison costs one load.
func scanEach(words []byte, want uint64) int {
	const keyBits = 1<<(8*CompactSize4) - 1
	for i := 0; len(words) >= entrySize4; words, i = words[entrySize4:], i+1 {
		if binary.LittleEndian.Uint64(words)&keyBits == want {
			return i
		}
	}
	return -1
}

// atLimit reports whether the network of k has as many peers in the list as limit, or at
// a wider level as many as that allows. In a large list the number is up to
// networkSlack too low, or too high; see networkCounts.
func (p *peers[K]) atLimit(k *K, limit uint32) bool {
	network := networkOf(k)
	var counts [networkLevels]uint32
	if p.large != nil {
		for level := range network.levels() {
			counts[level] = p.large.networks.of(network, level)
		}
	} else {
		for i := range p.list[:p.n] {
			// Where the networks of two peers differ says at which levels they agree.
			differ := networkOf(&p.list[i].key) ^ network
			for level := range network.levels() {
				if differ>>(levelBits*level) == 0 {
					counts[level]++
				}
			}
		}
	}
	for level := range network.levels() {
		if counts[level] >= levelLimit(limit, level) {
			return true
		}
	}
	return false
}

// levelLimit returns what a limit on a network is at a level. A large list counts
// no further than mostCounted.
func levelLimit(limit uint32, level int) uint32 {
	if level == 0 {
		return limit
	}
	return uint32(min(uint64(limit)<<(2*level), mostCounted))
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
	if p.large != nil {
		p.large.take(i)
	}
	if i < p.leechers {
		p.countPaused(p.at(i).meta, -1)
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
	if p.large != nil {
		p.large.taken(p.n)
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
		p.countPaused(p.at(uint32(at)).meta, -1)
		p.leechers--
		to--
	} else {
		p.leechers++
		p.countPaused(p.at(uint32(at)).meta, 1)
	}
	p.swap(uint32(at), to)
	return int(to)
}

// setMeta replaces the flags and tick of the peer at position at.
func (p *peers[K]) setMeta(at int, meta uint16) {
	e := p.at(uint32(at))
	if !p.seeds(at) {
		p.countPaused(e.meta, -1)
		p.countPaused(meta, 1)
	}
	e.meta = meta
}

// removeIf removes those of the first left peers that go by their network and the
// tick of their last announce, from the last to the first. It ends when the peers
// that it has looked at, and the entries that moved in their index, are limit or
// more, and returns how many peers are left and what has been done.
func (p *peers[K]) removeIf(b *budget, goes func(n Network, tick uint16) bool, left uint32, limit int) (_ uint32, work int) {
	for left = min(left, p.n); left > 0 && work < limit; {
		left--
		work++
		e := p.at(left)
		n := networkOf(&e.key)
		if !goes(n, e.tick()) {
			continue
		}
		b.release(n)
		if p.large == nil {
			p.remove(int(left))
			continue
		}
		moved := p.large.index.moved
		p.remove(int(left))
		work += int(p.large.index.moved - moved)
	}
	return left, work
}

// fill makes the list hold what src holds. The list must be empty and have the
// room; one of the two at most is large.
func (p *peers[K]) fill(src *peers[K]) {
	p.counts = src.counts
	if p.large == nil && src.large == nil {
		copy(p.list, src.list[:src.n])
		return
	}
	for i := range src.n {
		if p.large != nil {
			p.large.put(i, src.list[i], i+1)
		} else {
			p.list[i] = *src.large.at(i)
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
	if p.large != nil {
		p.large.put(i, e, p.n)
	} else {
		p.list[i] = e
	}
}

// move copies the peer at position from over the one at position to.
func (p *peers[K]) move(to, from uint32) {
	if p.large != nil {
		p.large.move(to, from)
	} else {
		p.list[to] = p.list[from]
	}
}

func (p *peers[K]) swap(i, j uint32) {
	if i == j {
		return
	}
	if p.large != nil {
		p.large.swap(i, j)
	} else {
		p.list[i], p.list[j] = p.list[j], p.list[i]
	}
}
