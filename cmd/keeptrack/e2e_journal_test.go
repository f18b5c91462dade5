package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

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
