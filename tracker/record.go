package tracker

import (
	"iter"
	"math"
	"slices"
)

// Record is what outlives a torrent's peers: its counts, as they are kept in
// the database and told to other instances.
type Record struct {
	InfoHash InfoHash
	// LastAnnounce is the time of the last announce in whole minutes since
	// 1970-01-01 UTC.
	LastAnnounce uint32
	// Downloaded counts the completed downloads, at most MaxDownloaded.
	Downloaded uint64
}

// MaxDownloaded is where counting stops: the largest integer that clients read
// in a bencoded reply.
const MaxDownloaded = math.MaxInt64

// ShardCount is the number of shards. Which torrents are in a shard is different
// in every process.
const ShardCount = 256

// Load takes in a torrent from the database, a count beyond MaxDownloaded as
// that. It is called before anything else knows the tracker.
func (t *Tracker) Load(now Instant, r Record) { t.LoadAll(now, []Record{r}) }

// LoadAll is Load for many torrents, which takes a fraction of the time for each. It
// needs 12 bytes for each meanwhile.
func (t *Tracker) LoadAll(now Instant, records []Record) {
	newByShard(len(records), func(i int) uint64 { return hashTorrent(&records[i].InfoHash, t.seed) }).
		each(t, nil, func(s *shard, hash uint64, i uint32) { t.load(s, hash, &records[i]) })
	for i := range records {
		t.ages.loaded(records[i].LastAnnounce, now)
	}
}

// load is Load for a torrent with this hash in the locked shard s.
func (t *Tracker) load(s *shard, hash uint64, r *Record) {
	i, ok := s.find(&r.InfoHash, hash)
	if !ok {
		if s.full() {
			return
		}
		t.budget.torrents.used.Add(1)
		i = s.create(&r.InfoHash, hash)
	}
	torrent := s.torrents.at(i)
	torrent.lastAnnounce, torrent.downloaded, torrent.stored = r.LastAnnounce, min(r.Downloaded, MaxDownloaded), true
	s.changed.clear(i)
}

// Records returns the records of all torrents in order of info hash, from the
// first that is not before from. Announces go on meanwhile: a torrent that stays
// comes once, and one that comes or goes may be left out.
func (t *Tracker) Records(from InfoHash) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for hashes := range t.hashes(from, minPage, maxPage) {
			for i := range hashes {
				if r, ok := t.record(&hashes[i]); ok && !yield(r) {
					return
				}
			}
		}
	}
}

// record returns the record of a torrent, and whether it is kept.
func (t *Tracker) record(h *InfoHash) (r Record, ok bool) {
	ok = t.look(h, func(s *shard, i uint32) { r = s.torrents.at(i).record() })
	return r, ok
}

// Served returns the record of a torrent, and whether it is kept and the access
// list does not refuse it.
func (t *Tracker) Served(h InfoHash) (Record, bool) {
	if t.access.Load().Refuses(&h) {
		return Record{}, false
	}
	return t.record(&h)
}

// ServedPage appends the records of the first limit of a shard's torrents that
// the access list does not refuse to dst, in order of info hash, from the first
// that is not before from. It returns where the next page begins, and whether
// there is one. A torrent that stays while one page follows the other is in one
// of them.
func (t *Tracker) ServedPage(shard int, from InfoHash, limit int, dst []Record) (_ []Record, next InfoHash, more bool) {
	p := page{from: from, limit: limit}
	p.gather(&t.shards[shard])
	p.cut()
	dst = slices.Grow(dst, len(p.hashes))
	for i := range p.hashes {
		if r, ok := t.Served(p.hashes[i]); ok {
			dst = append(dst, r)
		}
	}
	next, more = p.next()
	return dst, next, more
}

// ServedCount returns the number of torrents that ServedPage has in all shards, as
// of the last sweep: it is right a minute after another access list came into
// force.
func (t *Tracker) ServedCount() int {
	n := t.Torrents()
	if t.access.Load().Mode == AccessOpen {
		return n
	}
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n -= s.refused
		s.mu.Unlock()
	}
	return max(n, 0)
}
