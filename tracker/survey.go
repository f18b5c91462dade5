package tracker

import (
	"math"
	"math/rand/v2"
)

// A shard contributes so many torrents to a survey, so many of its large swarms of
// each family, and of each of these so many peers. All shards together make some
// thousand.
const (
	sampledTorrents = 16
	sampledSwarms   = 4
	sampledPeers    = 8
)

// torrentBytes is what a torrent takes up, with its share of the index.
const torrentBytes = 72

// survey is some of what there is: what networks hold, and the idle torrents whose
// record is in the database.
type survey struct {
	holdings []holding
	idles    []idle
	tally    *Tally // of what is held
}

// survey looks at some of all shards.
func (e *eviction) survey() *survey {
	all := &survey{tally: e.t.budget.held}
	for i := range e.t.shards {
		e.sampleShard(&e.t.shards[i], all)
	}
	return all
}

func (e *eviction) sampleShard(s *shard, all *survey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := int(s.torrents.n)
	picked := min(n, sampledTorrents)
	for k := range picked {
		i := uint32(k)
		if n > picked {
			i = uint32(rand.IntN(n))
		}
		e.sampleTorrent(s, i, float64(n)/float64(picked), all)
	}
	swarms := 0
	if e.ofBytes() {
		swarms = sampleLarge(&s.arena4, all) + sampleLarge(&s.arena6, all)
	}
	held(picked*2*smallSwarm + swarms)
}

// sampleTorrent has the torrent at position i stand for so many.
func (e *eviction) sampleTorrent(s *shard, i uint32, each float64, all *survey) {
	torrent, amount := s.torrents.at(i), each
	if e.ofBytes() {
		amount *= torrentBytes
		sampleBlock(&s.arena4, torrent.location4(), each, all)
		sampleBlock(&s.arena6, torrent.location6(), each, all)
	}
	switch {
	case !torrent.peerless():
		all.holdings = append(all.holdings, holding{s.leastHeld(torrent, all.tally), amount})
	case torrent.downloaded == 0:
	case e.t.saved(s, i):
		all.idles = append(all.idles, idle{torrent.rank(), amount})
	default:
		e.unsaved = true
	}
}

// sampleBlock has one peer stand for all in a block that is not large.
func sampleBlock[K key](a *arena[K], l location[K], each float64, all *survey) {
	if l.block == 0 || l.block.class() == classLarge {
		return
	}
	p := view(a, l)
	n := networkOf(&p.list[rand.IntN(int(p.n))].key)
	amount := each * float64(a.classes[l.block.class()].blockBytes())
	all.holdings = append(all.holdings, holding{all.tally.Count(n), amount})
}

// sampleLarge has some peers of some large blocks stand for all of them. It returns
// the number of blocks looked at.
func sampleLarge[K key](a *arena[K], all *survey) int {
	blocks := len(a.large) - len(a.unused)
	if blocks == 0 {
		return 0
	}
	from, picked, first := len(all.holdings), 0, rand.IntN(len(a.large))
	for k := 0; k < len(a.large) && picked < sampledSwarms; k++ {
		b := a.large[(first+k)%len(a.large)]
		if b == nil {
			continue
		}
		picked++
		// An entry with its share of the index and the counters.
		amount := float64(b.n) * float64(entryBytes[K]()+16) / sampledPeers
		for range sampledPeers {
			n := b.networkAt(rand.Uint32N(b.n))
			all.holdings = append(all.holdings, holding{all.tally.Count(n), amount})
		}
	}
	for i := range all.holdings[from:] {
		all.holdings[from+i].amount *= float64(blocks) / float64(picked)
	}
	return len(a.large)
}

// leastHeld returns what the network holds that holds least of those of a
// torrent's peers, or of some of them if there are many.
func (s *shard) leastHeld(torrent *torrent, t *Tally) uint32 {
	p4, p6 := view(&s.arena4, torrent.location4()), view(&s.arena6, torrent.location6())
	return min(leastHeld(&p4, t), leastHeld(&p6, t))
}

func leastHeld[K key](p *peers[K], t *Tally) uint32 {
	least := uint32(math.MaxUint32)
	for i := range min(p.n, smallSwarm) {
		if p.n > smallSwarm {
			i = rand.Uint32N(p.n)
		}
		least = min(least, t.Count(networkOf(&p.at(i).key)))
	}
	return least
}
