package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// A soak runs two instances in sync, with a key, for a while and with
// everything on at once: completed downloads, leechers that come and are
// forgotten, scrapes, overrides of the access list, checkpoints, backups that are
// verified, and reloads, each of which goes one step on with changing the key.
// What must hold afterwards:
//
//   - every acknowledged download is counted on both instances and in both
//     files, and nothing else;
//   - the overrides acknowledged on either are in force on both, and are so after a
//     restart;
//   - the instances agree on when each torrent was last announced, to the minute;
//   - all peers are gone once their time is over;
//   - memory, goroutines and descriptors have stayed flat;
//   - no packet between the instances was lost or refused, no checkpoint failed,
//     and nothing was logged that is an error.
type soak struct {
	opts  options
	lasts time.Duration
	book  *book
	sides [2]*side
	// overrides are those of the group: what one of the instances acknowledges is in
	// force on both.
	overrides *overrides
	deciding  sync.Mutex          // held while a change of them is asked for
	done      [reloads + 1]uint64 // by what was done: see the constants
}

// side is one of the instances, with what goes to it.
type side struct {
	*life
	wire    *wire
	http    string // URL to announce to
	keyFile string
	samples []sample
}

func newSoak(o options, lasts time.Duration) *soak {
	b := newBook(hashes(o.Seed, o.Torrents))
	return &soak{opts: o, lasts: lasts, book: b, overrides: newOverrides(b)}
}

// run starts the instances, lets everything go on, and looks at what has become
// of it.
func (s *soak) run(ctx context.Context) error {
	defer func() {
		for _, side := range s.sides {
			if side != nil {
				side.h.cleanUp()
			}
		}
	}()
	g, err := newGroup(s.opts.Dir, s.peerTimeout())
	if err != nil {
		return err
	}
	for i := range s.sides {
		if s.sides[i], err = s.start(ctx, g, i); err != nil {
			return fmt.Errorf("starting instance %d: %w", i+1, err)
		}
	}
	if err := s.work(ctx, g); err != nil {
		return err
	}
	return s.settle(ctx)
}

// peerTimeout is short enough that peers are forgotten all the time, and well
// below patience.
func (s *soak) peerTimeout() time.Duration {
	return min(max(s.lasts/10, 2*time.Second), 20*time.Second)
}

// start starts an instance.
func (s *soak) start(ctx context.Context, g *group, n int) (*side, error) {
	o := s.opts
	o.Dir = filepath.Join(o.Dir, fmt.Sprintf("instance-%d", n+1))
	if err := os.Mkdir(o.Dir, 0o700); err != nil {
		return nil, err
	}
	h := newSession(o)
	h.book, h.overrides = s.book, s.overrides
	side := &side{life: &life{h: h}, keyFile: filepath.Join(o.Dir, "group.key")}
	if err := errors.Join(g.writeKeys(side.keyFile, 0), g.writeConfig(h, side.keyFile)); err != nil {
		return nil, err
	}
	if err := h.importTorrents(ctx, overridden, time.Now()); err != nil {
		return nil, err
	}
	return side, side.open(ctx)
}

// open starts the daemon and waits until it is ready.
func (s *side) open(ctx context.Context) (err error) {
	if s.daemon, err = s.h.spawn(ctx, s.h.config); err != nil {
		return err
	}
	line, err := s.daemon.await(ctx)
	if err != nil {
		return err
	}
	s.admin, s.http = "http://"+line.Admin, "http://"+line.HTTP[0]+"/announce"
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.wire, err = dial(ctx, line.UDP[0])
	return err
}

// work has everything go on at once until the time is over.
func (s *soak) work(ctx context.Context, g *group) error {
	until := time.Now().Add(s.lasts)
	parts, ctx := errgroup.WithContext(ctx)
	for i, side := range s.sides {
		l := load{book: s.book, wire: side.wire, batch: s.opts.Rate / minRate, rng: rand.New(rand.NewPCG(s.opts.Seed, uint64(i)))}
		parts.Go(func() error { return s.announce(ctx, &l, until) })
		parts.Go(func() error { return s.announceHTTP(ctx, side, until) })
		parts.Go(func() error { return s.override(ctx, side, rand.New(rand.NewPCG(s.opts.Seed, ^uint64(i))), until) })
		parts.Go(func() error { return s.watch(ctx, side, until) })
	}
	parts.Go(func() error { return s.operate(ctx, g, until) })
	return parts.Wait()
}

// every calls do again and again, until the time, if there is one, is over or it
// fails.
func every(ctx context.Context, interval time.Duration, until time.Time, do func() error) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case now := <-ticker.C:
			if !until.IsZero() && now.After(until) {
				return nil
			}
		}
		if err := do(); err != nil {
			return err
		}
	}
}
