package livesync

import (
	"sync"

	"keeptrack/tracker"
)

// maxOwed is the number of torrents that are remembered for a counter-tell:
// 20 to 40 MiB. Beyond that the counter-tell goes through all torrents.
const maxOwed = 1 << 20

// owed are the torrents of which this instance knows a higher count than it was
// told. The map holds no pointers for the garbage collector to follow.
type owed struct {
	limit int

	mu       sync.Mutex
	torrents map[tracker.InfoHash]struct{}
	all      bool // too many to remember
}

// compare remembers a torrent whose count here, local, is higher than the one
// told. A told count as high as ours makes it forgotten: somebody else has
// told it.
func (o *owed) compare(h tracker.InfoHash, local, told uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.all:
	case told >= local:
		delete(o.torrents, h)
	default:
		o.add(h)
	}
}

// told forgets a torrent: somebody else has told it.
func (o *owed) told(h tracker.InfoHash) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.torrents, h)
}

// any says whether there is anything to tell.
func (o *owed) any() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all || len(o.torrents) > 0
}

// clear forgets everything.
func (o *owed) clear() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.torrents, o.all = nil, false
}

// overflowed says whether there is more than can be remembered.
func (o *owed) overflowed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all
}

// take forgets up to limit of the torrents and returns them, and the number of
// those that are left.
func (o *owed) take(limit int) (taken []tracker.InfoHash, left int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	taken = make([]tracker.InfoHash, 0, min(limit, len(o.torrents)))
	for h := range o.torrents {
		if len(taken) == limit {
			break
		}
		taken = append(taken, h)
		delete(o.torrents, h)
	}
	return taken, len(o.torrents)
}

// add remembers a torrent. o.mu is held.
func (o *owed) add(h tracker.InfoHash) {
	if _, there := o.torrents[h]; there {
		return
	}
	if len(o.torrents) == o.limit {
		o.torrents, o.all = nil, true
		return
	}
	if o.torrents == nil {
		o.torrents = make(map[tracker.InfoHash]struct{})
	}
	o.torrents[h] = struct{}{}
}
