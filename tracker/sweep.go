package tracker

import (
	"context"
	"time"
)

// sweepChunk is the number of torrents that the sweep looks at while it holds
// a shard's lock.
const sweepChunk = 256

// sweepPause is the shortest pause between two steps of the sweep.
const sweepPause = 10 * time.Millisecond

// Run sweeps the shards, one after the other and over again, until ctx is done:
// peers that have timed out go, and so do torrents that nobody has announced
// for too long. A peer outstays its time by a sixteenth of it, or a minute, at
// the most.
func (t *Tracker) Run(ctx context.Context) error {
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
			t.ages.observe(now.Unix(), now.Sub(began))
			for i := range step {
				t.sweep((next+i)%ShardCount, t.Instant(now))
			}
		}
	}
}

// sweep looks at every torrent of a shard, from the last to the first: nobody
// else removes torrents, so none that was there is passed over.
func (t *Tracker) sweep(shard int, now Instant) {
	if shard == 0 {
		t.limits.age(now)
		t.limits.release(now)
	}
	s := &t.shards[shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	access, refused := t.access.Load(), 0
	looked := 0
	for i := int(s.torrents.n) - 1; i >= 0; i-- {
		if looked++; looked%sweepChunk == 0 {
			s.mu.Unlock()
			s.mu.Lock()
		}
		s.expirePeers(uint32(i), now)
		torrent := s.torrents.at(uint32(i))
		refuses := access.Refuses(&torrent.hash)
		if refuses {
			refused++
		}
		if !torrent.peerless() {
			continue
		}
		switch keep, age := t.keepFor(torrent), t.ages.of(torrent.lastAnnounce, now); {
		case keep == 0:
		case age >= keep:
			s.drop(uint32(i))
			t.torrents.Add(-1)
			if refuses {
				refused--
			}
		case age < -keep && !t.ages.behind:
			// A clock that was wrong made it up; it would stay until then.
			torrent.lastAnnounce = now.minute()
			s.changed.set(uint32(i))
		}
	}
	s.refused = refused
}

// outlived says that a torrent without peers would not be kept.
func (t *Tracker) outlived(torrent *torrent, now Instant) bool {
	keep := t.keepFor(torrent)
	return keep != 0 && age(torrent.lastAnnounce, now) >= keep
}

// keepFor returns for how many seconds after its last announce a torrent
// without peers is kept, 0 for ever. One that was never completed is not kept
// longer than a peer: made-up info hashes must not fill the memory.
func (t *Tracker) keepFor(torrent *torrent) int64 {
	keep := t.opts.TorrentTimeout
	if torrent.downloaded == 0 && (keep == 0 || keep > t.opts.PeerTimeout) {
		keep = t.opts.PeerTimeout
	}
	return int64((keep + time.Second - 1) / time.Second)
}

func (s *shard) expirePeers(i uint32, now Instant) {
	torrent := s.torrents.at(i)
	if torrent.count4 != 0 {
		h := torrent.home4()
		s.addTotals(IPv4, view(&s.arena4, h).counts, expire(&s.arena4, &h, i, now))
		torrent.setHome4(h)
	}
	if torrent.block6 != 0 {
		h := torrent.home6()
		s.addTotals(IPv6, view(&s.arena6, h).counts, expire(&s.arena6, &h, i, now))
		torrent.setHome6(h)
	}
}

// expire removes the peers at h that have timed out and returns the counts of
// those that stay.
func expire[K key](a *arena[K], h *home[K], owner uint32, now Instant) counts {
	p := view(a, *h)
	before := p.n
	p.expire(now)
	if p.n != before {
		settle(a, h, &p, owner)
	}
	return p.counts
}
