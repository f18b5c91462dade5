package tracker

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

// OrderNames are what operators call the orders.
var OrderNames = [...]string{ByPeers: "peers", BySeeders: "seeders", ByLeechers: "leechers", ByDownloaded: "downloaded"}

// Overview returns what there is to tell of a torrent, and whether it is kept.
func (t *Tracker) Overview(h InfoHash) (Overview, bool) {
	o := Overview{InfoHash: h}
	access := t.access.Load()
	ok := t.look(&h, func(s *shard, i uint32) { o = s.overview(i, access) })
	return o, ok
}

// From returns up to limit torrents in order of info hash, the first of them
// the first that is not before from. It goes through all torrents.
func (t *Tracker) From(from InfoHash, limit int) []Overview {
	all := make([]Overview, 0, limit)
	for hashes := range t.hashes(from, limit, limit) {
		for i := range hashes {
			if o, ok := t.Overview(hashes[i]); ok && len(all) < limit {
				all = append(all, o)
			}
		}
		if len(all) == limit {
			break
		}
	}
	return all
}

// Top returns the limit torrents with the most of what they are compared by,
// the most first; equals are in order of info hash, and those that have none
// are left out. It goes through all torrents.
func (t *Tracker) Top(by Order, limit int) []Overview {
	top := ranking{by: by, limit: limit}
	for i := range t.shards {
		s := &t.shards[i]
		s.walk(func(i uint32, _ int) (int, bool) {
			if torrent := s.torrents.at(i); torrent.downloaded > 0 || !torrent.peerless() {
				top.add(s.overview(i, nil))
			}
			return 0, false
		}, top.room)
	}
	top.cut()
	access := t.access.Load()
	for i := range top.items {
		top.items[i].Refused = access.Refuses(&top.items[i].InfoHash)
	}
	return top.items
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
