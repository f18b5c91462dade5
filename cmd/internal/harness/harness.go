// Package harness runs the real program for tests from outside: end to end, under
// kills and for long.
package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Patience is how long the program may take for what it does in a second.
const Patience = 60 * time.Second

// Build builds keeptrack at path, with flags of go build. The working directory is
// in the module.
func Build(ctx context.Context, path string, flags ...string) error {
	args := append([]string{"build", "-o", path}, flags...)
	out, err := exec.CommandContext(ctx, "go", append(args, "keeptrack/cmd/keeptrack")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("building keeptrack: %w\n%s", err, out)
	}
	return nil
}

// Line is a line of the log: its level, its message and what the line "serving"
// has. It is zero if the line is no JSON.
type Line struct {
	Level            string
	Message          string
	UDP, HTTP, HTTPS []string // addresses with ports
	Admin            string
	Torrents         int // loaded at start
}

// Daemon is a process that runs keeptrack serve.
type Daemon struct {
	Cmd     *exec.Cmd
	Serving chan Line     // gets the line "serving" once
	Ended   chan struct{} // closed once the process has ended and its log is read
	Err     error         // how the process ended; read it once Ended is closed
}

// Start starts a daemon that logs in JSON. Its log is written to log, unless that is
// nil, which is closed at the end. look is called for each line, one at a time.
func Start(cmd *exec.Cmd, log io.WriteCloser, look func(text string, l Line)) (*Daemon, error) {
	d := &Daemon{Cmd: cmd, Serving: make(chan Line, 1), Ended: make(chan struct{})}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go d.follow(stderr, log, look)
	return d, nil
}

// follow reads the log to its end and reaps the process.
func (d *Daemon) follow(stderr io.Reader, log io.WriteCloser, look func(text string, l Line)) {
	defer close(d.Ended)
	var errs []error
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if log != nil {
			_, err := fmt.Fprintln(log, lines.Text())
			errs = append(errs, err)
		}
		var l Line
		if json.Unmarshal(lines.Bytes(), &l) != nil {
			l = Line{}
		}
		look(lines.Text(), l)
		if l.Message == "serving" {
			d.Serving <- l
		}
	}
	errs = append(errs, d.Cmd.Wait())
	if log != nil {
		errs = append(errs, log.Close())
	}
	d.Err = errors.Join(errs...)
}

// Await waits until the daemon serves, and returns what it has logged of it.
func (d *Daemon) Await(ctx context.Context) (Line, error) {
	select {
	case l := <-d.Serving:
		return l, nil
	case <-d.Ended:
		return Line{}, fmt.Errorf("the daemon has ended at its start: %w", d.Err)
	case <-ctx.Done():
		return Line{}, ctx.Err()
	case <-time.After(Patience):
		return Line{}, fmt.Errorf("the daemon does not serve after %v", Patience)
	}
}

// Signal sends a signal and waits for the end of the process.
func (d *Daemon) Signal(s syscall.Signal) error {
	if err := d.Cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("the daemon has ended by itself: %w", err)
	}
	select {
	case <-d.Ended:
		return nil
	case <-time.After(Patience):
		return fmt.Errorf("the daemon does not end within %v of %s", Patience, s)
	}
}

// Killed reports whether SIGKILL has ended a process.
func Killed(s *os.ProcessState) bool {
	status, ok := s.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}
