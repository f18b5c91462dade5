package tracker

import "cmp"

// Overview is what an operator is told of a torrent, be it refused or not.
type Overview struct {
	InfoHash InfoHash
	Counts
	// LastAnnounce is the time of the last announce in whole minutes since
	// 1970-01-01 UTC.
	LastAnnounce uint32
	// Refused says that the access list refuses the torrent.
	Refused bool
}

// Order is what torrents are compared by.
type Order uint8

// The orders, each with the highest first.
const (
	ByPeers Order = iota
	BySeeders
	ByLeechers
	ByDownloaded
)

// Overview returns what there is to tell of a torrent, and whether it is kept.
func (t *Tracker) Overview(h InfoHash) (Overview, bool) {
	s := t.shard(&h)
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.find(&h)
	if !ok {
		return Overview{InfoHash: h}, false
	}
	return s.overview(i, t.access.Load()), true
}

// From returns up to limit torrents in order of info hash, the first of them
// the first that is not before from. It goes through a shard at a time, as many
// as it takes.
func (t *Tracker) From(from InfoHash, limit int) []Overview {
	var all []Overview
	for shard := int(from[0]); shard < ShardCount && len(all) < limit; shard++ {
		all = append(all, t.shards[shard].from(&from, limit-len(all), t.access.Load())...)
	}
	return all
}

func (s *shard) from(from *InfoHash, limit int, access *Access) []Overview {
	next := first[InfoHash]{limit: limit, compare: compareHashes}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.torrents.n {
		if h := &s.torrents.at(i).hash; compareHashes(h, from) >= 0 {
			next.add(h)
		}
	}
	all := make([]Overview, 0, len(next.items))
	for _, h := range next.sorted() {
		i, _ := s.find(&h)
		all = append(all, s.overview(i, access))
	}
	return all
}

// Top returns the limit torrents with the most of what they are compared by,
// the most first; equals are in order of info hash, and those that have none
// are left out. It goes through all torrents, a shard at a time.
func (t *Tracker) Top(by Order, limit int) []Overview {
	top := first[Overview]{limit: limit, compare: func(a, b *Overview) int {
		return cmp.Or(cmp.Compare(b.by(by), a.by(by)), compareHashes(&a.InfoHash, &b.InfoHash))
	}}
	access := t.access.Load()
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for i := range s.torrents.n {
			if torrent := s.torrents.at(i); torrent.downloaded == 0 && torrent.peerless() {
				continue
			}
			if o := s.overview(i, nil); o.by(by) > 0 {
				top.add(&o)
			}
		}
		s.mu.Unlock()
	}
	all := top.sorted()
	for i := range all {
		all[i].Refused = access.Refuses(&all[i].InfoHash)
	}
	return all
}

// overview returns what there is to tell of the torrent at position i.
func (s *shard) overview(i uint32, access *Access) Overview {
	torrent := s.torrents.at(i)
	return Overview{
		InfoHash:     torrent.hash,
		Counts:       s.scrape(torrent),
		LastAnnounce: torrent.lastAnnounce,
		Refused:      access != nil && access.Refuses(&torrent.hash),
	}
}

func (o *Overview) by(order Order) uint64 {
	switch order {
	case BySeeders:
		return uint64(o.Seeders)
	case ByLeechers:
		return uint64(o.Leechers)
	case ByDownloaded:
		return o.Downloaded
	default:
		return uint64(o.Seeders) + uint64(o.Leechers)
	}
}
