package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"keeptrack/cmd/internal/harness"
)

// checkpointInterval is the daemon's, the shortest there is.
const checkpointInterval = 100 * time.Millisecond

// patience is how long the program may take for what it does in a second.
const patience = harness.Patience

var errPatience = fmt.Errorf("it takes more than %v", patience)

// daemon is a process that runs keeptrack serve.
type daemon struct {
	*harness.Daemon
	reloaded atomic.Int64 // how often it has logged that it has reloaded its config
	failure  string       // the first line of the log that tells an error; read it once ended
}

// common is a config for loopback addresses that all runs share.
func (h *session) common(database string) harness.Settings {
	return harness.Loopback(database).With(harness.Settings{
		"tracker.max_peers_per_address":    "0",
		"tracker.max_torrents_per_address": "0",
		"access.mode":                      `"deny"`,
	})
}

// writeConfig writes the config of a daemon that is killed.
func (h *session) writeConfig(path, database string) error {
	interval := fmt.Sprintf("%q", checkpointInterval)
	return os.WriteFile(path, h.common(database).With(harness.Settings{
		"tracker.peer_timeout":      `"24h"`,
		"http.listen":               "[]",
		"access.file":               fmt.Sprintf("%q", h.list),
		"store.checkpoint_interval": interval,
		"store.peers_interval":      interval,
	}).Text(), 0o600)
}

// spawn starts a daemon, whose log goes to a file beside its config.
func (h *session) spawn(ctx context.Context, config string) (*daemon, error) {
	log, err := os.Create(config + ".log")
	if err != nil {
		return nil, err
	}
	d := &daemon{}
	d.Daemon, err = harness.Start(exec.CommandContext(ctx, h.opts.Program, "serve", "--config", config), log, d.look)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	h.daemon = d
	return d, nil
}

// look takes note of a line of the log.
func (d *daemon) look(text string, l harness.Line) {
	switch {
	case l.Level != "info" && l.Level != "warn":
		if d.failure == "" {
			d.failure = text
		}
	case l.Message == "config reloaded":
		d.reloaded.Add(1)
	}
}

// signal sends a signal and waits until the process has ended. An error that
// the process has logged is one.
func (d *daemon) signal(s syscall.Signal) error {
	if err := d.Signal(s); err != nil {
		return err
	}
	if d.failure != "" {
		return fmt.Errorf("the daemon has logged: %s", d.failure)
	}
	return nil
}

// kill ends the process with SIGKILL, which must be how it ends.
func (d *daemon) kill() error {
	if err := d.signal(syscall.SIGKILL); err != nil {
		return err
	}
	if !harness.Killed(d.Cmd.ProcessState) {
		return fmt.Errorf("the daemon has ended by itself: %w", d.Err)
	}
	return nil
}

// stop ends the process with SIGTERM and expects exit status 0.
func (d *daemon) stop() error {
	if err := d.signal(syscall.SIGTERM); err != nil {
		return err
	}
	if d.Err != nil {
		return fmt.Errorf("after SIGTERM: %w", d.Err)
	}
	return nil
}

// await waits until the daemon serves.
func (d *daemon) await(ctx context.Context) (harness.Line, error) {
	l, err := d.Await(ctx)
	if err != nil {
		select {
		case <-d.Ended:
			return l, fmt.Errorf("%w: %s", err, d.failure)
		default:
		}
	}
	return l, err
}
