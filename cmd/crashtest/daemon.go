package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"
)

// checkpointInterval is the daemon's, the shortest there is.
const checkpointInterval = 100 * time.Millisecond

// patience is how long the program may take for what it does in a second.
const patience = 30 * time.Second

var errPatience = fmt.Errorf("it takes more than %v", patience)

// daemon is a process that runs keeptrack serve.
type daemon struct {
	cmd      *exec.Cmd
	serving  chan servingLine // gets the line once
	reloaded atomic.Int64     // how often it has logged that it has reloaded its config
	ended    chan struct{}    // closed once the process has ended and its log is read
	failure  string           // the first line of the log that tells an error; read it once ended
	err      error            // how the process ended
}

// servingLine is what the log says once the daemon serves.
type servingLine struct {
	Level    string
	Message  string
	UDP      []string
	HTTP     []string
	Admin    string
	Torrents int
}

// writeConfig writes a config for loopback addresses, with ports that the
// system chooses.
func (h *harness) writeConfig(path, database string) error {
	return os.WriteFile(path, fmt.Appendf(nil, `[log]
format = "json"
[tracker]
allow_private_addresses = true
peer_timeout = "24h"
max_peers_per_address = 0
max_torrents_per_address = 0
[udp]
listen = ["127.0.0.1:0"]
[http]
listen = []
[admin]
listen = "127.0.0.1:0"
[access]
mode = "deny"
file = %q
[store]
path = %q
checkpoint_interval = %q
peers_interval = %q
`, h.list, database, checkpointInterval, checkpointInterval), 0o600)
}

// spawn starts a daemon, whose log goes to a file beside its config.
func (h *harness) spawn(ctx context.Context, config string) (*daemon, error) {
	d := &daemon{
		cmd:     exec.CommandContext(ctx, h.opts.Program, "serve", "--config", config),
		serving: make(chan servingLine, 1),
		ended:   make(chan struct{}),
	}
	stderr, err := d.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(config + ".log")
	if err != nil {
		return nil, err
	}
	if err := d.cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	h.daemon = d
	go d.follow(io.TeeReader(stderr, log), log)
	return d, nil
}

// follow reads the log to its end and reaps the process.
func (d *daemon) follow(stderr io.Reader, log io.Closer) {
	defer close(d.ended)
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		var line servingLine
		switch err := json.Unmarshal(lines.Bytes(), &line); {
		case err != nil || line.Level != "info" && line.Level != "warn":
			if d.failure == "" {
				d.failure = lines.Text()
			}
		case line.Message == "serving":
			d.serving <- line
		case line.Message == "config reloaded":
			d.reloaded.Add(1)
		}
	}
	d.err = errors.Join(d.cmd.Wait(), log.Close())
}

// signal sends a signal and waits until the process has ended. An error that
// the process has logged is one.
func (d *daemon) signal(s syscall.Signal) error {
	if err := d.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("the daemon has ended by itself: %w", err)
	}
	select {
	case <-d.ended:
	case <-time.After(patience):
		return fmt.Errorf("ending the daemon with %s: %w", s, errPatience)
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
	if !killed(d.cmd.ProcessState) {
		return fmt.Errorf("the daemon has ended by itself: %w", d.err)
	}
	return nil
}

// stop ends the process with SIGTERM and expects exit status 0.
func (d *daemon) stop() error {
	if err := d.signal(syscall.SIGTERM); err != nil {
		return err
	}
	if d.err != nil {
		return fmt.Errorf("after SIGTERM: %w", d.err)
	}
	return nil
}

// killed says whether SIGKILL has ended a process.
func killed(s *os.ProcessState) bool {
	status, ok := s.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// await waits until the daemon serves.
func (d *daemon) await(ctx context.Context) (servingLine, error) {
	select {
	case line := <-d.serving:
		return line, nil
	case <-d.ended:
		return servingLine{}, fmt.Errorf("the daemon has ended at its start: %w: %s", d.err, d.failure)
	case <-ctx.Done():
		return servingLine{}, ctx.Err()
	case <-time.After(patience):
		return servingLine{}, fmt.Errorf("starting the daemon: %w", errPatience)
	}
}
