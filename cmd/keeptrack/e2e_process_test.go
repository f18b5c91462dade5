package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rs/zerolog"
	"go.etcd.io/bbolt"

	"keeptrack/cmd/testenv"
	"keeptrack/store"
	"keeptrack/tracker"
)

func TestServeWithoutConfig(t *testing.T) {
	for _, address := range []string{"127.0.0.1:6969", "127.0.0.1:6970"} {
		if taken(address) {
			testenv.Need(t, "run the default config", fmt.Errorf("%s is in use", address))
		}
	}
	dir := t.TempDir()
	d := startIn(t, dir, "serve")
	defaults := instance{udp4: "127.0.0.1:6969", http4: "127.0.0.1:6969", udp6: "[::1]:6969", http6: "[::1]:6969"}
	for name, url := range defaults.urls() {
		r := announceTo(t, url, hashOf("default"), 6881, 1, tracker.EventStarted)
		if r.Interval < 27*60e9 || r.Interval > 33*60e9 {
			t.Errorf("%s: interval %s", name, r.Interval)
		}
	}
	if d.admin != "127.0.0.1:6970" {
		t.Errorf("the admin address is %s", d.admin)
	}
	d.stop()
	if got := names(t, dir); !slices.Equal(got, []string{"keeptrack.db"}) {
		t.Errorf("files in the working directory: %s", got)
	}
}

func TestServeEndsWithStatus0(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			d := start(t, testSettings(t.TempDir()))
			d.signal(s)
			if status := d.Cmd.ProcessState.ExitCode(); status != statusDone {
				t.Errorf("exit status %d", status)
			}
		})
	}
}

func TestServeRefusesABadConfig(t *testing.T) {
	dir := t.TempDir()
	path := configFile(t, "[udp]\nlisten_on = []\n\n[tracker]\npeer_timeout = \"45 minutes\"\n\n[livesync]\nport = 70000\n")
	got := runProgram(t, dir, "serve", "--config", path)
	if got.status != statusUsage {
		t.Errorf("exit status %d", got.status)
	}
	lines := strings.Split(strings.TrimSuffix(got.stderr, "\n"), "\n")
	want := []string{
		fmt.Sprintf("keeptrack: %s:2: udp.listen_on: unknown key", path),
		fmt.Sprintf("keeptrack: %s:5: tracker.peer_timeout: ", path),
		fmt.Sprintf("keeptrack: %s:8: livesync.port: ", path),
	}
	if !slices.EqualFunc(lines, want, strings.HasPrefix) {
		t.Errorf("got\n%s\nwant lines that start with\n%s", got.stderr, strings.Join(want, "\n"))
	}
	if files := names(t, dir); len(files) > 0 {
		t.Errorf("files made: %s", files)
	}
}

func TestServeRefusesADatabaseInUse(t *testing.T) {
	dir := t.TempDir()
	s := testSettings(dir)
	d := start(t, s)
	got := runProgram(t, dir, "serve", "--config", s.write(t))
	wantFailure(t, got, filepath.Join(dir, "keeptrack.db"))
	announceTo(t, d.urls()["udp IPv4"], hashOf("still there"), 6881, 1, tracker.EventStarted)
	d.stop()
	if n := len(recordsOf(t, dir)); n != 1 {
		t.Errorf("%d torrents in the database", n)
	}
}

func TestServeRefusesAnAddressInUse(t *testing.T) {
	first := start(t, testSettings(t.TempDir()))
	for _, c := range []struct{ key, address, literal string }{
		{"udp.listen", first.udp4, fmt.Sprintf("[%q]", first.udp4)},
		{"http.listen", first.http4, fmt.Sprintf("[%q]", first.http4)},
		{"admin.listen", first.admin, fmt.Sprintf("%q", first.admin)},
	} {
		t.Run(c.key, func(t *testing.T) {
			dir := t.TempDir()
			s := testSettings(dir)
			start(t, s).stop() // leaves a database
			before := contents(t, dir)
			got := runProgram(t, dir, "serve", "--config", s.with(settings{c.key: c.literal}).write(t))
			wantFailure(t, got, c.address)
			wantFailure(t, got, "address already in use")
			if part, _, _ := strings.Cut(c.key, "."); !strings.HasPrefix(got.stderr, "keeptrack: "+part+": ") {
				t.Errorf("%q does not begin with the part", got.stderr)
			}
			if !bytes.Equal(contents(t, dir), before) {
				t.Error("the database has changed")
			}
		})
	}
}

func TestServeRefusesANewerDatabase(t *testing.T) {
	dir := t.TempDir()
	s := testSettings(dir)
	start(t, s).stop()
	path := filepath.Join(dir, "keeptrack.db")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("version"), binary.BigEndian.AppendUint32(nil, 999))
	})
	if err := firstError(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	before := contents(t, dir)
	got := runProgram(t, dir, "serve", "--config", s.write(t))
	wantFailure(t, got, path)
	wantFailure(t, got, "999")
	if !bytes.Equal(contents(t, dir), before) {
		t.Error("the database has changed")
	}
	if files := names(t, dir); !slices.Equal(files, []string{"keeptrack.db"}) {
		t.Errorf("files: %s", files)
	}
}

