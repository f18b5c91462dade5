package daemon

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/store"
	"keeptrack/tracker"
)

// checkpointer writes to the database what has changed in the tracker, again
// and again.
type checkpointer struct {
	store    *store.Store
	tracker  *tracker.Tracker
	interval time.Duration
	log      zerolog.Logger

	mu    sync.Mutex // guards what follows
	stats checkpointStats
}

type checkpointStats struct {
	done, failed   uint64
	records, bytes uint64
	seconds        float64
	last           time.Time // when the last one was done
	err            error     // why the latest one failed, or nil
}

func newCheckpointer(s *store.Store, t *tracker.Tracker, interval time.Duration, log zerolog.Logger) *checkpointer {
	return &checkpointer{store: s, tracker: t, interval: interval, log: log,
		stats: checkpointStats{last: time.Now()}}
}

// Run writes a checkpoint every interval until ctx is done. One that fails is
// logged and counted; what it was to write comes with the next.
func (c *checkpointer) Run(ctx context.Context) error {
	ticker := time.NewTicker(c.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if _, err := c.write(); err != nil {
				c.log.Error().Err(err).Msg("checkpoint failed, will be tried again")
			}
		}
	}
}

// write writes one checkpoint and keeps its figures.
func (c *checkpointer) write() (store.Result, error) {
	began := time.Now()
	result, err := c.store.Checkpoint(c.tracker)
	took := time.Since(began)

	c.mu.Lock()
	defer c.mu.Unlock()
	recovered := err == nil && c.stats.err != nil
	c.stats.err = err
	c.stats.records += uint64(result.Records)
	c.stats.bytes += uint64(result.Bytes)
	c.stats.seconds += took.Seconds()
	if err != nil {
		c.stats.failed++
		return result, err
	}
	c.stats.done++
	c.stats.last = time.Now()
	if recovered {
		c.log.Info().Msg("checkpoints are written again")
	}
	return result, nil
}

// failure returns why the latest checkpoint failed, or nil.
func (c *checkpointer) failure() error { return c.snapshot().err }

func (c *checkpointer) snapshot() checkpointStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}
