package tracker

import (
	"math"
	"time"
)

// complete counts a completed download that was announced here, and returns whether a
// part tells it: other instances must not count it then.
func (t *Tracker) complete(s *shard, i uint32, now Instant) (told bool) {
	s.totals.Completed++
	s.changed.set(i)
	torrent := s.torrents.at(i)
	if t.parts == nil || torrent.partial || torrent.downloaded == MaxDownloaded {
		torrent.complete()
	} else {
		told = t.parts.complete(s, i)
	}
	if t.parts != nil && !told {
		t.parts.unmarked.Store(now.second)
	}
	return told
}

// LastUnmarked returns when a completed download was last announced here that no part
// tells, to the second: others count it when they hear of the peer.
func (p *Parts) LastUnmarked() time.Time { return time.Unix(int64(p.unmarked.Load()), 0) }

// complete is Tracker.complete for a torrent of which there are parts.
func (p *Parts) complete(s *shard, i uint32) (told bool) {
	torrent, own := s.torrents.at(i), p.own.Load()
	if own == nil || !p.mayRise(s, i, own.index, 1) {
		before := s.makeup(i)
		torrent.downloaded++
		s.setExcess(i, before.excess)
		p.tellNobody(s, i, before.nobody)
		return false
	}
	value := s.part(i, own.index) + 1
	torrent.downloaded++
	s.parts.put(i, leafOf(&torrent.hash), own.index, uint32(value))
	p.ledger.Counted(own.name, &torrent.hash, value)
	return true
}

// mayRise says that the part that the torrent at position i has of an origin may rise
// by n.
func (p *Parts) mayRise(s *shard, i uint32, origin uint16, n uint64) bool {
	if part := s.parts.find(i, origin); part != nil {
		return uint64(part.value)+n <= maxPart
	}
	return n <= maxPart && s.roomForPart(i)
}

// heard counts a completed download that another instance has published and that no
// part tells.
func (t *Tracker) heard(s *shard, i uint32) {
	s.changed.set(i)
	torrent := s.torrents.at(i)
	if t.parts == nil || torrent.partial {
		torrent.complete()
		return
	}
	switch _, row := s.parts.excess(i); {
	case i < s.floorsBelow && !row: // a floor from the file cannot have it yet
		torrent.complete()
	case t.parts.alone.Load():
		t.parts.raiseNobody(s, i, 1, 0)
	default:
		t.parts.raiseNobody(s, i, 1, math.MaxUint64)
	}
}

// SetAlone says whether no other instance keeps parts. Then what strangers complete raises
// their floors too, as they count it: they tell of it before they tell a count that has
// it. Members may hear of it in another order.
func (p *Parts) SetAlone(alone bool) { p.alone.Store(alone) }

// raiseNobody raises nobody's part of the torrent at position i by n: the excess, if
// there is one, falls by that, or by most.
func (p *Parts) raiseNobody(s *shard, i uint32, n, most uint64) {
	before, torrent := s.makeup(i), s.torrents.at(i)
	absorbed := min(before.excess, n, most)
	torrent.downloaded += min(n-absorbed, MaxDownloaded-torrent.downloaded)
	s.setExcess(i, before.excess-absorbed)
	p.tellNobody(s, i, before.nobody)
}
