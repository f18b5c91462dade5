package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// unixClient returns a client that reaches the unix socket at path whatever the
// URL says.
func unixClient(path string) *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
}

// fetch returns the body of the reply to a request.
func fetch(t *testing.T, c *http.Client, req *http.Request) string {
	t.Helper()
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestUnixSockets serves HTTP and the admin address on unix sockets alone.
func TestUnixSockets(t *testing.T) {
	dir := t.TempDir()
	tracker, admin := filepath.Join(dir, "http.sock"), filepath.Join(dir, "admin.sock")
	s := testSettings(dir).with(settings{
		"http.listen":  fmt.Sprintf("[%q]", "unix:"+tracker),
		"admin.listen": fmt.Sprintf("%q", "unix:"+admin),
	})
	config := s.write(t)
	serve := func() *instance {
		return startCommand(t, program(t, dir, "serve", "--config", config), unixClient(admin))
	}
	serve().kill() // and leaves its sockets
	d := serve()
	if d.admin != "unix:"+admin || d.http4 != "unix:"+tracker {
		t.Errorf("serves HTTP on %s, admin on %s", d.http4, d.admin)
	}
	announce := func(forwarded string) string {
		req, err := http.NewRequest(http.MethodGet, "http://tracker/announce?port=6881&info_hash="+strings.Repeat("a", 20), nil)
		if err != nil {
			t.Fatal(err)
		}
		if forwarded != "" {
			req.Header.Set("X-Forwarded-For", forwarded)
		}
		return fetch(t, unixClient(tracker), req)
	}
	if got := announce(""); !strings.Contains(got, "10:incompletei0e") {
		t.Errorf("without X-Forwarded-For: %q", got)
	}
	if got := announce("203.0.113.7"); !strings.Contains(got, "external ip4:\xcb\x00\x71\x07") || !strings.Contains(got, "10:incompletei1e") {
		t.Errorf("with X-Forwarded-For: %q", got)
	}
	if got := runProgram(t, dir, "serve", "--config", config); got.status != statusFailed || !strings.Contains(got.stderr, admin) {
		t.Errorf("a second daemon: %+v", got)
	}
	for i, args := range [][]string{{"--config", config}, {"--admin", "unix:" + admin}} {
		out := filepath.Join(dir, fmt.Sprint("copy", i))
		if got := runProgram(t, dir, slices.Concat([]string{"backup"}, args, []string{out})...); got.status != statusDone {
			t.Errorf("backup %v: %+v", args, got)
		}
	}
	d.stop()
	if n := d.logged(`"client":"unix",`); n != 2 {
		t.Errorf("%d backups in the log with where they went:\n%s", n, strings.Join(d.log, "\n"))
	}
	for _, path := range []string{tracker, admin} {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
}
