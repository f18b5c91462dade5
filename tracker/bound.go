package tracker

import (
	"math"
	"math/bits"
	"sync/atomic"
)

// bound is the most that there may be of something, torrents or bytes. From high
// on what is there makes room: the networks that hold most give up some until
// there is no more than low.
type bound struct {
	used             atomic.Int64
	limit, high, low int64 // math.MaxInt64 all three: no limit
	// level is how many peers a network may hold to be let in from high on.
	level atomic.Uint32
}

// init sets the limit; 0 is none. Of a small one, there is room until it is
// reached.
func (b *bound) init(limit int64) {
	b.level.Store(math.MaxUint32)
	if b.limit, b.high, b.low = limit, limit-limit/32, math.MaxInt64; limit == 0 {
		b.limit, b.high = math.MaxInt64, math.MaxInt64
	} else {
		b.low = min(b.high-limit/50, limit-1)
	}
}

func (b *bound) limited() bool { return b.limit != math.MaxInt64 }

// pressed says that what is there is to make room.
func (b *bound) pressed() bool { return b.used.Load() >= b.high }

// budget bounds what the tracker holds.
type budget struct {
	bytes    bound // of torrents and peers
	torrents bound
	// held counts the stored peers by network; nil without limits.
	held *Tally
	// wake is for the evictor: there is something to do.
	wake    chan struct{}
	evicted [EvictedCount]atomic.Uint64
}

// overhead returns what of a memory limit is not for torrents and peers: a sixteenth,
// for what is unused in the allocator's spans, and mostWork, or a quarter of a small
// limit, for working on them.
func overhead(limit int64) int64 { return limit/16 + min(limit/4, mostWork) }

const mostWork = 4 << 20

// limitFor returns a memory limit that has so many bytes for torrents and peers beside
// its overhead.
func limitFor(room int64) int64 { return (room + mostWork) / 15 * 16 }

// heldCounters returns how many counters there are to be for a budget: 1 to 4 MiB
// of them, so that of 10,000 networks at a limit hardly any newcomer shares all
// counters with some, with a probability of 2e-5 to 1e-3.
func heldCounters(bytes int64) int {
	const least, most, bytesEach = 1 << 18, 1 << 20, 128
	if bytes <= 0 {
		return most
	}
	return min(max(1<<bits.Len64(uint64(bytes/bytesEach)), least), most)
}

func (b *budget) init(o *Options) {
	b.bytes.init(o.MaxMemory - overhead(o.MaxMemory))
	b.torrents.init(int64(o.MaxTorrents))
	b.wake = make(chan struct{}, 1)
	if b.bytes.limited() || b.torrents.limited() {
		b.held = newTally(heldCounters(o.MaxMemory))
	}
}

// pressed says that what is there is to make room.
func (b *budget) pressed() bool { return b.bytes.pressed() || b.torrents.pressed() }

// admit says whether there is room for something more of a network.
func (b *budget) admit(of *bound, n Network) bool {
	used := of.used.Load()
	if used < of.high {
		return true
	}
	return b.admitPressed(of, used, n)
}

// admitPressed is admit where what is there is to make room. Once it is full it
// has to; one that is rejected before for what it holds is no reason.
func (b *budget) admitPressed(of *bound, used int64, n Network) bool {
	low := b.held.Count(n) < of.level.Load()
	if low || used >= of.limit {
		b.rouse()
	}
	return low && used < of.limit
}

// rouse has the evictor look whether there is something to do.
func (b *budget) rouse() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// hold counts a stored peer of a network, release one that has gone.
func (b *budget) hold(n Network) {
	if b.held != nil {
		b.held.Add(n)
	}
}

func (b *budget) release(n Network) {
	if b.held != nil {
		b.held.Remove(n)
	}
}
