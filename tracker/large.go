package tracker

import "sync/atomic"

// largeBlock holds a list of peers beyond the last size class. It grows and
// shrinks a page at a time.
type largeBlock[K key] struct {
	counts
	owner    uint32 // the torrent's position in its shard
	pages    [][]entry[K]
	index    index
	networks networkCounts
	bytes    *atomic.Int64 // to which it is added
}

// pageEntries is the number of peers in a page. A block with a single page can
// have a shorter one.
const pageEntries = 1024

// maxPeers is the most peers of one family that a torrent can have.
const maxPeers = maxPositions

func newLargeBlock[K key](owner uint32, n int, seed uint64, bytes *atomic.Int64) *largeBlock[K] {
	b := &largeBlock[K]{
		owner:    owner,
		index:    index{bytes: bytes},
		networks: newNetworkCounts[K](seed, bytes),
		bytes:    bytes,
	}
	b.pages = [][]entry[K]{b.newPage(n + n/4)}
	return b
}

// newPage returns an empty page with room for n peers.
func (b *largeBlock[K]) newPage(n int) []entry[K] {
	b.bytes.Add(int64(n) * entryBytes[K]())
	return make([]entry[K], n)
}

// discardPage gives up a page.
func (b *largeBlock[K]) discardPage(page []entry[K]) {
	b.bytes.Add(-int64(len(page)) * entryBytes[K]())
}

// discard gives up all that the block takes up.
func (b *largeBlock[K]) discard() {
	for _, page := range b.pages {
		b.discardPage(page)
	}
	b.index.discardAll()
	b.networks.now.discard(b.bytes)
	b.networks.next.discard(b.bytes)
}

func (b *largeBlock[K]) at(i uint32) *entry[K] { return &b.pages[i/pageEntries][i%pageEntries] }

// room returns the number of peers that there is room for.
func (b *largeBlock[K]) room() int {
	last := len(b.pages) - 1
	return last*pageEntries + len(b.pages[last])
}

// grow makes room for one more peer at least.
func (b *largeBlock[K]) grow() {
	if n := len(b.pages[0]); n < pageEntries {
		b.resize(min(n+n/4, pageEntries))
	} else {
		b.pages = append(b.pages, b.newPage(pageEntries))
	}
}

// shrink gives room back of which n peers have too much.
func (b *largeBlock[K]) shrink(n int) {
	for last := len(b.pages) - 1; last > 0 && n <= last*pageEntries-pageEntries/2; last-- {
		b.discardPage(b.pages[last])
		b.pages[last] = nil
		b.pages = shrink(b.pages[:last])
	}
	if n <= len(b.pages[0])/2 {
		b.resize(n + n/4)
	}
}

// resize makes the only page one of another length.
func (b *largeBlock[K]) resize(length int) {
	page := b.newPage(length)
	copy(page, b.pages[0])
	b.discardPage(b.pages[0])
	b.pages[0] = page
}

func (b *largeBlock[K]) hash(k *K) uint64 { return hashKey(k, b.networks.seed) }

// hashAt and networkAt return the hash and the network of the peer at position i.
func (b *largeBlock[K]) hashAt(i uint32) uint64     { return b.hash(&b.at(i).key) }
func (b *largeBlock[K]) networkAt(i uint32) Network { return networkOf(&b.at(i).key) }

// find returns the position of the peer k, or -1.
func (b *largeBlock[K]) find(k *K) int {
	hash := b.hash(k)
	t := b.index.table(hash)
	mask, tag := uint64(len(t.slots)-1), tagOf(hash)
	for s := hash & mask; t.slots[s] != 0; s = (s + 1) & mask {
		if t.slots[s]>>positionBits != tag {
			continue
		}
		if i := t.slots[s]&positionMask - 1; equalKeys(&b.at(i).key, k) {
			return int(i)
		}
	}
	return -1
}

// put stores a peer at position i, which no peer has, and makes peers of them.
func (b *largeBlock[K]) put(i uint32, e entry[K], peers uint32) {
	*b.at(i) = e
	b.index.insert(b.hash(&e.key), i, b.hashAt)
	b.networks.came(networkOf(&e.key), i)
	b.networks.fill(peers, fillComing, b.networkAt)
}

// take takes the peer at position i out.
func (b *largeBlock[K]) take(i uint32) {
	hash := b.hashAt(i)
	b.index.remove(hash, i, b.hashAt)
	b.index.shrink(hash, b.hashAt)
	b.networks.went(b.networkAt(i), i)
}

// taken is called when the gap that a peer has left is closed, with peers left.
func (b *largeBlock[K]) taken(peers uint32) { b.networks.fill(peers, fillGoing, b.networkAt) }

// move copies the peer at position from to position to, which no peer has.
func (b *largeBlock[K]) move(to, from uint32) {
	b.index.repoint(b.hashAt(from), from, to)
	b.networks.moved(b.networkAt(from), to, from)
	*b.at(to) = *b.at(from)
}

func (b *largeBlock[K]) swap(i, j uint32) {
	b.index.exchange(b.hashAt(i), i, b.hashAt(j), j)
	b.networks.moved(b.networkAt(i), j, i)
	b.networks.moved(b.networkAt(j), i, j)
	x, y := b.at(i), b.at(j)
	*x, *y = *y, *x
}
