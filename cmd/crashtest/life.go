package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// life is a daemon that serves, with announces going to it and its checkpoints
// being watched.
type life struct {
	h      *session
	daemon *daemon
	admin  string // URL
	ctx    context.Context
	stop   context.CancelFunc
	parts  *errgroup.Group
	ending atomic.Bool   // what goes wrong from now on is the daemon's end
	turn   chan struct{} // has room for who changes overrides

	checkpoints uint64 // completed, as last seen; read it once the parts have ended
}

// serve starts the daemon, waits until it is ready, holds its counts against
// the file's, and begins with the announces.
func (h *session) serve(ctx context.Context) (*life, error) {
	began := time.Now()
	d, err := h.spawn(ctx, h.config)
	if err != nil {
		return nil, err
	}
	line, err := d.await(ctx)
	if err != nil {
		return nil, err
	}
	h.lasts.start = time.Since(began)
	// Torrents of the snapshot may not have been in a checkpoint.
	if line.Torrents < h.torrents || line.Torrents > h.opts.Torrents || len(line.UDP) != 1 {
		return nil, fmt.Errorf("%d torrents loaded of %d: %+v", line.Torrents, h.torrents, line)
	}
	l := &life{h: h, daemon: d, admin: "http://" + line.Admin, turn: make(chan struct{}, 1)}
	if err := l.ready(ctx); err != nil {
		return nil, err
	}
	if err := errors.Join(l.compareOverrides(ctx), l.compareRestored(ctx)); err != nil {
		return nil, err
	}
	h.report.opened++
	w, err := dial(ctx, line.UDP[0])
	if err != nil {
		return nil, err
	}
	if err := h.book.scrape(ctx, w, h.overrides.refused()); err != nil {
		return nil, errors.Join(err, w.conn.Close())
	}
	l.begin(ctx, w)
	return l, nil
}

// begin starts the parts.
func (l *life) begin(ctx context.Context, w *wire) {
	ctx, l.stop = context.WithCancel(ctx)
	l.parts, l.ctx = errgroup.WithContext(ctx)
	o := load{book: l.h.book, wire: w, batch: l.h.opts.Rate / minRate, rng: rand.New(rand.NewPCG(l.h.opts.Seed, uint64(l.h.report.opened)))}
	l.parts.Go(func() error {
		defer w.conn.Close()
		return l.unlessEnding(o.run(l.ctx))
	})
	l.parts.Go(func() error { return l.unlessEnding(l.watch(l.ctx)) })
	rng := rand.New(rand.NewPCG(l.h.opts.Seed, ^uint64(l.h.report.opened)))
	l.parts.Go(func() error { return l.unlessEnding(l.overriding(l.ctx, rng)) })
}

// unlessEnding returns the error of a part that is not due to the daemon's end.
func (l *life) unlessEnding(err error) error {
	if l.ending.Load() {
		return nil
	}
	return err
}

// load lets the announces go on for a while, but not after a part has failed;
// kill and end then return why.
func (l *life) load(d time.Duration) {
	select {
	case <-time.After(d):
	case <-l.ctx.Done():
	}
}

// kill ends the daemon with SIGKILL.
func (l *life) kill() error { return l.over((*daemon).kill) }

// end ends the daemon with SIGTERM, after which everything acknowledged is to
// be in the file.
func (l *life) end() error {
	err := l.over((*daemon).stop)
	if err == nil {
		l.h.book.stopped()
	}
	return err
}

// over ends the daemon and the parts.
func (l *life) over(end func(*daemon) error) error {
	l.ending.Store(true)
	err := end(l.daemon)
	l.h.died = time.Now()
	l.stop()
	err = errors.Join(err, l.parts.Wait())
	l.h.report.checkpoints += l.checkpoints
	return err
}
