package tracker

import (
	"slices"
	"unsafe"
)

// byShard goes through many items of which each belongs to a torrent, shard by shard:
// there are many to a hold of a lock, and the memory that they need is fetched for all
// before the first is waited for.
type byShard struct {
	hashes []uint64 // by item
	order  []uint32 // items by shard, those of a shard as they were
	ends   [ShardCount]uint32
}

// shardHold is the most items in a hold of a shard's lock.
const shardHold = 256

// newByShard sorts n items, whose torrents have the hashes given.
func newByShard(n int, hash func(i int) uint64) *byShard {
	b := &byShard{hashes: make([]uint64, n), order: make([]uint32, n)}
	for i := range b.hashes {
		b.hashes[i] = hash(i)
		b.ends[shardOf(b.hashes[i])]++
	}
	begin := uint32(0)
	for s, n := range b.ends {
		b.ends[s] = begin
		begin += n
	}
	for i, hash := range b.hashes {
		at := &b.ends[shardOf(hash)]
		b.order[*at] = uint32(i)
		*at++
	}
	return b
}

// each calls do with every item, its torrent's shard, locked, and hash. ahead, if not
// nil, is called before, to fetch what else do is going to need. It begins with the
// shard of the first item, so that those who do this at the same time do not meet at
// every lock.
func (b *byShard) each(t *Tracker, ahead func(i uint32), do func(s *shard, hash uint64, i uint32)) {
	if len(b.hashes) == 0 {
		return
	}
	first := int(shardOf(b.hashes[0]))
	for n := range ShardCount {
		n = (first + n) % ShardCount
		for items := range slices.Chunk(b.of(n), shardHold) {
			if ahead != nil {
				for _, i := range items {
					ahead(i)
				}
			}
			b.hold(&t.shards[n], items, do)
		}
	}
}

// of returns the items of a shard.
func (b *byShard) of(shard int) []uint32 {
	begin := uint32(0)
	if shard > 0 {
		begin = b.ends[shard-1]
	}
	return b.order[begin:b.ends[shard]]
}

// hold is each for items of a shard in one hold of its lock.
func (b *byShard) hold(s *shard, items []uint32, do func(s *shard, hash uint64, i uint32)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range items {
		s.prefetchSlot(b.hashes[i])
	}
	for _, i := range items {
		s.prefetchTorrent(b.hashes[i])
	}
	for _, i := range items {
		do(s, b.hashes[i], i)
	}
	held(len(items))
}

// prefetchSlot fetches where the index is looked into for a torrent with this hash.
func (s *shard) prefetchSlot(hash uint64) {
	if len(s.index.directory) > 0 {
		t := s.index.table(hash)
		prefetchLines(unsafe.Pointer(&t.slots[hash&uint64(len(t.slots)-1)]), unsafe.Sizeof(t.slots[0]))
	}
}
