package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"keeptrack/cmd/internal/harness"
	"keeptrack/cmd/testenv"
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

// journal is a stand-in for the journal's stream, which programs know by its
// device and inode.
type journal struct {
	t         *testing.T
	log, file *os.File
	stream    string // for $JOURNAL_STREAM
}

func newJournal(t *testing.T) *journal {
	t.Helper()
	log, file, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close(); file.Close() })
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	return &journal{t, log, file, fmt.Sprintf("JOURNAL_STREAM=%d:%d", stat.Dev, stat.Ino)}
}

// run runs the command with its stderr in the journal, and returns the lines
// there. during is called while it runs.
func (j *journal) run(cmd *exec.Cmd, during func(lines func() string)) []string {
	j.t.Helper()
	cmd.Stderr = j.file
	if err := cmd.Start(); err != nil {
		j.t.Fatal(err)
	}
	var text bytes.Buffer
	during(func() string {
		if err := j.log.SetReadDeadline(time.Now().Add(patience)); err != nil {
			j.t.Fatal(err)
		}
		var buf [4096]byte
		n, err := j.log.Read(buf[:])
		if err != nil {
			j.t.Fatal(err)
		}
		text.Write(buf[:n])
		return text.String()
	})
	if _, failed := errors.AsType[*exec.ExitError](cmd.Wait()); failed && text.Len() > 0 {
		j.t.Errorf("ended with %v:\n%s", cmd.ProcessState, &text)
	}
	j.file.Close()
	if _, err := text.ReadFrom(j.log); err != nil {
		j.t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
}

// TestJournalPriorities: each line that goes to the journal begins with its
// priority, in every form.
func TestJournalPriorities(t *testing.T) {
	for _, format := range []string{"auto", "json", "console"} {
		t.Run(format, func(t *testing.T) {
			j, dir := newJournal(t), t.TempDir()
			config := testSettings(dir).with(settings{"log.format": fmt.Sprintf("%q", format), "udp.listen": "[]", "http.listen": "[]"}).write(t)
			cmd := program(t, dir, "serve", "--config", config)
			cmd.Env = append(cmd.Env, j.stream)
			lines := j.run(cmd, func(lines func() string) {
				for !strings.Contains(lines(), "serving") {
				}
				if err := os.WriteFile(config, []byte("[log]\nlevel = \"loud\"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				cmd.Process.Signal(syscall.SIGHUP)
				for !strings.Contains(lines(), "reload refused") {
				}
				cmd.Process.Signal(syscall.SIGTERM)
			})
			for _, want := range []struct{ priority, text string }{
				{"<4>", "config: udp.listen"}, {"<6>", "serving"}, {"<3>", "reload refused"}, {"<6>", "stopped"},
			} {
				if !hasLine(lines, want.priority, want.text) {
					t.Errorf("no line of priority %s has %q:\n%s", want.priority, want.text, strings.Join(lines, "\n"))
				}
			}
			for _, line := range lines {
				if len(line) < 4 || line[0] != '<' || line[2] != '>' {
					t.Errorf("no priority: %s", line)
				}
			}
		})
	}
}

// hasLine tells whether a line begins with the priority and has the text.
func hasLine(lines []string, priority, text string) bool {
	for _, line := range lines {
		if strings.HasPrefix(line, priority) && strings.Contains(line, text) {
			return true
		}
	}
	return false
}

// TestJournalPrioritiesOfErrors: what commands complain of has a priority too, a
// line each, and only where the journal reads standard error.
func TestJournalPrioritiesOfErrors(t *testing.T) {
	wrong := configFile(t, "[log]\nlevel = \"loud\"\nformat = \"none\"\n")
	silent := configFile(t, "[udp]\nlisten = []\n[http]\nlisten = []\n")
	missing := filepath.Join(t.TempDir(), "none.db")
	for _, c := range []struct {
		name, priority string
		lines          int
		args           []string
	}{
		{"config of serve", "<3>", 2, []string{"serve", "--config", wrong}},
		{"config check", "<3>", 2, []string{"config", "check", wrong}},
		{"warning", "<4>", 1, []string{"config", "check", "-q", silent}},
		{"another command", "<3>", 1, []string{"db", "verify", missing}},
		{"usage", "<3>", 1, []string{"frobnicate"}},
	} {
		for _, elsewhere := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, elsewhere: %v", c.name, elsewhere), func(t *testing.T) {
				j, want := newJournal(t), c.priority+"keeptrack: "
				cmd := program(t, t.TempDir(), c.args...)
				cmd.Env = append(cmd.Env, j.stream)
				if elsewhere { // the service's stderr is the journal's, this one is not
					cmd.Env = append(cmd.Env, newJournal(t).stream)
					want = "keeptrack: "
				}
				lines := j.run(cmd, func(func() string) {})
				if len(lines) != c.lines {
					t.Errorf("%d lines, want %d: %q", len(lines), c.lines, lines)
				}
				for _, line := range lines {
					if !strings.HasPrefix(line, want) {
						t.Errorf("got %q, want %q…", line, want)
					}
				}
			})
		}
	}
}
