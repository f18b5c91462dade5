package tracker

import (
	"math"
	"time"
)

// staleMargin is by how much the age of a torrent must be below Options.TorrentTimeout
// for a record to create it: ages of the same torrent differ between instances.
const staleMargin = 5 * time.Minute

// Stale reports whether a torrent with a last announce so long ago is too old to be created
// by a record of nobody's part, or for a total that an instance without parts tells to count.
func (p *Parts) Stale(age time.Duration) bool {
	timeout := p.t.opts.TorrentTimeout
	return timeout > 0 && age >= timeout-staleMargin
}

// Raise takes in the part of an origin, or nobody's: the higher value holds, and the
// later announce. A torrent that is unknown is created. Refused are: what the access
// list refuses; a torrent for which there is no room; one that is unknown while the
// database has torrents that the tracker has not, or partial; nobody's part of an
// unknown torrent that is within 5 minutes of Options.TorrentTimeout and not Kept; a
// part of an origin beyond 4,294,967,295, or of a 1,025th origin; and parts of folded
// origins.
func (p *Parts) Raise(now time.Time, o Origin, r PartRecord) PartResult {
	t := p.t
	if t.access.Load().Refuses(&r.InfoHash) {
		return PartRefused
	}
	origin, ok := t.names.add(o)
	if o != Nobody && (!ok || r.Value > maxPart) {
		return PartRefused
	}
	s, hash := t.find(&r.InfoHash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.find(&r.InfoHash, hash)
	if !ok {
		if t.fileOnly.Load() || o == Nobody && !r.Kept && p.Stale(r.Age) {
			return PartRefused
		}
		if i, ok = p.create(s, &r, hash); !ok {
			return PartRefused
		}
	}
	if s.torrents.at(i).partial {
		return PartRefused
	}
	s.announced(i, minutesAgo(now, r.Age))
	old := s.part(i, origin)
	if r.Value <= old {
		return PartHeld
	}
	if o == Nobody {
		p.raiseNobody(s, i, r.Value-old, math.MaxUint64)
	} else if !p.raise(s, i, origin, old, r.Value) {
		return PartRefused
	}
	s.changed.set(i)
	return PartRaised
}

// create stores the torrent of a record, whose hash is given, if there is room.
func (p *Parts) create(s *shard, r *PartRecord, hash uint64) (uint32, bool) {
	if p.t.budget.pressed() { // it belongs to no network that could make room for it
		return 0, false
	}
	i, rejected := p.t.create(s, &r.InfoHash, hash, 0)
	return i, rejected == NotRejected
}

// raise raises the part that the torrent at position i has of an origin, if it may have
// it: the excess, if there is one, falls by as much.
func (p *Parts) raise(s *shard, i uint32, origin uint16, old, value uint64) bool {
	before, torrent := s.makeup(i), s.torrents.at(i)
	absorbed := min(before.excess, value-old)
	total := torrent.downloaded + value - old - absorbed
	if total > MaxDownloaded || !p.mayRise(s, i, origin, value-old) {
		return false
	}
	torrent.downloaded = total
	s.parts.put(i, leafOf(&torrent.hash), origin, uint32(value))
	s.setExcess(i, before.excess-absorbed)
	p.ledger.Changed(p.t.names.name(origin), &torrent.hash, old, value)
	p.tellNobody(s, i, before.nobody)
	return true
}

// RaiseFloor takes in the total that an instance without parts told of a torrent: if
// it is above what is shown, that is shown from now on, and the difference is excess. It
// returns whether it was. One within 5 minutes of Options.TorrentTimeout is passed over.
func (p *Parts) RaiseFloor(now time.Time, r PartRecord) bool {
	t := p.t
	if t.access.Load().Refuses(&r.InfoHash) || p.Stale(r.Age) {
		return false
	}
	s, hash := t.find(&r.InfoHash)
	s.mu.Lock()
	defer s.mu.Unlock()
	minute := minutesAgo(now, r.Age)
	i, ok := s.find(&r.InfoHash, hash)
	if !ok {
		if t.outlived(&Record{LastAnnounce: minute, Downloaded: r.Value}, t.Instant(now)) {
			return false
		}
		if i, ok = p.create(s, &r, hash); !ok {
			return false
		}
	}
	s.announced(i, minute)
	return t.tell(s, i, r.Value)
}

// tell takes in a count of the torrent at position i that another instance has told,
// and returns whether it is greater than the one that was known.
func (t *Tracker) tell(s *shard, i uint32, n uint64) bool {
	torrent := s.torrents.at(i)
	n = min(n, MaxDownloaded)
	before := torrent.count()
	if n <= before {
		return false
	}
	excess := s.makeup(i).excess + n - before
	torrent.tell(n)
	if t.parts != nil && !torrent.partial {
		s.setExcess(i, excess)
	}
	s.changed.set(i)
	return true
}
