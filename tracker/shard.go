package tracker

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// shard holds the torrents whose hash, by the tracker's seed, starts with one
// byte value. All of its fields are guarded by mu.
type shard struct {
	mu sync.Mutex

	torrents slab
	index    index
	arena4   arena[key4]
	arena6   arena[key6]

	changed bitmap   // torrents whose record the database does not have yet
	removed removals // torrents that the database has and the shard no longer
	recent  completions
	stops   stops

	parts partTable // empty unless there is a Ledger
	// floorsBelow says that of the torrents at positions below it, those without a row
	// of their excess have no part of nobody's: all that is above the parts of origins
	// is excess.
	floorsBelow uint32

	totals  ShardTotals
	refused int // torrents that the access list refused when they were last swept
	renewed Renewals
	rng     rand.PCG
	seed    uint64 // the tracker's
}

// ShardTotals are sums over the torrents of a shard.
type ShardTotals struct {
	// Peers and Seeders count the stored peers by family.
	Peers, Seeders [2]uint64
	// Completed counts the downloads completed since the start, heard from
	// clients and from other instances.
	Completed uint64
	// PeersRejected counts by reason the announces since the start whose peer
	// was not stored, or its completed download not counted. NotRejected is not
	// counted.
	PeersRejected [RejectionCount]uint64
}

// init makes an empty shard. What it holds is added to bytes.
func (s *shard) init(seed uint64, bytes *atomic.Int64) {
	s.torrents.bytes, s.index.bytes, s.removed.bytes = bytes, bytes, bytes
	s.arena4.bytes, s.arena6.bytes, s.parts.bytes = bytes, bytes, bytes
	s.seed = seed
	s.rng = *rand.NewPCG(rand.Uint64(), rand.Uint64())
	s.arena4.seed, s.arena6.seed = seed, seed
	s.arena4.moved = func(owner uint32, h handle) { s.torrents.at(owner).setBlock4(h) }
	s.arena6.moved = func(owner uint32, h handle) { s.torrents.at(owner).block6 = h }
}

// find returns the position of the torrent h, whose hash is given.
func (s *shard) find(h *InfoHash, hash uint64) (uint32, bool) {
	if len(s.index.directory) == 0 {
		return 0, false
	}
	t := s.index.table(hash)
	mask, tag := uint64(len(t.slots)-1), tagOf(hash)
	for at := hash & mask; t.slots[at] != 0; at = (at + 1) & mask {
		if t.slots[at]>>positionBits != tag {
			continue
		}
		if i := t.slots[at]&positionMask - 1; s.torrents.at(i).hash == *h {
			return i, true
		}
	}
	return 0, false
}

// hashAt returns the hash of the torrent at position i.
func (s *shard) hashAt(i uint32) uint64 { return hashTorrent(&s.torrents.at(i).hash, s.seed) }

// create stores a torrent that the shard does not have and returns its
// position. The shard must not be full.
func (s *shard) create(h *InfoHash, hash uint64) uint32 {
	i := s.torrents.add(h)
	s.index.insert(hash, i, s.hashAt)
	s.changed.grow(int(i) + 1)
	s.changed.set(i)
	return i
}

// full says that the shard has all the torrents that its index can name.
func (s *shard) full() bool { return s.torrents.n >= maxPositions }

// drop removes a torrent that has no peers. The last torrent takes its
// position.
func (s *shard) drop(i uint32) {
	t := s.torrents.at(i)
	if t.stored {
		s.removed.push(&t.hash)
	}
	hash := s.hashAt(i)
	s.index.remove(hash, i, s.hashAt)
	last := s.torrents.n - 1
	s.dropParts(i, last)
	if i != last {
		s.index.repoint(s.hashAt(last), last, i)
		moved := s.torrents.at(last)
		*t = *moved
		if t.count4 == external {
			*s.arena4.owner(t.location4().block) = i
		}
		if t.block6 != 0 {
			*s.arena6.owner(t.block6) = i
		}
		s.changed.copyBit(i, last)
	}
	s.changed.clear(last)
	s.torrents.removeLast()
	s.index.shrink(hash, s.hashAt)
}

// counts returns the torrent's counts of both families together.
func (s *shard) counts(t *torrent) counts {
	p4, p6 := view(&s.arena4, t.location4()), view(&s.arena6, t.location6())
	return counts{
		n:        p4.n + p6.n,
		leechers: p4.leechers + p6.leechers,
		paused:   p4.paused + p6.paused,
	}
}
