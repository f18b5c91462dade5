package main

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"time"
)

// killInSnapshot kills a daemon that is writing a snapshot of its peers.
func (h *session) killInSnapshot(ctx context.Context, rng *rand.Rand) (outcome, error) {
	l, err := h.serve(ctx)
	if err != nil {
		return outcome{}, err
	}
	l.load(loadTime(rng))
	begun, err := l.awaitSnapshot()
	time.Sleep(h.lasts.snapshot.delay(rng))
	if err := errors.Join(err, l.kill()); err != nil {
		return outcome{}, err
	}
	left, err := os.Stat(partPath(h.file))
	h.lasts.snapshot.learn(err == nil && os.SameFile(begun, left)) // otherwise it is the next one
	if errors.Is(err, fs.ErrNotExist) {
		return outcome{loaded: true}, nil
	}
	return outcome{inside: true, loaded: true}, err
}

// awaitSnapshot waits until the daemon has begun to write a snapshot, and returns its
// file.
func (l *life) awaitSnapshot() (begun os.FileInfo, err error) {
	part := partPath(l.h.file)
	before, _ := os.Stat(part) // one that may be almost done
	err = await(l.ctx, "a snapshot", glance, func() (bool, error) {
		begun, err = os.Stat(part)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil && !os.SameFile(before, begun), err
	})
	return begun, err
}

// partPath returns the path of a snapshot beside a database while it is written.
func partPath(database string) string { return database + ".peers.part" }
