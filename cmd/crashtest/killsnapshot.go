package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// killInSnapshot kills a daemon that is writing a snapshot of its peers.
func (h *harness) killInSnapshot(ctx context.Context, rng *rand.Rand) (outcome, error) {
	l, err := h.serve(ctx)
	if err != nil {
		return outcome{}, err
	}
	l.load(loadTime(rng))
	part := snapshotPath(h.file) + ".part"
	err = await(l.ctx, "a snapshot", glance, func() (bool, error) { return exists(part) })
	time.Sleep(h.lasts.snapshot.delay(rng))
	if err := errors.Join(err, l.kill()); err != nil {
		return outcome{}, err
	}
	inside, err := exists(part)
	h.lasts.snapshot.learn(inside)
	return outcome{inside: inside, loaded: true}, err
}

// snapshotPath returns the path of the snapshot beside a database.
func snapshotPath(database string) string { return database + ".peers" }
