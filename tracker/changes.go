package tracker

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// Change is what a checkpoint writes of one torrent.
type Change struct {
	Record
	// Removed says that the torrent is no longer kept. Only its info hash
	// counts then.
	Removed bool
	// Partial says that the database may have a record of the torrent that the
	// tracker has not: Downloaded is to be added to that one's, and Floor is the
	// least that comes out.
	Partial bool
	Floor   uint64
	// Parts are the parts of origins that are kept of the torrent, and the excess if there
	// was one since the start, 0 included. What is not among them the database leaves as
	// it is: it has been folded. They are valid until the changes have been settled or
	// restored. A partial change has none.
	Parts []Part
}

// taking is how far TakeChanges has come in its round.
type taking struct {
	mu    sync.Mutex // guards what follows
	shard int        // that comes next
	words int        // of its bitmap of changed torrents that are left
	parts []Part     // room for those of changes

	// unwritten counts the changes taken of which nobody has said yet that they
	// were written or not. It rises while their shard is locked: a torrent that
	// could not take its change back must not leave the tracker meanwhile.
	unwritten atomic.Int64
}

// begin goes back to where a round begins.
func (t *taking) begin() { t.shard, t.words = 0, math.MaxInt }

// TakeChanges appends up to limit of the changes since they were last taken to
// dst, and takes it that the database has them from now on. It goes round all
// shards: a call goes on where the one before has stopped, and fewer changes than
// limit say that the round has come to its end. What was changed when a round
// began is taken in it. A torrent may come twice; its later change holds.
func (t *Tracker) TakeChanges(dst []Change, limit int) []Change {
	at := &t.taking
	at.mu.Lock()
	defer at.mu.Unlock()
	if at.unwritten.Load() == 0 { // nobody uses the parts of earlier changes
		at.parts = at.parts[:0]
	}
	end := len(dst) + limit
	for at.shard < ShardCount && len(dst) < end {
		n := min(walkChunk, end-len(dst))
		var over bool
		if dst, over = t.takeChanges(&t.shards[at.shard], slices.Grow(dst, n), n); over {
			at.shard, at.words = at.shard+1, math.MaxInt
		}
	}
	if len(dst) < end {
		at.begin()
	}
	return dst
}

// RestoreChanges undoes what TakeChanges did with changes that have not reached
// the database. The next call of that begins a round.
func (t *Tracker) RestoreChanges(changes []Change) {
	t.taking.mu.Lock()
	defer t.taking.mu.Unlock()
	for i := range changes {
		t.restore(&changes[i])
	}
	t.taking.begin()
	t.taking.unwritten.Add(-int64(len(changes)))
}

func (t *Tracker) restore(c *Change) {
	s, hash := t.find(&c.InfoHash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Removed {
		s.removed.push(&c.InfoHash)
	} else if i, ok := s.find(&c.InfoHash, hash); ok {
		s.changed.set(i)
	}
}

// takeWords is the number of words of a bitmap that are looked at in a lock hold.
const takeWords = 1024

// takeChanges is TakeChanges for one shard and one hold of its lock. It goes
// through the changed torrents from the last to the first, as a walk does, then
// through those removed.
func (t *Tracker) takeChanges(s *shard, dst []Change, limit int) (_ []Change, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	words := &t.taking.words
	began, before := len(dst), min(*words, len(s.changed.words))
	defer func() { t.taking.unwritten.Add(int64(len(dst) - began)) }()
	rows := 0
	*words = s.changed.drain(before, takeWords, func(i uint32) bool {
		torrent := s.torrents.at(i)
		torrent.stored = !torrent.partial
		c := torrent.change()
		if t.parts != nil && !torrent.partial {
			c.Parts = t.taking.take(t.parts, s, i)
			rows += len(c.Parts)
		}
		dst = append(dst, c)
		return len(dst) < began+limit && rows < walkWork/2
	})
	left := limit - (len(dst) - began)
	for ; *words == 0 && left > 0 && s.removed.n > 0; left-- {
		h := s.removed.pop()
		if i, back := s.find(&h, hashTorrent(&h, s.seed)); back && s.torrents.at(i).partial {
			t.leftInFile() // and comes back with the torrent
		} else if back {
			s.torrents.at(i).stored = true // as the database still has it
			if t.parts != nil {
				t.parts.back(s, i)
			}
		} else {
			dst = append(dst, Change{Record: Record{InfoHash: h}, Removed: true})
		}
	}
	held(before - *words + limit - left + rows)
	return dst, *words == 0 && s.removed.n == 0
}

// partsRoom is the number of parts of changes for which there is room at a time.
const partsRoom = 1 << 12

// take returns what the database is to have of the parts of the torrent at position i.
func (t *taking) take(p *Parts, s *shard, i uint32) []Part {
	if cap(t.parts)-len(t.parts) <= maxParts+1 {
		t.parts = make([]Part, 0, partsRoom)
	}
	begin := len(t.parts)
	t.parts = p.rows(s, i, t.parts)
	if len(t.parts) == begin {
		return nil
	}
	return t.parts[begin:len(t.parts):len(t.parts)]
}
