package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"syscall"
	"time"

	"keeptrack/cmd/internal/harness"
)

// killInCompaction stops a daemon cleanly and kills the compaction of its
// database.
func (h *session) killInCompaction(ctx context.Context, rng *rand.Rand) (outcome, error) {
	l, err := h.serve(ctx)
	if err != nil {
		return outcome{}, err
	}
	l.load(loadTime(rng))
	if err := l.end(); err != nil {
		return outcome{}, err
	}
	inside, err := h.compact(ctx, rng)
	return outcome{inside: inside}, err
}

// compact compacts the database, to the end if rng is nil. Otherwise it kills
// the process after it has begun with the new file, and says whether the
// process was still about it. To be in time on a busy machine, the process
// that is to be killed gives way to this one.
func (h *session) compact(ctx context.Context, rng *rand.Rand) (inside bool, err error) {
	part := h.file + ".compact"
	if err := os.RemoveAll(part); err != nil { // of the last kill; a compaction does not mind it
		return false, err
	}
	cmd := exec.CommandContext(ctx, h.opts.Program, "db", "compact", h.file)
	cmd.Stderr = h.opts.Progress
	if err := cmd.Start(); err != nil {
		return false, err
	}
	if rng != nil {
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, cmd.Process.Pid, 19) // it may have ended
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	if err := await(ctx, "a compaction", glance, func() (bool, error) {
		begun, err := exists(part)
		return begun || len(done) > 0, err
	}); err != nil {
		return false, errors.Join(err, cmd.Process.Kill(), <-done)
	}
	if rng != nil {
		time.Sleep(h.lasts.compaction.delay(rng))
		_ = cmd.Process.Kill() // it may have ended
	}
	err = <-done
	if harness.Killed(cmd.ProcessState) && ctx.Err() == nil {
		inside, err = exists(part)
	}
	if rng != nil {
		h.lasts.compaction.learn(inside)
	}
	return inside, err
}