// wantFailure expects exit status 1 and an error that mentions what.
func wantFailure(t *testing.T, got outcome, what string) {
	t.Helper()
	complaint := ""
	for line := range strings.Lines(got.stderr) {
		if strings.HasPrefix(line, "keeptrack: ") {
			complaint += line
		}
	}
	if got.status != statusFailed || !strings.Contains(complaint, what) {
		t.Errorf("exit status %d, want %d and %q in\n%s", got.status, statusFailed, what, got.stderr)
	}
}

// names returns the names of the files in dir, in order.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// contents returns the bytes of the database in dir.
func contents(t *testing.T, dir string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "keeptrack.db"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// recordsOf reads the database in dir, which no daemon may have open.
func recordsOf(t *testing.T, dir string) map[tracker.InfoHash]tracker.Record {
	t.Helper()
	s, err := store.Open(filepath.Join(dir, "keeptrack.db"), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	records := map[tracker.InfoHash]tracker.Record{}
	_, err = s.Load(func(r tracker.Record) { records[r.InfoHash] = r })
	if err := firstError(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return records
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

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
		{"user who is not there", settings{"process.user": `"keeptrack-nobody-else"`}},
		{"number of a user who is not there", settings{"process.user": `"3999999999"`}},
		{"root for a user", settings{"process.user": `"root"`}},
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

// TestOutputThatCannotBeWritten: a command whose output is lost has failed.
func TestOutputThatCannotBeWritten(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	testenv.Need(t, "open /dev/full", err)
	defer full.Close()
	for _, args := range [][]string{
		{"--help"}, {"help", "serve"}, {"completion"}, {"completion", "bash"}, {"completion", "fish"},
		{"version"}, {"version", "--sbom"}, {"config", "example"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			cmd := program(t, t.TempDir(), args...)
			var stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = full, &stderr
			_ = cmd.Run() // its status says it
			const want = "keeptrack: write /dev/stdout: no space left on device\n"
			if status := cmd.ProcessState.ExitCode(); status != statusFailed || stderr.String() != want {
				t.Errorf("status %d with %q, want %d with %q", status, &stderr, statusFailed, want)
			}
		})
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

// TestReloadWaitsForNobody: a config that has become a pipe is refused, and the
// daemon goes on and stops.
func TestReloadWaitsForNobody(t *testing.T) {
	dir := t.TempDir()
	config := testSettings(dir).write(t)
	d := startCommand(t, program(t, dir, "serve", "--config", config), &http.Client{Timeout: patience})
	if err := firstError(os.Remove(config), syscall.Mkfifo(config, 0o600)); err != nil {
		t.Fatal(err)
	}
	d.Cmd.Process.Signal(syscall.SIGHUP)
	waitFor(t, "the refusal", func() bool { return d.logged("reload refused: the running config stays in force") > 0 })
	d.stop()
}

// TestConnectionsLeaveDescriptors: whoever opens connections without end keeps
// neither the operator out nor files from being opened.
func TestConnectionsLeaveDescriptors(t *testing.T) {
	dir := t.TempDir()
	cmd := program(t, dir, "serve", "--config", testSettings(dir).write(t))
	cmd.Args = append([]string{"sh", "-c", `ulimit -n 128 && exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	d := startCommand(t, cmd, &http.Client{Timeout: patience})
	if d.logged("http.max_connections and https.max_connections are more than the limit on open files leaves room for: raise that limit") != 1 {
		t.Error("no warning")
	}
	address := strings.TrimSuffix(strings.TrimPrefix(d.urls()["http IPv4"], "http://"), "/announce")
	for range 200 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	waitFor(t, "the connections", func() bool {
		m := d.metrics()
		return m["keeptrack_http_connections"]+m["keeptrack_http_evicted_total"] == 200
	})
	d.Cmd.Process.Signal(syscall.SIGHUP)
	waitFor(t, "the reload", func() bool { return d.logged("config reloaded") > 0 })
	announceTo(t, d.urls()["http IPv4"], hashOf("room"), 6881, 0, 0)
	d.stop()
}

// TestEarlySIGHUP sends one to a daemon that has not read its config yet, which
// comes through a pipe.
func TestEarlySIGHUP(t *testing.T) {
	dir := t.TempDir()
	again := testSettings(dir).write(t) // for the reload
	text := []byte(readText(t, again))
	pipe, pid := filepath.Join(dir, "config"), filepath.Join(dir, "pid")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := program(t, dir, "serve", "--config", pipe)
	cmd.Args = append([]string{"sh", "-c", `echo $$ > "$0" && exec "$@"`, pid, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	go func() {
		f, err := os.OpenFile(pipe, os.O_WRONLY, 0) // waits for the daemon to open it
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		digits, err := os.ReadFile(pid)
		if err != nil {
			t.Error(err)
			return
		}
		process, err := strconv.Atoi(strings.TrimSpace(string(digits)))
		if err == nil {
			err = syscall.Kill(process, syscall.SIGHUP)
		}
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = f.Write(text) // fails if the daemon has ended, of which the test hears
		if err := os.Rename(again, pipe); err != nil {
			t.Error(err)
		}
	}()
	d := startCommand(t, cmd, &http.Client{Timeout: patience})
	waitFor(t, "the reload", func() bool { return d.logged("config reloaded") > 0 })
	d.stop()
}
