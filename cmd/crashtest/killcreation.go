package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
)

// newFolder is where databases are made that are killed at once.
func (h *session) newFolder() (folder, config, file string) {
	folder = filepath.Join(h.opts.Dir, "new")
	return folder, filepath.Join(folder, "keeptrack.toml"), filepath.Join(folder, "keeptrack.db")
}

// schemaTx is the first transaction of a file that can make a schema: bbolt
// gives a new file the numbers below.
const schemaTx = 2

// spawnNew starts a daemon without a database and returns once it has begun to
// make one.
func (h *session) spawnNew(ctx context.Context) (d *daemon, file string, err error) {
	folder, config, file := h.newFolder()
	if err := errors.Join(os.RemoveAll(folder), os.Mkdir(folder, 0o700), h.writeConfig(config, file)); err != nil {
		return nil, "", err
	}
	if d, err = h.spawn(ctx, config); err != nil {
		return nil, "", err
	}
	return d, file, await(ctx, "a new file", 0, func() (bool, error) { return exists(file) })
}

// killInCreation kills a daemon that makes a new database. The next one has to
// bring it to its end.
func (h *session) killInCreation(ctx context.Context, rng *rand.Rand) (outcome, error) {
	d, file, err := h.haltInCreation(ctx, rng)
	if err != nil {
		return outcome{}, err
	}
	if err := d.kill(); err != nil {
		return outcome{}, err
	}
	tx, _, err := lastTx(file)
	if err != nil {
		return outcome{}, err
	}
	out := outcome{inside: tx < schemaTx}
	if !out.inside {
		if err := h.verify(ctx, file); err != nil {
			return outcome{}, err
		}
	}
	return out, h.reopenNew(ctx, file)
}

// haltInCreation halts a daemon between making a file and committing its schema,
// to be killed there. It may have to try again with another one.
func (h *session) haltInCreation(ctx context.Context, rng *rand.Rand) (d *daemon, file string, err error) {
	for range maxHalts {
		if d, file, err = h.spawnNew(ctx); err != nil {
			return nil, "", err
		}
		tx, err := d.halt(file, h.lasts.creation.delay(rng))
		hit := tx < schemaTx
		h.lasts.creation.learn(hit)
		if err != nil || hit {
			return d, file, err
		}
		if err := errors.Join(d.Cmd.Process.Signal(syscall.SIGCONT), d.stop()); err != nil {
			return nil, "", err
		}
	}
	return nil, "", errors.New("a new file is finished before a daemon can be halted")
}

// reopenNew starts a daemon on the file that another one was making, and stops
// it.
func (h *session) reopenNew(ctx context.Context, file string) error {
	_, config, _ := h.newFolder()
	d, err := h.spawn(ctx, config)
	if err != nil {
		return err
	}
	line, err := d.await(ctx)
	if err != nil {
		return err
	}
	if line.Torrents != 0 {
		return fmt.Errorf("%d torrents in a new database", line.Torrents)
	}
	h.report.opened++
	if err := d.stop(); err != nil {
		return err
	}
	return h.verify(ctx, file)
}
