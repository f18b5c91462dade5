package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"syscall"
)

// killInCheckpoint kills a daemon that is writing a checkpoint.
func (h *session) killInCheckpoint(ctx context.Context, rng *rand.Rand) (outcome, error) {
	l, err := h.serve(ctx)
	if err != nil {
		return outcome{}, err
	}
	l.load(loadTime(rng))
	l.turn <- struct{}{} // what is written from now on is checkpoints
	before, err := l.haltInCheckpoint(rng)
	if err := errors.Join(err, l.kill()); err != nil {
		return outcome{}, err
	}
	after, _, err := lastTx(h.file)
	return outcome{inside: after == before, loaded: true}, err
}

// haltInCheckpoint halts the daemon between the first write of a checkpoint and
// its commit, to be killed there. It may have to try again with later
// checkpoints. It returns the number of the last transaction before the one it
// is halted in.
func (l *life) haltInCheckpoint(rng *rand.Rand) (tx uint64, err error) {
	h := l.h
	if tx, _, err = lastTx(h.file); err != nil {
		return 0, err
	}
	if tx, err = awaitCommit(l.ctx, h.file, tx); err != nil {
		return 0, err
	}
	for range maxHalts {
		if err := awaitWrite(l.ctx, h.file); err != nil {
			return 0, err
		}
		now, err := l.daemon.halt(h.file, h.lasts.checkpoint.delay(rng))
		h.lasts.checkpoint.learn(now == tx)
		if err != nil || now == tx {
			return tx, err
		}
		tx = now
		if err := l.daemon.Cmd.Process.Signal(syscall.SIGCONT); err != nil {
			return 0, err
		}
	}
	return tx, nil
}
