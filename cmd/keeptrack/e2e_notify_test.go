package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

// supervisor is the socket to which a daemon tells how it is (sd_notify(3)).
type supervisor struct {
	t    *testing.T
	conn *net.UnixConn
	path string
}

func newSupervisor(t *testing.T) *supervisor {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &supervisor{t, conn, path}
}

// await waits for a message with a line, and returns its lines.
func (s *supervisor) await(line string) []string {
	s.t.Helper()
	s.conn.SetReadDeadline(time.Now().Add(patience))
	var buf [8192]byte
	for {
		n, err := s.conn.Read(buf[:])
		if err != nil {
			s.t.Fatalf("no %s: %v", line, err)
		}
		if lines := strings.Split(string(buf[:n]), "\n"); slices.Contains(lines, line) {
			return lines
		}
	}
}

// awaitStatus waits for a message with a line, and returns the status in it.
func (s *supervisor) awaitStatus(line string) string {
	s.t.Helper()
	lines := s.await(line)
	if text := strings.Join(lines, "\n"); len(text) > 4096 || !utf8.ValidString(text) {
		s.t.Errorf("systemd ignores this message of %d bytes: %q", len(text), text)
	}
	for _, l := range lines {
		if status, ok := strings.CutPrefix(l, "STATUS="); ok {
			return status
		}
	}
	s.t.Errorf("no status in %q", lines)
	return ""
}

// TestServiceManager follows a daemon through its life as systemd does.
func TestServiceManager(t *testing.T) {
	s := newSupervisor(t)
	dir := t.TempDir()
	cmd := program(t, dir, "serve", "--config", testSettings(dir).write(t))
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+s.path, "WATCHDOG_USEC=300000")
	d := startCommand(t, cmd, &http.Client{Timeout: patience})
	if lines := s.await("READY=1"); !slices.Contains(lines, "STATUS=serving 0 torrents, 0 peers") {
		t.Errorf("ready with %q", lines)
	}
	for range 3 {
		s.await("WATCHDOG=1")
	}
	d.Cmd.Process.Signal(syscall.SIGHUP)
	lines := s.await("RELOADING=1")
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "MONOTONIC_USEC=") && len(l) > 16 }) {
		t.Errorf("reloading with %q", lines)
	}
	s.await("READY=1")
	d.stop()
	s.await("STOPPING=1")
}

// wantReload expects metrics of a reload that ended in a way between then and now.
func (d *instance) wantReload(success float64, then time.Time) {
	d.t.Helper()
	m := d.metrics()
	if got := m["keeptrack_reload_success"]; got != success {
		d.t.Errorf("keeptrack_reload_success is %g, want %g", got, success)
	}
	at := time.UnixMilli(int64(m["keeptrack_reload_timestamp_seconds"] * 1e3))
	if at.Before(then.Truncate(time.Millisecond)) || at.After(time.Now()) {
		d.t.Errorf("keeptrack_reload_timestamp_seconds is %v, want now", at)
	}
}

// TestRefusedReloadShows: why a reload was refused is in the status until one is
// put in force, and metrics tell how the last one ended and when.
func TestRefusedReloadShows(t *testing.T) {
	s, dir := newSupervisor(t), t.TempDir()
	good := testSettings(dir)
	config := good.write(t)
	cmd := program(t, dir, "serve", "--config", config)
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+s.path, "WATCHDOG_USEC=300000")
	d := startCommand(t, cmd, &http.Client{Timeout: patience})
	s.await("READY=1")
	d.wantReload(1, time.Unix(0, 0))
	if at := d.metric("keeptrack_reload_timestamp_seconds"); at != 0 {
		t.Errorf("keeptrack_reload_timestamp_seconds is %g before the first", at)
	}
	reload := func(path string) (status string, then time.Time) {
		if err := os.Rename(path, config); err != nil {
			t.Fatal(err)
		}
		then = time.Now()
		d.Cmd.Process.Signal(syscall.SIGHUP)
		s.await("RELOADING=1")
		return s.awaitStatus("READY=1"), then
	}
	for _, c := range []struct{ name, config, want string }{
		{"wrong value", "[log]\nlevel = \"loud\"\n", "; reload refused: " + config + ":2: log.level: "},
		{"more than systemd takes", "[log]\nlevel = \"" + strings.Repeat("ä", 5000) + "\"\n", "; reload refused: " + config + ":2: log.level: "},
		{"two errors", "[log]\nlevel = 1\nformat = 2\n", " " + config + ":3: log.format: "},
		{"access list missing", "[access]\nmode = \"deny\"\nfile = \"/nonexistent\"\n", "; reload refused: access.file: "},
	} {
		status, then := reload(configFile(t, c.config))
		for _, status := range []string{status, s.awaitStatus("WATCHDOG=1")} {
			if !strings.HasPrefix(status, "serving 0 torrents, 0 peers; ") || !strings.Contains(status, c.want) {
				t.Errorf("%s: the status is %q, want %q", c.name, status, c.want)
			}
		}
		d.wantReload(0, then)
	}
	status, then := reload(good.write(t))
	for _, status := range []string{status, s.awaitStatus("WATCHDOG=1")} {
		if status != "serving 0 torrents, 0 peers" {
			t.Errorf("the status is %q after a good reload", status)
		}
	}
	d.wantReload(1, then)
	d.stop()
}
