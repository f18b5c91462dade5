package tracker

import (
	"sync/atomic"
	"time"
)

// Parts are the parts of origins in the downloaded counts, and nobody's: see Part. The
// count of a torrent, as it is shown, is the sum of nobody's part, the parts of all
// origins and its excess.
//
// A torrent that has a part of an origin stays until that has been folded, unless it has
// to make room for others while the database has it. A partial torrent, of which the
// database may know more, takes no part until the next checkpoint: its completions are
// nobody's.
//
// Its methods are called by one goroutine, while announces go on.
type Parts struct {
	t      *Tracker
	ledger Ledger
	own    atomic.Pointer[ownOrigin] // nil: completions count as nobody's
	alone  atomic.Bool               // see SetAlone
	// unmarked is the unix second of the last completion here that counted as nobody's.
	unmarked atomic.Uint32
	floors   atomic.Bool // see TotalsAreFloors
	before   bool        // what that was at first
	pages    pageCache
}

// ownOrigin is the origin for which completions are counted.
type ownOrigin struct {
	name  Origin
	index uint16
}

// CountParts has the tracker keep parts from now on, and tells l of them, from what
// was loaded on. totalsAreFloors says that the count of a torrent without a row of its
// excess is a floor, for all that is above the parts of origins: the database is from
// before there were parts. CountParts is called once, after all is loaded and before
// anything else knows the tracker. Without it there are no parts.
func (t *Tracker) CountParts(l Ledger, totalsAreFloors bool) *Parts {
	p := &Parts{t: t, ledger: l, before: totalsAreFloors}
	p.floors.Store(totalsAreFloors)
	for n := range t.shards {
		s := &t.shards[n]
		s.mu.Lock()
		if totalsAreFloors {
			s.floorsBelow = s.torrents.n
		}
		for i := range s.torrents.n {
			p.tell(s, i)
		}
		s.mu.Unlock()
	}
	t.parts = p
	return p
}

// tell tells the ledger all that there is of the torrent at position i.
func (p *Parts) tell(s *shard, i uint32) {
	h := &s.torrents.at(i).hash
	for _, part := range originsOf(s.parts.of(i)) {
		p.ledger.Changed(p.t.names.name(part.origin), h, 0, uint64(part.value))
	}
	p.tellNobody(s, i, 0)
}

// tellNobody tells the ledger if nobody's part of the torrent at position i is another
// than before.
func (p *Parts) tellNobody(s *shard, i uint32, before uint64) {
	if now := s.makeup(i).nobody; now != before {
		p.ledger.Changed(Nobody, &s.torrents.at(i).hash, before, now)
	}
}

// Begin has completions counted for origin o from now on, Nobody for none. When it
// returns, none is being counted for the one before.
func (p *Parts) Begin(o Origin) {
	var own *ownOrigin
	if index, ok := p.t.names.add(o); ok {
		own = &ownOrigin{o, index}
	}
	p.own.Store(own)
	for i := range p.t.shards { // who has loaded the one before holds a lock
		p.t.shards[i].mu.Lock()
		p.t.shards[i].mu.Unlock() //nolint:staticcheck // waits
	}
}

// Part returns the part that an origin has of a torrent, or nobody's; 0 if there is none.
func (p *Parts) Part(o Origin, h *InfoHash) (value uint64) {
	p.look(o, h, func(s *shard, i uint32, v uint64) { value = v })
	return value
}

// look calls fn with the torrent's shard, locked, its position and the part of an
// origin, or nobody's, if the torrent is there.
func (p *Parts) look(o Origin, h *InfoHash, fn func(s *shard, i uint32, value uint64)) {
	origin, ok := p.t.names.find(o)
	if !ok && o != Nobody {
		return
	}
	p.t.look(h, func(s *shard, i uint32) { fn(s, i, s.part(i, origin)) })
}

// part returns the part that the torrent at position i has of an origin; excessRow
// stands for nobody's.
func (s *shard) part(i uint32, origin uint16) uint64 {
	if origin == excessRow {
		return s.makeup(i).nobody
	}
	if part := s.parts.find(i, origin); part != nil {
		return uint64(part.value)
	}
	return 0
}

// Count returns the number of parts of origins.
func (p *Parts) Count() (n int) {
	for i := range p.t.shards {
		s := &p.t.shards[i]
		s.mu.Lock()
		n += s.parts.n
		s.mu.Unlock()
	}
	return n
}

// dropped tells the ledger that the torrent at position i, which has no parts of
// origins, is about to be dropped.
func (p *Parts) dropped(s *shard, i uint32) {
	if n := s.makeup(i).nobody; n > 0 {
		p.ledger.Changed(Nobody, &s.torrents.at(i).hash, n, 0)
	}
}

// leftOut tells the ledger that the torrent at position i is about to leave the memory
// and stay in the file.
func (p *Parts) leftOut(s *shard, i uint32) {
	h := &s.torrents.at(i).hash
	for _, part := range originsOf(s.parts.of(i)) {
		p.ledger.LeftOut(p.t.names.name(part.origin), h, uint64(part.value))
	}
	if n := s.makeup(i).nobody; n > 0 {
		p.ledger.LeftOut(Nobody, h, n)
	}
}

// keptForParts says that the torrent at position i has parts of origins.
func (s *shard) keptForParts(i uint32) bool {
	return len(originsOf(s.parts.of(i))) > 0
}

// minutesAgo returns the unix minute of age ago, rounded down.
func minutesAgo(now time.Time, age time.Duration) uint32 {
	return uint32(max(now.Add(-age).Unix(), 0) / 60)
}
