package main

import (
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
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
	var buf [4096]byte
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
	d.cmd.Process.Signal(syscall.SIGHUP)
	lines := s.await("RELOADING=1")
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "MONOTONIC_USEC=") && len(l) > 16 }) {
		t.Errorf("reloading with %q", lines)
	}
	s.await("READY=1")
	d.stop()
	s.await("STOPPING=1")
}
