// Package tracker is the domain: info hashes, peers and torrents, announce and
// scrape, and the rules on who is taken in. It knows no transport and no
// database; those call it.
//
// Torrents are spread over shards by a hash of their info hash that is keyed with
// a secret: the info hash is the client's choice, the shard is not. Each shard
// has one lock, taken once for an announce. What a shard holds has no
// pointers for the garbage collector to follow: see slab, arena and torrent.
package tracker

import (
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"
)

// Options are the settings of a Tracker. They are the caller's to validate.
type Options struct {
	// AnnounceInterval is what clients are told, plus or minus a random part
	// of IntervalJitter; MinAnnounceInterval the least they are to wait.
	AnnounceInterval, IntervalJitter, MinAnnounceInterval time.Duration
	// PeerTimeout is how long a peer is kept after its last announce.
	PeerTimeout time.Duration
	// TorrentTimeout is how long a torrent with a count is kept after its last
	// announce; 0 is for ever.
	TorrentTimeout time.Duration
	// RenewAfter is the age of a peer's last announce from which on the next
	// is published. One that announces more often is published in every quarter
	// of PeerTimeout.
	RenewAfter time.Duration
	// MaxMemory bounds the bytes that torrents and peers take up, MaxTorrents the
	// number of torrents; 0 does not. Near them the networks that hold most make
	// room for others, while Run runs; what does not fit is answered and not stored.
	MaxMemory   int64
	MaxTorrents int
	// WantCheckpoint, if not nil, is called when there would be more room if the
	// database had what has changed. It must not block.
	WantCheckpoint func()
	// MaxPeersPerAddress bounds the peers of one address in one torrent,
	// MaxTorrentsPerAddress the torrents that peers of one address newly join
	// in a peer timeout, and those that they are the first to complete in a
	// TorrentTimeout; 0 does not. IPv6 addresses count by their /64. What other
	// instances publish is not bounded.
	MaxPeersPerAddress, MaxTorrentsPerAddress int
	// DefaultNumWant is the number of peers for clients that do not say, and
	// MaxNumWant the most that anyone gets.
	DefaultNumWant, MaxNumWant int
	// AllowPrivate takes in peers on private, loopback and documentation
	// addresses, on IPv4 link-local ones, a carrier's own and Yggdrasil's.
	AllowPrivate bool
	// AllowNetworks are networks whose addresses are taken in besides public
	// ones. See NeverStored for those that cannot be.
	AllowNetworks []netip.Prefix
}

// Tracker holds the torrents and their peers. Its methods may be called from
// any goroutine.
type Tracker struct {
	opts     Options
	publish  func(SyncRecord) // nil: to nobody
	clock    clock
	seed     uint64 // of all hashes, a secret
	renew    uint16 // Options.RenewAfter in ticks
	access   atomic.Pointer[Access]
	accepted addresses
	budget   budget
	rejected atomic.Uint64 // new torrents rejected for MaxTorrents
	ages     ages
	seen     atomic.Pointer[seenAges] // nil until the sweep has begun
	limits   limits
	taking   taking
	filling  atomic.Bool  // see SetFilling
	fileOnly atomic.Bool  // the file may have records that the tracker has not
	alone    atomic.Int64 // their number, about
	parts    *Parts       // nil: there are none
	names    originNames  // of parts
	// unreachable has where the peers come from that nobody could reach.
	unreachable busyNetworks
	shards      [ShardCount]shard
}

// New returns an empty Tracker that starts to count time at now.
func New(o Options, now time.Time) *Tracker {
	t := &Tracker{opts: o, clock: newClock(now, o.PeerTimeout), seed: rand.Uint64(), accepted: newAddresses(&o)}
	t.limits = newLimits(&o, t.Instant(now))
	t.budget.init(&o)
	t.renew = t.clock.ticks(o.RenewAfter)
	t.access.Store(&Access{})
	t.taking.begin()
	for i := range t.shards {
		t.shards[i].init(t.seed, &t.budget.bytes.used)
	}
	return t
}

// PublishTo has publish called with each peer that other instances are to know, by
// the goroutine that announces and with the torrent's shard locked: what Served has
// copied has been published before. It must neither block nor call the tracker.
// PublishTo is called before the first announce; without it nothing is published.
func (t *Tracker) PublishTo(publish func(SyncRecord)) { t.publish = publish }

