package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"keeptrack/tracker"
)

// base returns the URL of the daemon's admin address.
func (d *instance) base() string { return "http://" + d.admin }

// run runs the binary, which has to exit with a status.
func runWith(t *testing.T, status int, args ...string) outcome {
	t.Helper()
	got := runProgram(t, t.TempDir(), args...)
	if got.status != status {
		t.Errorf("%q: %+v, want status %d", args, got, status)
	}
	return got
}

// TestStatusOfDaemons: in a table and in JSON, one that does not answer included.
func TestStatusOfDaemons(t *testing.T) {
	d := start(t, testSettings(t.TempDir()))
	announceTo(t, d.urls()["udp IPv4"], hashOf("x"), 4000, 0, tracker.EventCompleted)
	got := runWith(t, statusDone, "status", "--admin", d.base())
	for _, want := range []string{d.base(), "ready", "1 (1 IPv4, 0 IPv6)", "as here", "alone", "1 since the start"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("%q is missing in\n%s", want, got.stdout)
		}
	}
	const nobody = "http://127.0.0.1:1"
	got = runWith(t, statusFailed, "status", "--admin", nobody, "--admin", d.base())
	if !strings.Contains(got.stdout, "no answer") || !strings.Contains(got.stdout, "1 since the start") || !strings.Contains(got.stderr, nobody) {
		t.Errorf("one of two: %+v", got)
	}
	got = runWith(t, statusFailed, "status", "--json", "--admin", d.base(), "--admin", nobody)
	lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
	var first struct {
		Admin   string
		Ready   bool
		Stats   struct{ Torrents int }
		Cluster struct{ Enabled *bool }
	}
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil || len(lines) != 2 || !strings.Contains(lines[1], `"error":`) {
		t.Errorf("%v: %q", err, lines)
	}
	if first.Admin != d.base() || !first.Ready || first.Stats.Torrents != 1 || first.Cluster.Enabled == nil || *first.Cluster.Enabled {
		t.Errorf("the first line is %+v", first)
	}
}

// TestAccessCommands: what they change is in force on all daemons, or on none.
func TestAccessCommands(t *testing.T) {
	begin := func(mode string) *instance {
		return start(t, testSettings(t.TempDir()).with(settings{"access.mode": mode}))
	}
	a, b, open := begin(`"deny"`), begin(`"deny"`), begin(`"open"`)
	hash := hashOf("taken down")
	refused := func(want bool) {
		t.Helper()
		for _, d := range []*instance{a, b} {
			if got := refuses(t, d.urls()["http IPv4"], hash); got != want {
				t.Errorf("refused is %v, want %v", got, want)
			}
		}
	}
	both := []string{hash.String(), "--admin", a.base(), "--admin", b.base()}
	access := func(status int, name string, more ...string) outcome {
		t.Helper()
		return runWith(t, status, append([]string{"access", name}, more...)...)
	}
	for _, third := range []string{open.base(), "http://127.0.0.1:1"} {
		if got := access(statusFailed, "add", append(both, "--admin", third)...); !strings.Contains(got.stderr, third) {
			t.Errorf("with %s: %+v", third, got)
		}
		refused(false)
	}
	if got := access(statusFailed, "remove", hash.String(), "--admin", open.base()); !strings.Contains(got.stderr, "access.mode") {
		t.Errorf("in mode open: %+v", got)
	}
	if got := access(statusDone, "add", both...); strings.Count(got.stdout, hash.String()+"  refused  by an override of ") != 2 {
		t.Errorf("add: %+v", got)
	}
	refused(true)
	if got := access(statusDone, "list", "--admin", a.base()); !strings.Contains(got.stdout, "mode deny, no file, 1 overrides") || !strings.Contains(got.stdout, hash.String()+"  refuse ") {
		t.Errorf("list: %+v", got)
	}
	if got := access(statusDone, "list", append(both, "--json")...); strings.Count(got.stdout, `"refused":true`) != 2 {
		t.Errorf("list of a hash: %+v", got)
	}
	access(statusDone, "remove", both...)
	refused(false)
	if got := access(statusFailed, "refuse", append(both, "--admin", open.base())...); !strings.Contains(got.stderr, `"open" at `+open.base()) {
		t.Errorf("refuse, with one in mode open: %+v", got)
	}
	refused(false)
	access(statusDone, "refuse", both...)
	refused(true)
	access(statusDone, "serve", both...)
	refused(false)
	access(statusDone, "add", both...)
	// It drops what was added whatever the modes are.
	if got := access(statusDone, "forget", append(both, "--admin", open.base())...); strings.Count(got.stdout, "served") != 3 {
		t.Errorf("forget: %+v", got)
	}
	refused(false)
}

