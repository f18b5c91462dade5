package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"keeptrack/tracker"
)

// TestWrongConfigHasItsOwnStatus: the unit does not start the daemon again after
// status 2.
func TestWrongConfigHasItsOwnStatus(t *testing.T) {
	dir := t.TempDir()
	list, keys := filepath.Join(dir, "list"), filepath.Join(dir, "keys")
	for _, path := range []string{list, keys} {
		if err := os.WriteFile(path, []byte("neither hash nor key\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		with settings
	}{
		{"value", settings{"log.level": `"loud"`}},
		{"key", settings{"log.levle": `"info"`}},
		{"access list", settings{"access.mode": `"deny"`, "access.file": fmt.Sprintf("%q", list)}},
		{"access list missing", settings{"access.mode": `"deny"`, "access.file": `"/nonexistent"`}},
		{"key file", settings{"livesync.key_file": fmt.Sprintf("%q", keys)}},
		{"key file missing", settings{"livesync.key_file": `"/nonexistent"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := testSettings(dir).with(c.with).write(t)
			for _, args := range [][]string{{"serve", "--config", config}, {"config", "check", "--quiet", config}} {
				got := runProgram(t, dir, args...)
				if got.status != statusUsage || got.stdout != "" || !strings.HasPrefix(got.stderr, "keeptrack: "+config+":") {
					t.Errorf("%v: got %+v, want status %d and why", args, got, statusUsage)
				}
			}
		})
	}
}

// TestCrashEndsByAbort: a daemon that crashes does not end with the status of a
// wrong config, so that it is started again.
func TestCrashEndsByAbort(t *testing.T) {
	for _, c := range []struct {
		name  string
		crash func(d *instance, dir string)
		want  string // in the log
	}{
		{"memory fault", func(d *instance, dir string) {
			announceTo(d.t, d.urls()["udp IPv4"], hashOf("kept"), 6881, 0, tracker.EventCompleted)
			// bbolt reads what a checkpoint changes by way of the mapped file.
			if err := os.Truncate(filepath.Join(dir, "keeptrack.db"), 0); err != nil {
				d.t.Fatal(err)
			}
		}, "fatal error: fault"},
		{"invalid address", func(d *instance, _ string) { d.Cmd.Process.Signal(syscall.SIGSEGV) }, "SIGSEGV"},
		{"watchdog", func(d *instance, _ string) { d.Cmd.Process.Signal(syscall.SIGABRT) }, "SIGABRT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			d := start(t, testSettings(dir).with(settings{"store.checkpoint_interval": `"100ms"`}))
			c.crash(d, dir)
			<-d.Ended
			status := d.Cmd.ProcessState.Sys().(syscall.WaitStatus)
			if !status.Signaled() || status.Signal() != syscall.SIGABRT {
				t.Errorf("ended with %v, want %v", d.Cmd.ProcessState, syscall.SIGABRT)
			}
			if d.logged(c.want) == 0 {
				t.Errorf("the log does not say %q", c.want)
			}
		})
	}
}

// TestReaderOfACommandGoes: a command whose output nobody reads ends by SIGPIPE
// and without a word, as other programs do.
func TestReaderOfACommandGoes(t *testing.T) {
	dir := t.TempDir()
	database := filepath.Join(dir, "keeptrack.db")
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(anyHash+":0:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := testSettings(dir).write(t)
	if got := runProgram(t, dir, "db", "import", database, text); got.status != statusDone {
		t.Fatalf("%+v", got)
	}
	for _, args := range [][]string{
		{"--help"}, {"help", "serve"}, {"version"}, {"version", "--sbom"}, {"completion", "bash"},
		{"config", "example"}, {"config", "check", config},
		{"db", "export", database}, {"db", "inspect", database}, {"db", "inspect", "--json", database},
		{"db", "verify", database}, {"db", "migrate", database}, {"db", "import", database, text}, {"db", "compact", database},
		{"backup", "--config", config, filepath.Join(dir, "copy")},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			signal, stderr := runUnread(t, dir, args...)
			if signal != syscall.SIGPIPE || stderr != "" {
				t.Errorf("ended by %v with %q", signal, stderr)
			}
		})
	}
	if got := runProgram(t, dir, "db", "verify", database); got.status != statusDone {
		t.Errorf("afterwards: %+v", got)
	}
	if left := names(t, dir); slices.ContainsFunc(left, func(n string) bool { return strings.Contains(n, ".db.") }) {
		t.Errorf("files are left: %v", left)
	}
}

// runUnread runs the program with nobody to read what it prints. It returns the
// signal that ended it, -1 if none did.
func runUnread(t *testing.T, dir string, args ...string) (syscall.Signal, string) {
	t.Helper()
	reader, stdout, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	defer stdout.Close()
	cmd := program(t, dir, args...)
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = stdout, &stderr
	if err := cmd.Run(); err == nil {
		return -1, stderr.String()
	}
	return cmd.ProcessState.Sys().(syscall.WaitStatus).Signal(), stderr.String()
}
