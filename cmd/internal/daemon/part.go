package daemon

import (
	"context"
	"errors"
	"slices"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"keeptrack/cmd/internal/admin/otstats"
)

// part is one of the things that the daemon runs. What is turned off is no part.
type part interface {
	// Run runs the part until ctx is done. An error stops the daemon.
	Run(ctx context.Context) error
	// describe adds what the part is to the log's line that says what is served.
	describe(line *zerolog.Event)
	// count adds the part's counters to those of /stats.
	count(n *otstats.Numbers)
	// collect sends the part's metrics.
	collect(send sender)
}

// silent is for parts to embed that have nothing to say of themselves.
type silent struct{}

func (silent) describe(*zerolog.Event) {}
func (silent) count(*otstats.Numbers)  {}
func (silent) collect(sender)          {}

// stage is parts that run at the same time.
type stage []part

// around runs the parts while f runs, and returns once all have stopped. The context
// of f is done when ctx is or when one of the parts has failed.
func (s stage) around(ctx context.Context, f func(context.Context) error) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	own, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	parts, own := errgroup.WithContext(own)
	defer context.AfterFunc(own, cancel)()
	for _, p := range s {
		parts.Go(func() error { return p.Run(own) })
	}
	err := f(inner)
	stop()
	return errors.Join(err, parts.Wait())
}

// untilDone waits for the end of ctx.
func untilDone(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// stages are the parts of a daemon. Those of a stage start after those of the one
// below, and have stopped before these stop.
type stages struct {
	front stage // what clients and signals come to
	back  stage // what takes in the last of it: live sync sends what it still holds
	outer stage // what answers from the first moment to the last
}

// parts returns the parts of all stages.
func (s *stages) parts() []part { return slices.Concat(s.front, s.back, s.outer) }
