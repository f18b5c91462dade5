package tracker

// A lock hold of a walk ends after walkChunk torrents, or when walkWork of their
// peers, or of entries of an index that had to move, have been touched.
const (
	walkChunk = 256
	walkWork  = 1024
)

// walk calls look with the position of every torrent of the shard and with the
// shard locked. look may look at up to limit peers; it returns the number of peers
// and of entries of an index that it has touched. It may drop the torrent. If it
// says again, it has not come to the torrent's end and is called for that position
// once more. Between two chunks of torrents or of work the lock is free and
// announces go on. between, if not nil, is called without the lock before each
// chunk.
//
// It goes from the last torrent to the first: the last one takes the place of
// one that is dropped, so none that stays is passed over, but one may come twice.
func (s *shard) walk(look func(i uint32, limit int) (work int, again bool), between func()) {
	for next := int(maxPositions); next > 0; {
		if between != nil {
			between()
		}
		next = s.walkSome(next, look)
	}
}

// walkSome walks through a chunk of the first next torrents and returns how many
// of them are left.
func (s *shard) walkSome(next int, look func(i uint32, limit int) (work int, again bool)) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	next = min(next, int(s.torrents.n))
	looked, work := 0, 0
	for ; next > 0 && looked < walkChunk && work < walkWork; looked++ {
		n, again := look(uint32(next-1), walkWork-work)
		if work += n; !again {
			next--
		}
	}
	held(looked + work)
	return next
}

// held is called at the end of each hold of a shard's lock by what goes through
// the shard, with the number of torrents, peers and entries of an index touched.
// Tests look at it.
var held = func(work int) {}
