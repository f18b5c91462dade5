package tracker

// A lock hold of a walk ends after walkChunk torrents, or when it has looked at
// walkPeers of their peers.
const (
	walkChunk = 256
	walkPeers = 1024
)

// walk calls look with the position of every torrent of the shard and with the
// shard locked. look may look at up to limit peers and returns the number of those
// that it has looked at. It may drop the torrent. If it says again, it has not
// come to the torrent's end and is called for that position once more. Between two
// chunks of torrents or peers the lock is free and announces go on. between, if not
// nil, is called without the lock before each chunk.
//
// It goes from the last torrent to the first: the last one takes the place of
// one that is dropped, so none that stays is passed over, but one may come twice.
func (s *shard) walk(look func(i uint32, limit int) (peers int, again bool), between func()) {
	for next := int(maxPositions); next > 0; {
		if between != nil {
			between()
		}
		next = s.walkSome(next, look)
	}
}

// walkSome walks through a chunk of the first next torrents and returns how many
// of them are left.
func (s *shard) walkSome(next int, look func(i uint32, limit int) (peers int, again bool)) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	next = min(next, int(s.torrents.n))
	last, left := max(next-walkChunk, 0), walkPeers
	for next > last && left > 0 {
		peers, again := look(uint32(next-1), left)
		left -= peers
		if !again {
			next--
		}
	}
	return next
}
