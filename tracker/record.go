package tracker

import "math"

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

// Changes are the torrents of one shard that changed since they were last
// taken. The slices belong to whoever holds the Changes.
type Changes struct {
	// Records are the torrents that are new or whose record has changed, in no
	// particular order.
	Records []Record
	// Removed are the torrents that were in the database and are no longer
	// kept.
	Removed []InfoHash
}

// ShardCount is the number of shards. A torrent is in the shard that its info
// hash's first byte names, so that the shards in order are in order of info
// hash.
const ShardCount = 256

// Load takes in a torrent from the database, a count beyond MaxDownloaded as
// that. It is called before anything else knows the tracker.
func (t *Tracker) Load(now Instant, r Record) {
	s := t.shard(&r.InfoHash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.find(&r.InfoHash)
	if !ok {
		if s.full() {
			return
		}
		t.torrents.Add(1)
		i = s.create(&r.InfoHash)
	}
	torrent := s.torrents.at(i)
	torrent.lastAnnounce, torrent.downloaded, torrent.stored = r.LastAnnounce, min(r.Downloaded, MaxDownloaded), true
	s.changed.clear(i)
	t.ages.loaded(r.LastAnnounce, now)
}

// Records appends the record of every torrent of a shard to dst, in no
// particular order. They are of one moment.
func (t *Tracker) Records(shard int, dst []Record) []Record {
	s := &t.shards[shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.torrents.n {
		dst = append(dst, s.torrents.at(i).record())
	}
	return dst
}

// Served appends the records of a shard's torrents that the access list does
// not refuse to dst, in no particular order. They are of one moment.
func (t *Tracker) Served(shard int, dst []Record) []Record {
	access := t.access.Load()
	s := &t.shards[shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.torrents.n {
		if torrent := s.torrents.at(i); !access.Refuses(&torrent.hash) {
			dst = append(dst, torrent.record())
		}
	}
	return dst
}

// ServedCount returns the number of torrents that Served has in all shards, as
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

// TakeChanges appends to c what has changed in a shard since this was last
// called, and takes it that the database has it from now on.
func (t *Tracker) TakeChanges(shard int, c *Changes) {
	s := &t.shards[shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed.drain(func(i uint32) {
		torrent := s.torrents.at(i)
		torrent.stored = true
		c.Records = append(c.Records, torrent.record())
	})
	for i := range s.removed {
		if _, back := s.find(&s.removed[i]); !back {
			c.Removed = append(c.Removed, s.removed[i])
		}
	}
	s.removed = nil
}

// RestoreChanges undoes a TakeChanges whose changes did not reach the database.
func (t *Tracker) RestoreChanges(shard int, c *Changes) {
	s := &t.shards[shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range c.Records {
		if at, ok := s.find(&c.Records[i].InfoHash); ok {
			s.changed.set(at)
		}
	}
	s.removed = append(s.removed, c.Removed...)
}
