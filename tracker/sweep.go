package tracker

import (
	"context"
	"sync"
	"time"
)

// sweepPause is the shortest pause between two steps of the sweep.
const sweepPause = 10 * time.Millisecond

// Run sweeps the shards, one after the other and over again, until ctx is done:
// peers that have timed out go, and so do torrents that nobody has announced
// for too long. A peer outstays its time by a sixteenth of it, or a minute, at
// the most. Beside that it makes room when Options' limits are near.
func (t *Tracker) Run(ctx context.Context) error {
	var evicting sync.WaitGroup
	defer evicting.Wait()
	evicting.Go(func() { t.evictor(ctx) })
	cycle := max(min(t.opts.PeerTimeout/16, time.Minute), 1)
	pause := max(cycle/ShardCount, sweepPause)
	step := int(min((pause*ShardCount+cycle-1)/cycle, ShardCount))
	began := time.Now()
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for next := 0; ; next = (next + step) % ShardCount {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			t.lookAtClock(t.Instant(now), now.Sub(began))
			for i := range step {
				t.sweep((next+i)%ShardCount, t.Instant(now))
			}
		}
	}
}

// sweep looks at every torrent of a shard.
func (t *Tracker) sweep(shard int, now Instant) {
	if shard == 0 {
		t.limits.age(now)
		t.limits.release(now)
		if t.budget.pressed() { // the level of what may come in is an old one
			t.budget.rouse()
		}
	}
	s := &t.shards[shard]
	access, refused := t.access.Load(), 0
	e := purge{s: s, budget: &t.budget, goes: func(_ Network, tick uint16) bool {
		return now.ticksSince(tick) >= ticksPerTimeout
	}}
	s.walk(func(i uint32, limit int) (work int, again bool) {
		if work, again = e.torrent(i, limit); again {
			return work, true
		}
		refuses, moved := access.Refuses(&s.torrents.at(i).hash), s.index.moved
		if dropped := t.sweepTorrent(s, i, now); refuses && !dropped {
			refused++
		}
		return work + int(s.index.moved-moved), false
	}, nil)
	s.mu.Lock()
	s.refused = refused
	s.mu.Unlock()
}

// sweepTorrent drops the torrent at position i if it is not to be kept, and says
// whether it was.
func (t *Tracker) sweepTorrent(s *shard, i uint32, now Instant) (dropped bool) {
	torrent := s.torrents.at(i)
	keep := t.keepFor(torrent.count())
	if keep == 0 || !torrent.peerless() || torrent.partial && torrent.downloaded != 0 {
		return false // what a partial torrent has counted must come into the file
	}
	switch age := t.ages.of(torrent.lastAnnounce, now); {
	case age >= keep && s.keptForParts(i):
	case age >= keep:
		if t.parts != nil {
			t.parts.dropped(s, i)
		}
		s.drop(i)
		t.budget.torrents.used.Add(-1)
		return true
	case age < -keep && !t.ages.behind:
		// A clock that was wrong made it up; it would stay until then.
		torrent.lastAnnounce = now.minute()
		s.changed.set(i)
	}
	return false
}

// outlived says that a torrent without peers would not be kept.
func (t *Tracker) outlived(r *Record, now Instant) bool {
	keep := t.keepFor(r.Downloaded)
	return keep != 0 && age(r.LastAnnounce, now) >= keep
}

// keepFor returns for how many seconds after its last announce a torrent with a
// count of downloads and without peers is kept, 0 for ever. One that was never completed is not kept
// longer than a peer: made-up info hashes must not fill the memory.
func (t *Tracker) keepFor(downloaded uint64) int64 {
	keep := t.opts.TorrentTimeout
	if downloaded == 0 && (keep == 0 || keep > t.opts.PeerTimeout) {
		keep = t.opts.PeerTimeout
	}
	return int64((keep + time.Second - 1) / time.Second)
}
