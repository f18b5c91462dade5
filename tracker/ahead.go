package tracker

import "unsafe"

// Ahead is an announce that is going to be made, or published by another instance.
// The info hash stays the caller's and is only read.
type Ahead struct {
	InfoHash *InfoHash
	Peer     Peer
	shard    uint8  // the torrent's
	at       uint32 // position of the torrent plus one, or 0
}

// Prefetch has the memory fetched that the announces are going to look at. An
// announce waits for its torrent's record, then for its peers; of many together
// each of these is asked for before the first is waited for. It changes nothing
// but the time that the announces take, and the fields of Ahead that are its
// own.
//
// It takes shard locks one at a time, for a look, and passes over those that
// somebody else has. What has moved before its announce was fetched in vain.
func (t *Tracker) Prefetch(announces []Ahead) {
	t.prefetchTorrents(announces)
	t.prefetchPeers(announces)
}

// prefetchTorrents fetches the torrents' records and notes where they are.
func (t *Tracker) prefetchTorrents(announces []Ahead) {
	for i := range announces {
		a := &announces[i]
		hash := hashTorrent(a.InfoHash, t.seed)
		a.shard, a.at = shardOf(hash), 0
		if s := &t.shards[a.shard]; s.mu.TryLock() {
			a.at = s.prefetchTorrent(hash)
			s.mu.Unlock()
		}
	}
}

// prefetchPeers fetches the peers of the torrents that were found.
func (t *Tracker) prefetchPeers(announces []Ahead) {
	for i := range announces {
		a := &announces[i]
		if s := &t.shards[a.shard]; a.at != 0 && s.mu.TryLock() {
			if a.at <= s.torrents.n {
				if at, bytes := s.peersAhead(a.at-1, &a.Peer); at != nil {
					prefetchLines(at, bytes)
				}
			}
			s.mu.Unlock()
		}
	}
}

// prefetchTorrent fetches the record of the torrent with this hash and returns
// its position plus one, or 0 if the shard does not have it. It must not look at
// the record, and goes by the tag alone.
func (s *shard) prefetchTorrent(hash uint64) uint32 {
	at := s.index.guess(hash)
	if at != 0 {
		prefetchLines(unsafe.Pointer(s.torrents.at(at-1)), unsafe.Sizeof(torrent{}))
	}
	return at
}

// guess returns the position plus one of the first entry that has the tag of the
// hash, or 0.
func (x *index) guess(hash uint64) uint32 {
	if len(x.directory) == 0 {
		return 0
	}
	t := x.table(hash)
	mask, tag := uint64(len(t.slots)-1), tagOf(hash)
	for s := hash & mask; t.slots[s] != 0; s = (s + 1) & mask {
		if t.slots[s]>>positionBits == tag {
			return t.slots[s] & positionMask
		}
	}
	return 0
}

// peersAhead returns the memory of the block of peers that p is in or comes to; nil
// if there is none beside the torrent's record.
func (s *shard) peersAhead(i uint32, p *Peer) (at unsafe.Pointer, bytes uintptr) {
	t := s.torrents.at(i)
	if p.family == IPv6 {
		return blockAhead(&s.arena6, t.block6, p.key6())
	} else if t.count4 == external {
		return blockAhead(&s.arena4, t.location4().block, p.key4())
	}
	return nil, 0
}

// blockAhead returns the memory of block h, or of a large one the slot in its index
// where k is looked for first.
func blockAhead[K key](a *arena[K], h handle, k K) (at unsafe.Pointer, bytes uintptr) {
	switch h.class() {
	case 0:
		return nil, 0
	case classLarge:
		b := a.large[h.place()]
		hash := b.hash(&k)
		t := b.index.table(hash)
		return unsafe.Pointer(&t.slots[hash&uint64(len(t.slots)-1)]), unsafe.Sizeof(t.slots[0])
	default:
		c := &a.classes[h.class()]
		return unsafe.Pointer(c.at(h.place())), uintptr(c.blockBytes())
	}
}