// TestTop: torrents in an order, and who sends most requests, whose addresses it takes a
// token to see.
func TestTop(t *testing.T) {
	d := start(t, testSettings(t.TempDir()).with(settings{"admin.token": `"sesame"`}))
	popular, other := hashOf("popular"), hashOf("other")
	for port := range uint16(3) {
		announceTo(t, d.urls()["udp IPv4"], popular, 4000+port, 1, tracker.EventStarted)
	}
	announceTo(t, d.urls()["http IPv4"], other, 4000, 0, tracker.EventCompleted)
	top := func(status int, more ...string) outcome {
		t.Helper()
		return runWith(t, status, append([]string{"top", "--admin", d.base(), "--token", "sesame"}, more...)...)
	}
	if got := top(statusDone, "--limit", "1"); !strings.HasSuffix(got.stdout, "\n"+popular.String()+"        0         3           0\n") {
		t.Errorf("by peers: %+v", got)
	}
	if got := top(statusDone, "--by", "downloaded"); strings.Contains(got.stdout, popular.String()) || !strings.Contains(got.stdout, other.String()) {
		t.Errorf("by downloads: %+v", got)
	}
	if got := top(statusDone, "--by", "networks"); !strings.Contains(got.stdout, "\n127.0.0.1         7     0 ") { // three connects, four announces
		t.Errorf("by networks: %+v", got)
	}
	runWith(t, statusDone, "announce", "--peer-id", "-qB4650-abcdefghijkl", d.urls()["http IPv4"], other.String())
	runWith(t, statusDone, "announce", "--peer-id", "-qB4650-abcdefghijkl", d.urls()["udp IPv4"], other.String())
	if got := top(statusDone, "--by", "clients", "--json"); !strings.Contains(got.stdout, `"prefix":"-qB4650-","name":"qBittorrent","announces":2,`) {
		t.Errorf("by clients: %+v", got)
	}
	if got := top(statusUsage, "--by", "size"); !strings.Contains(got.stderr, "networks, clients") {
		t.Errorf("by size: %+v", got)
	}
	d.stop()
	d = start(t, testSettings(t.TempDir()))
	if got := runWith(t, statusFailed, "top", "--admin", d.base(), "--by", "networks"); !strings.Contains(got.stderr, "set admin.token") {
		t.Errorf("without a token: %+v", got)
	}
	d.stop()
	d = start(t, testSettings(t.TempDir()).with(settings{"tracker.top_clients": "false"}))
	if got := runWith(t, statusFailed, "top", "--admin", d.base(), "--by", "clients"); !strings.Contains(got.stderr, "set tracker.top_clients") {
		t.Errorf("turned off: %+v", got)
	}
}

// runningTrace is keeptrack trace as it runs.
type runningTrace struct {
	t   *testing.T
	cmd *exec.Cmd

	mu  sync.Mutex // guards out
	out bytes.Buffer
}

// Write takes what the command prints.
func (r *runningTrace) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.Write(b)
}

func startTrace(t *testing.T, args ...string) *runningTrace {
	t.Helper()
	r := &runningTrace{t: t, cmd: program(t, t.TempDir(), append([]string{"trace", "--for", "1h"}, args...)...)}
	r.cmd.Stdout, r.cmd.Stderr = r, r
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.cmd.Process.Kill() })
	return r
}

// until waits until something is printed, interrupts the command and returns all of it.
func (r *runningTrace) until(want string) string {
	r.t.Helper()
	text := func() string {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.out.String()
	}
	waitFor(r.t, want, func() bool { return strings.Contains(text(), want) })
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		r.t.Error(err)
	}
	if err := r.cmd.Wait(); err != nil {
		r.t.Errorf("interrupted: %v", err)
	}
	return text()
}

// TestTraceOfADaemon: requests over UDP and HTTP with what became of them, as text and in
// JSON, until it is interrupted.
func TestTraceOfADaemon(t *testing.T) {
	d := start(t, testSettings(t.TempDir()).with(settings{"admin.token": `"sesame"`}))
	hash := hashOf("traced")
	t.Setenv(tokenVariable, "sesame")
	text := startTrace(t, "--admin", d.base(), "--client", "127.0.0.1")
	lines := startTrace(t, "--admin", d.base(), "--hash", hash.String(), "--json")
	waitFor(t, "two traces", func() bool { return d.logged(`"trace begun"`) == 2 })
	announceTo(t, d.urls()["udp IPv4"], hash, 4000, 0, tracker.EventStarted)
	announceTo(t, d.urls()["http IPv4"], hash, 0, 1, tracker.EventStarted)
	announceTo(t, d.urls()["udp IPv4"], hashOf("another"), 4000, 0, tracker.EventStarted)
	scrapeOf(t, d.urls()["http IPv4"], hash)
	got := text.until("http scrape")
	for _, want := range []string{
		"udp announce 127.0.0.1:", hash.String() + " started left 0 port 4000", "-> stored (1 seeders, 0 leechers, 0 peers, again in ",
		"http announce 127.0.0.1 " + hash.String(), "-> not stored: port_zero", hashOf("another").String(),
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in %s", want, got)
		}
	}
	got = lines.until(`"action":"scrape"`)
	for _, want := range []string{`"outcome":"stored"`, `"outcome":"not_stored","reason":"port_zero"`} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in %s", want, got)
		}
	}
	if strings.Contains(got, hashOf("another").String()) || strings.Count(got, "\n") != 3 {
		t.Errorf("of one torrent: %s", got)
	}
	if got := runWith(t, statusUsage, "trace", "--admin", d.base()); !strings.Contains(got.stderr, "--client or --hash") {
		t.Errorf("of nobody: %+v", got)
	}
	if got := runWith(t, statusFailed, "trace", "--admin", d.base(), "--client", "x"); !strings.Contains(got.stderr, "client: must be") {
		t.Errorf("of no address: %+v", got)
	}
}

