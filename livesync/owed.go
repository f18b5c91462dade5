package livesync

import (
	"sync"

	"keeptrack/tracker"
)

// maxOwed is the number of torrents that are remembered for a counter-tell:
// 20 to 40 MiB. Beyond that the counter-tell goes through all torrents.
const maxOwed = 1 << 20

// owed are the torrents of which this instance knows a higher count than it was
// told. The maps hold no pointers for the garbage collector to follow.
type owed struct {
	limit int

	mu     sync.Mutex
	shards [tracker.ShardCount]map[tracker.InfoHash]struct{}
	n      int
	all    bool // too many to remember
}

// compare remembers a torrent whose count here, local, is higher than the one
// told. A told count as high as ours makes it forgotten: somebody else has
// told it.
func (o *owed) compare(h tracker.InfoHash, local, told uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all {
		return
	}
	m := o.shards[h[0]]
	_, there := m[h]
	switch {
	case there && told >= local:
		delete(m, h)
		o.n--
	case !there && told < local:
		o.add(h)
	}
}

// any says whether there is anything to tell.
func (o *owed) any() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all || o.n > 0
}

// clear forgets everything.
func (o *owed) clear() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.forget()
	o.all = false
}

// overflowed says whether there is more than can be remembered.
func (o *owed) overflowed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all
}

// take forgets the torrents of a shard and returns them. The map belongs to the
// caller.
func (o *owed) take(shard int) map[tracker.InfoHash]struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	m := o.shards[shard]
	o.shards[shard] = nil
	o.n -= len(m)
	return m
}

// add remembers a torrent. o.mu is held.
func (o *owed) add(h tracker.InfoHash) {
	if o.n == o.limit {
		o.forget()
		o.all = true
		return
	}
	if o.shards[h[0]] == nil {
		o.shards[h[0]] = make(map[tracker.InfoHash]struct{})
	}
	o.shards[h[0]][h] = struct{}{}
	o.n++
}

func (o *owed) forget() {
	clear(o.shards[:])
	o.n = 0
}
