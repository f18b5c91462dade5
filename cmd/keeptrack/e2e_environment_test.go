package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/internal/harness"
)

// environment returns settings as variables, plain text and lists of one text.
func (s settings) environment() (environ []string) {
	for key, value := range s {
		environ = append(environ, config.Variable(key)+"="+strings.NewReplacer("[\"", "", "\"]", "", "\"", "").Replace(value))
	}
	slices.Sort(environ)
	return environ
}

// TestServeByEnvironmentAlone: without a file, a reload reads the lists and secrets that
// variables name, and what is no key is warned of once.
func TestServeByEnvironmentAlone(t *testing.T) {
	dir := t.TempDir()
	list := listed(t, "in the file")
	s := settings(harness.Loopback(filepath.Join(dir, "keeptrack.db"))).with(settings{
		"access.mode": `"deny"`, "access.file": list, "service.host": "10.0.0.1", "livesync.port": "tcp://10.0.0.1:6969", "admin.token": "sesame",
	})
	cmd := program(t, dir, "serve")
	cmd.Env = append(cmd.Env, s.environment()...)
	d := startCommand(t, cmd, &http.Client{Timeout: patience})
	url := "http://" + d.http4 + "/announce"
	if !refuses(t, url, hashOf("in the file")) || refuses(t, url, hashOf("another")) {
		t.Error("the access list is not in force")
	}
	if resp, _ := get(t, "http://"+d.admin+"/metrics"); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the token: %s", resp.Status)
	}
	if err := os.WriteFile(list, []byte(hashOf("another").String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the list that was read again", func() bool { return refuses(t, url, hashOf("another")) })
	for text, want := range map[string]int{"KEEPTRACK_SERVICE_HOST": 1, "KEEPTRACK_LIVESYNC_PORT": 1, "config reloaded": 1} {
		if got := d.logged(text); got != want {
			t.Errorf("%d lines with %q in the log", got, text)
		}
	}
	d.stop()
}

// TestCommandsByEnvironment: those that work on the config's database work on that of a
// variable, and say so; config check says where each value comes from.
func TestCommandsByEnvironment(t *testing.T) {
	dir := t.TempDir()
	database := filepath.Join(dir, "a.db")
	if got := keeptrack("db", "import", database, textFile(t, anyHash+"\t1\t29000000\n")); got.status != statusDone {
		t.Fatalf("import: %+v", got)
	}
	t.Setenv("KEEPTRACK_STORE_PATH", database)
	config := configFile(t, "[udp]\nworkers = 2\n[store]\npath = \"b.db\"\n")
	out := filepath.Join(dir, "copy.db")
	if got := keeptrack("backup", "--config", config, out); !strings.HasPrefix(got.stdout, out+": copy of "+database+", ") {
		t.Errorf("backup: %+v", got)
	}
	if got := keeptrack("restore", out); got != (outcome{statusDone, database + ": restored from " + out + "\n", ""}) {
		t.Errorf("restore: %+v", got)
	}
	t.Setenv("KEEPTRACK_UDP_WORKRS", "3")
	got := keeptrack("config", "check", config)
	for _, want := range []string{fmt.Sprintf("path = %q # KEEPTRACK_STORE_PATH\n", database), "workers = 2 # line 2\n", "format = \"auto\" # default\n"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("check prints no %q:\n%s", want, got.stdout)
		}
	}
	if want := "keeptrack: warning: KEEPTRACK_UDP_WORKRS: unknown and not used, did you mean KEEPTRACK_UDP_WORKERS?\n"; got.stderr != want {
		t.Errorf("check warns %q, want %q", got.stderr, want)
	}
	t.Setenv("KEEPTRACK_ACCESS_FILE", "/none")
	t.Setenv("KEEPTRACK_ACCESS_MODE", "deny")
	want := "keeptrack: KEEPTRACK_ACCESS_FILE: access.file: open /none: no such file or directory\n"
	for _, args := range [][]string{{"config", "check"}, {"serve"}} {
		if got := keeptrack(args...); got != (outcome{statusUsage, "", want}) {
			t.Errorf("%v without a file: got %+v, want %q", args, got, want)
		}
	}
}

// TestHealth: a daemon that answers is alive, one that does not or is none is not.
func TestHealth(t *testing.T) {
	d := start(t, testSettings(t.TempDir()))
	t.Setenv("KEEPTRACK_ADMIN_LISTEN", d.admin)
	if got := keeptrack("health", "--ready"); got != (outcome{statusDone, "ready\n", ""}) {
		t.Errorf("of a daemon that serves: %+v", got)
	}
	t.Setenv("KEEPTRACK_ADMIN_LISTEN", d.http4)
	if got := keeptrack("health"); got.status != statusFailed || !strings.Contains(got.stderr, "not a daemon's admin address") {
		t.Errorf("of another address: %+v", got)
	}
	d.stop()
	t.Setenv("KEEPTRACK_ADMIN_LISTEN", d.admin)
	if got := keeptrack("health"); got.status != statusFailed || !strings.Contains(got.stderr, "cannot be reached") {
		t.Errorf("of none: %+v", got)
	}
	t.Setenv("KEEPTRACK_ADMIN_LISTEN", `""`)
	if got := keeptrack("health"); got.status != statusUsage || !strings.HasPrefix(got.stderr, "keeptrack: KEEPTRACK_ADMIN_LISTEN: admin.listen: is empty") {
		t.Errorf("without an address: %+v", got)
	}
}

// TestHealthOfDaemonThatIsNotReady: it is alive, and fails with --ready alone.
func TestHealthOfDaemonThatIsNotReady(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" {
			http.Error(w, "loading", http.StatusServiceUnavailable)
		}
	}))
	defer s.Close()
	t.Setenv("KEEPTRACK_ADMIN_LISTEN", s.Listener.Addr().String())
	if got := keeptrack("health"); got != (outcome{statusDone, "alive, not ready: loading\n", ""}) {
		t.Errorf("got %+v", got)
	}
	if got := keeptrack("health", "--ready"); got.status != statusFailed || !strings.Contains(got.stderr, "is not ready: loading") {
		t.Errorf("with --ready: %+v", got)
	}
}
