package daemon

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/cmd/internal/config"
	"keeptrack/store"
	"keeptrack/store/snapshot"
	"keeptrack/tracker"
)

// peerKeeper has the peers outlive the process: it takes in the snapshot of the one
// before, and writes another again and again and at the stop.
type peerKeeper struct {
	silent
	database string // path
	store    *store.Store
	tracker  *tracker.Tracker
	timeout  time.Duration // tracker.peer_timeout
	log      zerolog.Logger

	files   sync.Mutex    // held while a snapshot is written or removed
	changed chan struct{} // gets one when keep or interval changes

	mu       sync.Mutex // guards what follows
	keep     bool
	interval time.Duration      // 0: only at the stop
	abort    context.CancelFunc // ends the snapshot that is being written; nil if none is
	stats    snapshotStats
}

type snapshotStats struct {
	keep         bool
	done, failed uint64
	seconds      float64
	last         time.Time // when the last one was done; before the first, the start
	peers        uint64    // in the last one
	bytes        int64     // of its file
	err          error     // why the latest one failed, or nil

	restored tracker.Restored
	damaged  int // blocks that could not be read at the start
}

func newPeerKeeper(database string, s *store.Store, t *tracker.Tracker, c *config.Config, log zerolog.Logger) *peerKeeper {
	return &peerKeeper{
		database: database, store: s, tracker: t, timeout: c.Tracker.PeerTimeout, log: log,
		changed: make(chan struct{}, 1),
		keep:    c.Store.KeepPeers, interval: c.Store.PeersInterval,
		stats: snapshotStats{last: time.Now()},
	}
}

// restore takes in the snapshot that is there, or removes it if no peers are to be
// kept. Nothing that is wrong with it keeps the daemon from starting.
func (k *peerKeeper) restore() {
	if !k.keeps() {
		k.drop()
		return
	}
	k.announce()
	if _, err := snapshot.DropPart(k.database); err != nil {
		k.log.Error().Err(err).Msg("an unfinished snapshot of the peers cannot be removed")
	}
	began := time.Now()
	now := k.tracker.Instant(began)
	r, err := snapshot.Open(k.database)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		k.stats.damaged++
		k.log.Error().Err(err).Msg("no peers restored: the next snapshot replaces the file")
		return
	}
	var stored, expired, rejected atomic.Uint64
	info, err := r.Each(func(peers []tracker.PeerState) {
		r := k.tracker.RestorePeers(now, peers)
		stored.Add(r.Stored)
		expired.Add(r.Expired)
		rejected.Add(r.Rejected)
	})
	_ = r.Close() // was only read
	k.stats.restored = tracker.Restored{Stored: stored.Load(), Expired: expired.Load(), Rejected: rejected.Load()}
	k.stats.damaged = info.Damaged
	k.logRestored(info, time.Since(began), err)
	if info.Age >= k.timeout {
		k.drop()
	}
}

func (k *peerKeeper) logRestored(info snapshot.Info, took time.Duration, err error) {
	event, message := k.log.Info(), "peers restored"
	if info.Damaged > 0 || err != nil {
		event, message = k.log.Error().Err(err).Int("damaged_blocks", info.Damaged).Uint64("lost", info.Lost),
			"peers restored but for those in damaged blocks"
	}
	r := &k.stats.restored
	event.Uint64("peers", r.Stored).Uint64("expired", r.Expired).Uint64("turned_away", r.Rejected).
		Dur("age_ms", info.Age).Dur("took_ms", took).Msg(message)
}

// drop removes the snapshot and what is left of others.
func (k *peerKeeper) drop() {
	k.files.Lock()
	defer k.files.Unlock()
	n, err := snapshot.Drop(k.database)
	if err != nil {
		k.log.Error().Err(err).Msg("addresses of peers cannot be removed from disk")
	}
	if n > 0 {
		k.log.Info().Str("path", snapshot.Path(k.database)).Msg("snapshot of the peers removed")
	}
}

// firstKept is the name of the note that the log has said that addresses are kept.
const firstKept = "keep_peers"

// announce says once in the life of a database that addresses are going to be on
// disk.
func (k *peerKeeper) announce() {
	first, err := k.store.First(firstKept)
	if err != nil {
		k.log.Error().Err(err).Msg("the next start will warn of store.keep_peers again")
	}
	if first {
		k.log.Warn().Str("path", snapshot.Path(k.database)).
			Msg("the addresses of peers are kept on disk, so that swarms survive a restart; store.keep_peers = false turns that off")
	}
}

// set puts changed settings in force. When it returns and no peers are to be kept,
// none are on disk, or the log says why not.
func (k *peerKeeper) set(c config.Store) {
	k.mu.Lock()
	k.keep, k.interval = c.KeepPeers, c.PeersInterval
	if k.abort != nil && !k.keep {
		k.abort()
	}
	k.mu.Unlock()
	select {
	case k.changed <- struct{}{}:
	default:
	}
	if c.KeepPeers {
		k.announce()
	} else {
		k.drop()
	}
}

func (k *peerKeeper) keeps() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keep
}

// every returns how often a snapshot is to be written; 0 is never.
func (k *peerKeeper) every() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.keep {
		return 0
	}
	return k.interval
}

func (k *peerKeeper) snapshot() snapshotStats {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.stats
	s.keep = k.keep
	return s
}
