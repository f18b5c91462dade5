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
	silent
	store    *store.Store
	tracker  *tracker.Tracker
	interval time.Duration
	log      zerolog.Logger
	early    chan struct{} // a checkpoint is wanted before its time
	along    store.Along   // of live sync

	mu    sync.Mutex // guards what follows
	stats checkpointStats
}

type checkpointStats struct {
	done, failed   uint64
	records, bytes uint64
	seconds        float64
	last           time.Time     // when the last one was done
	took           time.Duration // the latest one
	err            error         // why the latest one failed, or nil
}

func newCheckpointer(s *store.Store, t *tracker.Tracker, interval time.Duration, log zerolog.Logger) *checkpointer {
	return &checkpointer{store: s, tracker: t, interval: interval, log: log, early: make(chan struct{}, 1),
		stats: checkpointStats{last: time.Now()}}
}

// Run writes a checkpoint every interval, or earlier when one is wanted, until ctx
// is done. One that fails is logged and counted; what it was to write comes with
// the next.
func (c *checkpointer) Run(ctx context.Context) error {
	due := time.Now().Add(c.interval)
	next := time.NewTimer(c.interval)
	defer next.Stop()
	early := c.early
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-early:
			early = nil // until it is written
			if at := time.Now().Add(c.soon()); at.Before(due) {
				next.Reset(time.Until(at))
			}
		case <-next.C:
			due = time.Now().Add(c.interval)
			early = c.early
			if _, err := c.write(); err != nil {
				c.log.Error().Err(err).Msg("checkpoint failed: it will be tried again")
				early = nil // a disk that fails does not fail less for being asked often
			}
			next.Reset(time.Until(due))
		}
	}
}

// hasten asks for a checkpoint before its time. It does not block.
func (c *checkpointer) hasten() {
	select {
	case c.early <- struct{}{}:
	default:
	}
}

// soon returns how long to wait for a checkpoint that is wanted: so long that at
// most a quarter of the time goes into checkpoints.
func (c *checkpointer) soon() time.Duration {
	s := c.snapshot()
	return max(3*s.took-time.Since(s.last), earlyPause)
}

// earlyPause is the shortest wait for a checkpoint that is wanted.
const earlyPause = 100 * time.Millisecond

// write writes one checkpoint and keeps its figures.
func (c *checkpointer) write() (store.Result, error) {
	began := time.Now()
	result, err := c.store.Checkpoint(c.tracker, c.along)
	took := time.Since(began)

	c.mu.Lock()
	defer c.mu.Unlock()
	recovered := err == nil && c.stats.err != nil
	c.stats.err, c.stats.took = err, took
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

var (
	metricCheckpoints        = counter("checkpoint_total", "Checkpoints written.")
	metricCheckpointFailures = counter("checkpoint_failures_total", "Checkpoints that failed and were tried again.")
	metricCheckpointSeconds  = counter("checkpoint_seconds_total", "Time spent writing checkpoints.")
	metricCheckpointRecords  = counter("checkpoint_records_total", "Torrents written by checkpoints.")
	metricCheckpointBytes    = counter("checkpoint_bytes_total", "Bytes of values written by checkpoints.")
	metricCheckpointAge      = gauge("checkpoint_age_seconds", "Time since the last checkpoint.")
)

func (c *checkpointer) collect(send sender) {
	s := c.snapshot()
	send(metricCheckpoints, float64(s.done))
	send(metricCheckpointFailures, float64(s.failed))
	send(metricCheckpointSeconds, s.seconds)
	send(metricCheckpointRecords, float64(s.records))
	send(metricCheckpointBytes, float64(s.bytes))
	send(metricCheckpointAge, time.Since(s.last).Seconds())
}
