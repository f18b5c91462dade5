package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"keeptrack/cmd/internal/harness"
	"keeptrack/internal/testenv"
	"keeptrack/tracker"
)

// linesLost counts the log lines that were not written.
const linesLost = "keeptrack_log_lines_lost_total"

// startUnread starts a daemon and reads its log up to the line that says that it
// serves. What becomes of the rest is left to the test. With nonblocking set,
// writing to a log that is full fails instead of waiting.
func startUnread(t *testing.T, s settings, nonblocking bool) (*instance, *os.File) {
	t.Helper()
	log, stderr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	cmd := program(t, t.TempDir(), "serve", "--config", s.write(t))
	cmd.Stderr = stderr
	d := &instance{t: t, Daemon: &harness.Daemon{Cmd: cmd, Ended: make(chan struct{})}, client: &http.Client{Timeout: patience}}
	err = cmd.Start()
	if nonblocking {
		err = firstError(err, syscall.SetNonblock(int(stderr.Fd()), true))
	}
	stderr.Close() // is the daemon's
	if err != nil {
		t.Fatal(err)
	}
	d.reap()
	var line harness.Line
	for lines := bufio.NewScanner(log); line.Message != "serving"; {
		if !lines.Scan() {
			t.Fatal("the daemon ended at its start")
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
	}
	d.takeAddresses(line)
	return d, log
}

// reap waits for the end of a daemon whose log nobody follows.
func (d *instance) reap() {
	go func() {
		defer close(d.Ended)
		d.Cmd.Wait()
	}()
	d.t.Cleanup(d.cleanUp)
}

// loseALine has the daemon write log lines until one more is lost.
func (d *instance) loseALine() {
	d.t.Helper()
	lost := d.metric(linesLost)
	waitFor(d.t, linesLost, func() bool {
		if err := d.Cmd.Process.Signal(syscall.SIGHUP); err != nil {
			d.t.Fatal(err)
		}
		return d.metric(linesLost) > lost
	})
}

// TestLogReaderGoes: a daemon whose log nobody reads any more goes on, and
// stops as usual.
func TestLogReaderGoes(t *testing.T) {
	dir, hash := t.TempDir(), hashOf("kept")
	d, log := startUnread(t, testSettings(dir), false)
	log.Close()
	for range 2 {
		d.loseALine()
	}
	announceTo(t, d.urls()["udp IPv4"], hash, 6881, 0, tracker.EventCompleted)
	d.stop()
	if got := recordsOf(t, dir); len(got) != 1 {
		t.Errorf("%d torrents in the database after the stop, want 1", len(got))
	}
}

// TestLogReaderStalls: a reader that is there and takes nothing holds up neither
// announces nor the admin address nor the stop.
func TestLogReaderStalls(t *testing.T) {
	for _, nonblocking := range []bool{false, true} {
		t.Run(fmt.Sprint("nonblocking: ", nonblocking), func(t *testing.T) {
			dir := t.TempDir()
			d, log := startUnread(t, testSettings(dir), nonblocking)
			// A refusal names the value: a long one fills pipe and queue soon.
			long := fmt.Sprintf("[log]\nlevel = %q\n", strings.Repeat("loud", 50_000))
			config := d.Cmd.Args[len(d.Cmd.Args)-1]
			if err := os.WriteFile(config, []byte(long), 0o600); err != nil {
				t.Fatal(err)
			}
			d.loseALine()
			announceTo(t, d.urls()["udp IPv4"], hashOf("kept"), 6881, 0, tracker.EventCompleted)
			announceTo(t, d.urls()["http IPv4"], hashOf("kept"), 6881, 0, 0)
			d.stop()
			if got := recordsOf(t, dir); len(got) != 1 {
				t.Errorf("%d torrents in the database after the stop, want 1", len(got))
			}
			log.Close()
		})
	}
}

// TestLogThatCannotBeWritten has a log that is always full.
func TestLogThatCannotBeWritten(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	testenv.Need(t, "open /dev/full", err)
	defer full.Close()
	dir := t.TempDir()
	admin := filepath.Join(dir, "admin.sock")
	config := testSettings(dir).with(settings{"admin.listen": fmt.Sprintf("%q", "unix:"+admin)}).write(t)
	cmd := program(t, dir, "serve", "--config", config)
	cmd.Stderr = full
	d := &instance{t: t, Daemon: &harness.Daemon{Cmd: cmd, Ended: make(chan struct{})}, client: unixClient(admin)}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d.reap()
	waitFor(t, "readiness", func() bool {
		resp, err := d.client.Get("http://admin/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	d.admin = "admin"
	d.loseALine()
	d.stop()
}

// TestErrorWithoutAReader: a daemon that cannot start says so with its status,
// whoever reads its log.
func TestErrorWithoutAReader(t *testing.T) {
	log, stderr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	log.Close()
	defer stderr.Close()
	cmd := program(t, t.TempDir(), "serve", "--config", configFile(t, "[log]\nlevel = \"loud\"\n"))
	cmd.Stderr = stderr
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != statusUsage {
		t.Errorf("ended with %v, want status %d", err, statusUsage)
	}
}
