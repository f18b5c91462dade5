package tracker

// A lock hold of a walk ends after walkChunk torrents, or with the torrent with
// which it has looked at walkPeers peers.
const (
	walkChunk = 256
	walkPeers = 4096
)

// walk calls look with the position of every torrent of the shard and with the
// shard locked. look returns the number of peers that it has looked at, and may
// drop the torrent. Between two chunks of torrents the lock is free and announces
// go on. between, if not nil, is called without the lock before each chunk.
//
// It goes from the last torrent to the first: the last one takes the place of
// one that is dropped, so none that stays is passed over, but one may come twice.
func (s *shard) walk(look func(i uint32) (peers int), between func()) {
	for next := int(maxPositions); next > 0; {
		if between != nil {
			between()
		}
		next = s.walkSome(next, look)
	}
}

// walkSome walks through a chunk of the first next torrents and returns how many
// of them are left.
func (s *shard) walkSome(next int, look func(i uint32) (peers int)) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	next = min(next, int(s.torrents.n))
	last, peers := max(next-walkChunk, 0), 0
	for next > last && peers < walkPeers {
		next--
		peers += look(uint32(next))
	}
	return next
}
