package tracker

import (
	"iter"
	"math"
	"time"
)

// PeerState is all that is known of a stored peer.
type PeerState struct {
	InfoHash InfoHash
	Peer     Peer
	// Age is the time since its last announce in seconds, rounded up.
	Age   uint32
	Flags PeerFlags
}

// PeerFlags are the flags of a PeerState. The bits are those of docs/internals/format.md.
type PeerFlags uint8

// The flags of a PeerState.
const (
	PeerSeeds     PeerFlags = 1 << iota
	PeerPaused              // its last event was paused (BEP 21)
	PeerCompleted           // its completed download has been counted
)

// PeerStates returns the peers of a shard in pieces that are valid until the next,
// those of a torrent side by side. A piece may be empty. now is asked once for each.
// Between two pieces no lock is held and announces go on: a peer that comes, goes
// or moves meanwhile may come twice or be left out.
func (t *Tracker) PeerStates(shard int, now func() time.Time) iter.Seq[[]PeerState] {
	return func(yield func([]PeerState) bool) {
		c := collector{s: &t.shards[shard], clock: &t.clock}
		for next := int(maxPositions); next > 0; {
			c.now, c.out = t.Instant(now()), c.out[:0]
			if next = c.s.walkSome(next, c.collect); !yield(c.out) {
				return
			}
		}
	}
}

// collector gathers the peers of one torrent after the other. Of a large swarm it
// takes several steps, as expiry does.
type collector struct {
	s     *shard
	clock *clock
	now   Instant
	out   []PeerState
	hash  InfoHash  // of the torrent that the last step was about
	left  [2]uint32 // by family, how many of its peers were left then
}

// collect gathers up to limit peers of the torrent at position i. It returns the
// number of those that it has looked at, and says whether there are more.
func (c *collector) collect(i uint32, limit int) (looked int, again bool) {
	torrent := c.s.torrents.at(i)
	if torrent.peerless() {
		return 0, false
	}
	if c.left == [2]uint32{} || c.hash != torrent.hash {
		c.hash, c.left = torrent.hash, [2]uint32{math.MaxUint32, math.MaxUint32}
	}
	p4, p6 := view(&c.s.arena4, torrent.location4()), view(&c.s.arena6, torrent.location6())
	looked = collect(c, &p4, IPv4, limit)
	looked += collect(c, &p6, IPv6, limit-looked)
	return looked, c.left != [2]uint32{}
}

// collect is collector.collect for the peers of one family, from the last to the
// first.
func collect[K key](c *collector, p *peers[K], f Family, limit int) int {
	end := min(c.left[f], p.n)
	begin := end - min(end, uint32(limit))
	for i := end; i > begin; {
		i--
		e := p.at(i)
		if age := c.now.ticksSince(e.tick()); age < ticksPerTimeout {
			c.out = append(c.out, PeerState{
				InfoHash: c.hash, Peer: peerOf(&e.key), Age: c.clock.seconds(age), Flags: flagsOf(e.meta, p.seeds(int(i))),
			})
		}
	}
	c.left[f] = begin
	return int(end - begin)
}

func flagsOf(meta uint16, seeds bool) (f PeerFlags) {
	if seeds {
		f = PeerSeeds
	} else if meta&metaPaused != 0 {
		f = PeerPaused
	}
	if meta&metaCompleted != 0 {
		f |= PeerCompleted
	}
	return f
}
