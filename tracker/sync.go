package tracker

// SyncFlags are the flags of a peer in live sync, with the bits of the wire
// format.
type SyncFlags uint8

// The flags of a peer in live sync.
const (
	SyncSeeding  SyncFlags = 0x80
	SyncComplete SyncFlags = 0x40
	SyncStopped  SyncFlags = 0x20
	// SyncStray is of a stop: the peer was not stored here. It is not on the wire, and such
	// stops are none of the original protocol's.
	SyncStray SyncFlags = 0x01
)

// SyncRecord is what one instance publishes of a peer.
type SyncRecord struct {
	InfoHash InfoHash
	Peer     Peer
	Flags    SyncFlags
	// Counted says that the completed download of a record with SyncComplete is in the
	// part of an origin: who receives it takes in the peer, and counts nothing.
	Counted bool
}

// SyncResult says what became of a record received by live sync.
type SyncResult uint8

// What became of a record received by live sync.
const (
	SyncApplied     SyncResult = iota // taken in, or nothing left to do
	SyncBadPeer                       // port 0 or an address that is not accepted from clients
	SyncRefused                       // refused by the access list
	SyncFull                          // no room for a new torrent, or a new peer
	SyncTooOld                        // a torrent past torrent_timeout
	SyncResultCount int        = iota // number of results
)

// ApplySync takes in what another instance has published of a peer, as if the peer
// had announced here, except that it is not published again.
func (t *Tracker) ApplySync(now Instant, r *SyncRecord) SyncResult {
	if !t.storable(&r.Peer) {
		return SyncBadPeer
	}
	if t.access.Load().Refuses(&r.InfoHash) {
		return SyncRefused
	}
	u := update{
		remove: r.Flags&SyncStopped != 0,
		seeder: r.Flags&SyncSeeding != 0,
		now:    now,
		budget: &t.budget,
	}
	u.completed = r.Flags&SyncComplete != 0 && !u.remove
	s, hash := t.find(&r.InfoHash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.remove {
		s.stopped(&r.InfoHash, &r.Peer, now)
	}
	i, ok := s.find(&r.InfoHash, hash)
	if !ok {
		if u.remove {
			return SyncApplied
		}
		var rejected Rejection
		if i, rejected = t.create(s, &r.InfoHash, hash, r.Peer.Network()); rejected != NotRejected {
			return SyncFull
		}
	}
	out := s.update(i, &r.Peer, u)
	if out.rejected != NotRejected {
		return SyncFull
	}
	s.announced(i, now.minute())
	if u.completed && !out.wasCompleted && !s.recent.has(s.fingerprint(&r.InfoHash, &r.Peer), now.second) {
		s.totals.Completed++
		if !r.Counted {
			t.heard(s, i)
		}
	}
	return SyncApplied
}

// Merge takes in what another instance tells of a torrent: the higher count and
// the later announce prevail. It returns the count that was held before. A
// torrent that is unknown is created without peers, unless it is too old to be
// kept. A count beyond MaxDownloaded counts as that. Where there are parts, it is a floor,
// see Parts.RaiseFloor.
func (t *Tracker) Merge(now Instant, r Record) (local uint64, res SyncResult) {
	if t.access.Load().Refuses(&r.InfoHash) {
		return 0, SyncRefused
	}
	s, hash := t.find(&r.InfoHash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.find(&r.InfoHash, hash)
	if !ok {
		if t.outlived(&r, now) {
			return 0, SyncTooOld
		}
		// It belongs to no network that could make room for it.
		if t.budget.pressed() {
			return 0, SyncFull
		}
		var rejected Rejection
		if i, rejected = t.create(s, &r.InfoHash, hash, 0); rejected != NotRejected {
			return 0, SyncFull
		}
	}
	local = s.torrents.at(i).count()
	s.announced(i, r.LastAnnounce)
	t.tell(s, i, r.Downloaded)
	return local, SyncApplied
}