// Instant returns now as the tracker counts time.
func (t *Tracker) Instant(now time.Time) Instant { return t.clock.instant(now) }

// SetAccess puts another access list in force, for every call that starts
// after it.
func (t *Tracker) SetAccess(a *Access) { t.access.Store(a) }

// Access returns the access list in force.
func (t *Tracker) Access() *Access { return t.access.Load() }

// Torrents returns the number of torrents, those without peers included.
func (t *Tracker) Torrents() int { return int(t.budget.torrents.used.Load()) }

// Memory returns how many bytes torrents and peers take up, and Options.MaxMemory.
func (t *Tracker) Memory() (used, limit int64) {
	b := &t.budget.bytes
	if used = b.used.Load(); b.limited() {
		used = int64(float64(used) / float64(b.limit) * float64(t.opts.MaxMemory)) // with its share of the overhead
	}
	return used, t.opts.MaxMemory
}

// Stats are sums over the whole tracker.
type Stats struct {
	ShardTotals
	// Torrents counts the torrents, those without peers included.
	Torrents int
	// TorrentsRejected counts the announces of new torrents that were not stored
	// because there were MaxTorrents.
	TorrentsRejected uint64
	// Memory is the number of bytes that torrents and peers take up, MaxMemory
	// the most that there may be, 0 for any number.
	Memory, MaxMemory int64
	// Evicted counts by kind what has gone to make room for others.
	Evicted [EvictedCount]uint64
}

// PeerCount returns the number of stored peers.
func (t *Tracker) PeerCount() uint64 {
	s := t.Stats()
	return s.Peers[IPv4] + s.Peers[IPv6]
}

// Stats adds up the shards, one after the other.
func (t *Tracker) Stats() Stats {
	out := Stats{Torrents: t.Torrents(), TorrentsRejected: t.rejected.Load()}
	out.Memory, out.MaxMemory = t.Memory()
	for kind := range out.Evicted {
		out.Evicted[kind] = t.budget.evicted[kind].Load()
	}
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		totals := s.totals
		s.mu.Unlock()
		for f := range totals.Peers {
			out.Peers[f] += totals.Peers[f]
			out.Seeders[f] += totals.Seeders[f]
		}
		out.Completed += totals.Completed
		for r, n := range totals.PeersRejected {
			out.PeersRejected[r] += n
		}
	}
	return out
}

// Accepts reports whether the address of p is one at which peers are stored.
func (t *Tracker) Accepts(p Peer) bool { return t.accepted.accept(&p) }

// find returns the shard of a torrent and the torrent's hash.
func (t *Tracker) find(h *InfoHash) (*shard, uint64) {
	hash := hashTorrent(h, t.seed)
	return &t.shards[shardOf(hash)], hash
}

// look calls fn with the torrent's shard, locked, and its position, if it is
// kept, and returns whether it is.
func (t *Tracker) look(h *InfoHash, fn func(s *shard, i uint32)) bool {
	s, hash := t.find(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.find(h, hash)
	if ok {
		fn(s, i)
	}
	return ok
}

// shardOf returns the number of the shard for a torrent with this hash.
func shardOf(hash uint64) uint8 { return uint8(hash >> 56) }

// create stores a new torrent, whose hash is given, in the locked shard s, if
// there is room for one of the network, and otherwise says what there is not.
func (t *Tracker) create(s *shard, h *InfoHash, hash uint64, n Network) (uint32, Rejection) {
	b := &t.budget
	switch {
	case s.full() || !b.admit(&b.torrents, n):
		t.rejected.Add(1)
		return 0, RejectedMaxTorrents
	case !b.admit(&b.bytes, n):
		return 0, RejectedMemory
	case b.torrents.used.Add(1) > b.torrents.limit: // others were faster
		b.torrents.used.Add(-1)
		t.rejected.Add(1)
		return 0, RejectedMaxTorrents
	}
	i := s.create(h, hash)
	torrent := s.torrents.at(i)
	torrent.partial = t.fileOnly.Load()
	if t.parts != nil && !torrent.partial {
		t.parts.ledger.Created(&torrent.hash)
	}
	return i, NotRejected
}
