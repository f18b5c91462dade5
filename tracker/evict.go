package tracker

import (
	"math"
	"math/rand/v2"
)

// Evicted is a kind of what goes to make room for others.
type Evicted uint8

// The kinds of what goes to make room for others, in the order in which they go.
const (
	// EvictedTorrents are torrents that were never completed.
	EvictedTorrents Evicted = iota
	// EvictedPeers are peers of torrents that stay.
	EvictedPeers
	// EvictedRecords are torrents that were completed. Their records stay in the
	// database.
	EvictedRecords
	EvictedCount int = iota // number of kinds
)

// String returns the kind, for metrics.
func (e Evicted) String() string {
	return [EvictedCount]string{"torrents", "peers", "records"}[e]
}

// eviction makes room under a bound.
type eviction struct {
	t     *Tracker
	of    *bound
	level uint32 // networks with more peers give up what is above
	// unsaved says that more would go if the database had its record.
	unsaved bool
	purge   purge // of the peers above the level, in the shard that is walked
}

const (
	// idleLevel is the level below which idle torrents go first.
	idleLevel = 64
	// smallSwarm is the number of peers up to which all of a torrent are looked
	// at together.
	smallSwarm = 16
)

// run evicts until there is enough room or nothing is left that may go, and says
// whether there is.
//
// The torrents go first that were never completed and have one peer, then peers,
// of the largest swarms first: those of networks that hold most. When that comes
// to networks with fewer than idleLevel peers, idle torrents go before theirs. A
// network keeps one peer.
func (e *eviction) run() bool {
	some := e.survey()
	at := level(some.holdings, e.need())
	e.level = max(at, idleLevel)
	if anyAbove(some.holdings, e.level) {
		e.evictHeld()
	}
	if at < idleLevel && !e.enough() && len(some.idles) > 0 {
		last, _ := lastRank(some.idles, e.need())
		e.evictIdle(last)
	}
	if at < idleLevel && !e.enough() {
		e.level = max(level(e.survey().holdings, e.need()), 1)
		e.evictHeld()
	}
	e.of.level.Store(e.level)
	return e.enough()
}

// anyAbove says that some of the holdings, which are sorted, are above a level.
func anyAbove(sorted []holding, level uint32) bool { return len(sorted) > 0 && sorted[0].score > level }

func (e *eviction) need() float64 { return float64(max(e.of.used.Load()-e.of.low, 0)) }
func (e *eviction) enough() bool  { return e.of.used.Load() <= e.of.low }

// ofBytes says that the bound is the one of bytes, not of torrents.
func (e *eviction) ofBytes() bool { return e.of == &e.t.budget.bytes }

// above says that a network gives up what it holds.
func (e *eviction) above(n Network) bool { return e.t.budget.held.Count(n) > e.level }

// walk calls look with every torrent, in shards from a random one on, until there
// is enough room.
func (e *eviction) walk(look func(s *shard, i uint32, limit int) (work int, again bool)) {
	first := rand.IntN(ShardCount)
	for n := range ShardCount {
		s := &e.t.shards[(first+n)%ShardCount]
		e.purge = purge{s: s, budget: &e.t.budget, goes: func(n Network, _ uint16) bool { return e.above(n) }}
		for next := int(maxPositions); next > 0 && !e.enough(); {
			next = s.walkSome(next, func(i uint32, limit int) (int, bool) {
				if e.enough() {
					return 0, false
				}
				moved := s.index.moved
				work, again := look(s, i, limit)
				return work + int(s.index.moved-moved), again
			})
		}
	}
}

// evictHeld evicts what belongs to networks above the level.
func (e *eviction) evictHeld() {
	e.walk(e.lonely)
	for k := range swarmSizes {
		size := swarmSizes[k]
		if !e.ofBytes() { // in large swarms more peers have to go for a torrent
			size = swarmSizes[len(swarmSizes)-1-k]
		}
		e.walk(func(s *shard, i uint32, limit int) (int, bool) { return e.swarm(s, i, limit, size) })
	}
}

// swarmSize is a range of numbers of peers.
type swarmSize struct{ least, most uint32 }

// swarmSizes are the sizes by which large swarms come before small ones.
var swarmSizes = [...]swarmSize{
	{1 << 16, math.MaxUint32},
	{1 << 12, 1<<16 - 1},
	{maxClassRoom + 1, 1<<12 - 1},
	{smallSwarm + 1, maxClassRoom},
	{1, smallSwarm},
}

// lonely evicts the torrent at position i if it was never completed and has no
// peer, or one above the level.
func (e *eviction) lonely(s *shard, i uint32, _ int) (peers int, again bool) {
	torrent := s.torrents.at(i)
	if torrent.downloaded > 0 {
		return 0, false
	}
	if n := s.counts(torrent).n; n == 0 || n == 1 && e.allAbove(s, torrent) {
		e.torrent(s, i)
	}
	return 1, false
}

// swarm evicts the peers above the level from the torrent at position i if it has
// as many as size says, and the torrent if all of them are. To have fewer torrents
// it spares those that have others as well.
func (e *eviction) swarm(s *shard, i uint32, limit int, size swarmSize) (work int, again bool) {
	torrent := s.torrents.at(i)
	if !e.purge.amid(&torrent.hash) {
		n := s.counts(torrent).n
		if n < size.least || n > size.most {
			return 0, false
		}
		all := e.allAbove(s, torrent)
		if all && n <= smallSwarm {
			e.torrent(s, i)
			return int(n), false
		}
		if !all && !e.ofBytes() {
			return smallSwarm, false
		}
	}
	before := e.purge.gone
	work, again = e.purge.torrent(i, limit)
	e.t.budget.evicted[EvictedPeers].Add(e.purge.gone - before)
	if !again && torrent.peerless() {
		e.torrent(s, i)
	}
	return work, again
}

// evictIdle evicts the idle torrents up to a rank.
func (e *eviction) evictIdle(last rank) {
	e.walk(func(s *shard, i uint32, _ int) (int, bool) {
		torrent := s.torrents.at(i)
		if torrent.peerless() && torrent.rank().compare(last) <= 0 {
			e.torrent(s, i)
		}
		return 0, false
	})
}

// torrent evicts the torrent at position i with its peers, which are few. One that
// was completed stays until the database has its record.
func (e *eviction) torrent(s *shard, i uint32) {
	torrent := s.torrents.at(i)
	kind := EvictedTorrents
	if torrent.downloaded > 0 {
		if !e.t.saved(s, i) {
			e.unsaved = true
			return
		}
		kind = EvictedRecords
		if e.t.parts != nil {
			e.t.parts.leftOut(s, i)
		}
		torrent.stored = false // not to be removed from the database
		e.t.leftInFile()
	}
	all := purge{s: s, budget: &e.t.budget, goes: func(Network, uint16) bool { return true }}
	all.torrent(i, 2*smallSwarm)
	s.drop(i)
	e.t.budget.torrents.used.Add(-1)
	e.t.budget.evicted[kind].Add(1)
}

// saved says that the database has the record of the torrent at position i.
func (t *Tracker) saved(s *shard, i uint32) bool {
	return s.torrents.at(i).stored && !s.changed.has(i) && t.taking.unwritten.Load() == 0
}

// allAbove says that all peers of a torrent are above the level, or of a large
// swarm all of some.
func (e *eviction) allAbove(s *shard, t *torrent) bool {
	return s.leastHeld(t, e.t.budget.held) > e.level
}
