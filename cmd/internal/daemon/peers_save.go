package daemon

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"keeptrack/store/snapshot"
	"keeptrack/tracker"
)

// Run writes a snapshot every interval until ctx is done. One that fails is logged
// and counted, and the one before stays.
func (k *peerKeeper) Run(ctx context.Context) error {
	ticker := time.NewTicker(time.Hour)
	defer ticker.Stop()
	for {
		var due <-chan time.Time
		if every := k.every(); every > 0 {
			ticker.Reset(every)
			due = ticker.C
		}
		for again := true; again; {
			select {
			case <-ctx.Done():
				return nil
			case <-k.changed:
				again = false
			case <-due:
				if err := k.save(ctx, true); err != nil {
					k.log.Error().Err(err).Msg("peers not saved: it will be tried again")
				}
			}
		}
	}
}

// last writes the snapshot of the stop. It does not matter to the exit status: the
// peers announce again.
func (k *peerKeeper) last() {
	if err := k.save(context.Background(), false); err != nil {
		k.log.Error().Err(err).Msg("peers not saved: the next start has those of the last snapshot")
	}
}

// save writes a snapshot, if peers are to be kept, and keeps its figures. A paced one
// leaves the processors to announces. The end of ctx, or of keeping peers, ends it
// without an error.
func (k *peerKeeper) save(ctx context.Context, paced bool) error {
	k.files.Lock()
	defer k.files.Unlock()
	ctx, abort := context.WithCancel(ctx)
	defer abort()
	if !k.begin(abort) {
		return nil
	}
	began := time.Now()
	totals, err := k.write(ctx, paced)
	if err != nil && ctx.Err() != nil {
		err = errAborted
	}
	k.end(totals, time.Since(began), err)
	switch {
	case errors.Is(err, errAborted):
		return nil
	case err != nil:
		return err
	}
	level := zerolog.InfoLevel
	if paced {
		level = zerolog.DebugLevel
	}
	k.log.WithLevel(level).Uint64("peers", totals.Peers).Int64("bytes", totals.Bytes).
		Dur("took_ms", time.Since(began)).Msg("peers saved")
	return nil
}

var errAborted = errors.New("the snapshot was aborted")

// begin says whether a snapshot is to be written.
func (k *peerKeeper) begin(abort context.CancelFunc) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keep {
		k.abort = abort
	}
	return k.keep
}

func (k *peerKeeper) end(totals snapshot.Totals, took time.Duration, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.abort = nil
	if errors.Is(err, errAborted) {
		return
	}
	recovered := err == nil && k.stats.err != nil
	k.stats.err = err
	k.stats.seconds += took.Seconds()
	if err != nil {
		k.stats.failed++
		return
	}
	k.stats.done++
	k.stats.last, k.stats.peers, k.stats.bytes = time.Now(), totals.Peers, totals.Bytes
	if recovered {
		k.log.Info().Msg("peers are saved again")
	}
}

// maxSavers bounds the goroutines that write a snapshot at the stop.
const maxSavers = 4

// write writes a snapshot. Without peers it removes the one before, which has none
// that are still there.
func (k *peerKeeper) write(ctx context.Context, paced bool) (snapshot.Totals, error) {
	stats := k.tracker.Stats()
	if stats.Peers == [2]uint64{} {
		_, err := snapshot.Drop(k.database)
		return snapshot.Totals{}, err
	}
	w, err := snapshot.Create(k.database, stats.Torrents, stats.Peers)
	if err != nil {
		return snapshot.Totals{}, err
	}
	defer w.Discard() // unless it has been committed
	savers := 1
	if !paced {
		savers = min(runtime.GOMAXPROCS(0), maxSavers)
	}
	var next atomic.Int64 // shard
	var all errgroup.Group
	for range savers {
		s := saver{tracker: k.tracker, section: w.Section(), next: &next}
		if paced {
			s.pace = newPacer(ctx)
		}
		all.Go(func() error { return s.run(ctx) })
	}
	if err := all.Wait(); err != nil {
		return snapshot.Totals{}, err
	}
	return w.Commit()
}

// saver writes shards to a part of a snapshot.
type saver struct {
	tracker *tracker.Tracker
	section *snapshot.Section
	next    *atomic.Int64 // the shard that nobody has begun with
	pace    *pacer        // nil: as fast as it can
}

func (s *saver) run(ctx context.Context) error {
	for shard := s.next.Add(1) - 1; shard < tracker.ShardCount; shard = s.next.Add(1) - 1 {
		for peers := range s.tracker.PeerStates(int(shard), time.Now) {
			if err := s.section.Add(peers); err != nil {
				return err
			}
			s.pace.pause()
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	return s.section.Flush()
}

// pacer spreads work over time: it takes a ninth of one processor.
type pacer struct {
	ctx    context.Context
	worked time.Time // since when
	timer  *time.Timer
}

// A pacer pauses after every workSlice for restFactor times as long as it has worked.
const (
	workSlice  = 50 * time.Microsecond
	restFactor = 8
)

func newPacer(ctx context.Context) *pacer {
	return &pacer{ctx: ctx, worked: time.Now(), timer: time.NewTimer(0)}
}

// pause pauses if it is time to, until the context ends at the latest. That of nil
// never does.
func (p *pacer) pause() {
	if p == nil {
		return
	}
	worked := time.Since(p.worked)
	if worked < workSlice {
		return
	}
	p.timer.Reset(restFactor * worked)
	select {
	case <-p.timer.C:
	case <-p.ctx.Done():
	}
	p.worked = time.Now()
}