// TestTraceThatEndsEarly: it is an error, also with another that cannot be reached.
func TestTraceThatEndsEarly(t *testing.T) {
	daemon := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(daemon.Close)
	got := keeptrack("trace", "--client", "::1", "--for", "1h", "--admin", daemon.URL, "--admin", "http://127.0.0.1:1")
	if got.status != statusFailed || strings.Count(got.stderr, daemon.URL+" ended after ") != 1 || strings.Count(got.stderr, "\n") != 2 {
		t.Errorf("got %+v", got)
	}
}

// TestStatusOfADaemonThatTellsNoFigures: its state is shown, in a table and in JSON.
func TestStatusOfADaemonThatTellsNoFigures(t *testing.T) {
	daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		w.Write([]byte("the database is being loaded"))
	}))
	t.Cleanup(daemon.Close)
	got := keeptrack("status", "--admin", daemon.URL)
	if got.status != statusFailed || !strings.Contains(got.stdout, "the database is being loaded") || strings.Contains(got.stdout, "no answer") {
		t.Errorf("got %+v", got)
	}
	got = keeptrack("status", "--admin", daemon.URL, "--json")
	if got.status != statusFailed || !strings.Contains(got.stdout, `"ready":false,"state":"the database is being loaded","error":"`) || strings.Contains(got.stdout, "stats") {
		t.Errorf("got %+v", got)
	}
}

// TestPartialAccessChange: what is in force is printed, and the error names the hash that
// it is about.
func TestPartialAccessChange(t *testing.T) {
	done, failed := strings.Repeat("a", 40), strings.Repeat("b", 40)
	daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet:
			w.Write([]byte(`{"mode":"deny"}`))
		case strings.Contains(r.URL.Path, failed):
			w.WriteHeader(http.StatusInternalServerError)
		default:
			w.Write([]byte(`{"info_hash":"` + done + `","refused":true}`))
		}
	}))
	t.Cleanup(daemon.Close)
	got := keeptrack("access", "refuse", "--admin", daemon.URL, done, failed)
	if got.status != statusFailed || !strings.Contains(got.stdout, done+"  refused") || !strings.Contains(got.stderr, failed+": the daemon at") {
		t.Errorf("got %+v", got)
	}
}

// TestAccessListInPages: overrides come in as many pages as there are.
func TestAccessListInPages(t *testing.T) {
	daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := `{"mode":"deny","overrides":[{"info_hash":"` + strings.Repeat("a", 40) + `","decision":"refuse"}],"next":"` + strings.Repeat("a", 40) + `"}`
		if r.URL.Query().Get("after") != "" {
			page = `{"mode":"deny","overrides":[{"info_hash":"` + strings.Repeat("b", 40) + `","decision":"serve"}]}`
		}
		w.Write([]byte(page))
	}))
	t.Cleanup(daemon.Close)
	got := keeptrack("access", "list", "--admin", daemon.URL)
	if got.status != statusDone || !strings.Contains(got.stdout, strings.Repeat("a", 40)+"  refuse") || !strings.Contains(got.stdout, strings.Repeat("b", 40)+"  serve") {
		t.Errorf("got %+v", got)
	}
}

// TestAdminFlags: whom commands ask, and what is wrong with what was given.
func TestAdminFlags(t *testing.T) {
	off := configFile(t, "[admin]\nlisten = \"\"\n")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"status", "--admin", "127.0.0.1:6970"}, "keeptrack: --admin 127.0.0.1:6970 is neither an http://"},
		{[]string{"status", "--admin="}, "keeptrack: --admin is empty"},
		{[]string{"status", "--config", off}, "keeptrack: " + off + " has no admin address"},
		{[]string{"access", "add", "xyz"}, "keeptrack: xyz: not an info hash"},
		{[]string{"access", "add"}, "keeptrack: HASH is missing"},
	} {
		if got := keeptrack(c.args...); got.status != statusUsage || !strings.HasPrefix(got.stderr, c.want) {
			t.Errorf("%q: %+v, want %q", c.args, got, c.want)
		}
	}
}
