package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"keeptrack/cmd/testenv"
	"keeptrack/livesync/transport/nats/natstest"
	"keeptrack/tracker"
)

// natsServer returns the path of a NATS server.
func natsServer(t *testing.T) string {
	t.Helper()
	path, err := natstest.Binary(testenv.Required())
	testenv.Need(t, "run nats-server", err)
	return path
}

// secretFile returns the path of a file that others cannot read.
func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// overNATS returns what live sync needs to run over a server without a login.
func overNATS(address string) settings {
	return settings{
		"livesync.enabled":   "true",
		"livesync.transport": `"nats"`,
		"livesync.nats_urls": fmt.Sprintf(`["nats://%s"]`, address),
		"livesync.max_delay": `"20ms"`,
	}
}

// lines is what a program has printed so far.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) have(part string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), part)
}

// TestNATS has a server with a password that comes after the instances, goes and comes
// back.
func TestNATS(t *testing.T) {
	server := natstest.Start(t, `authorization { user: keeptrack, password: "pass word" }`, natsServer(t))
	server.Stop()
	group := overNATS(server.Address).with(settings{
		"livesync.nats_user":          `"keeptrack"`,
		"livesync.nats_password_file": fmt.Sprintf("%q", secretFile(t, "pass word\n")),
		"livesync.nats_subject":       `"site.keeptrack"`,
	})
	first := start(t, testSettings(t.TempDir()).with(group))
	second := start(t, testSettings(t.TempDir()).with(group))
	isDown := func() bool {
		status, text := first.readyz()
		return strings.Contains(text, "live sync is down since") && (status == http.StatusOK || strings.Contains(text, "waiting"))
	}
	waitFor(t, "/readyz tells of the server that is not there", isDown)
	server.Resume()
	waitFor(t, "both are connected", func() bool {
		return first.metric("keeptrack_livesync_up") == 1 && second.metric("keeptrack_livesync_up") == 1
	})

	watch := program(t, t.TempDir(), "livesync", "watch", "--config", testSettings(t.TempDir()).with(group).write(t))
	var printed lines
	watch.Stdout, watch.Stderr = &printed, &printed
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	n := 0
	waitFor(t, "watch prints a peer", func() bool {
		n++
		announceTo(t, first.urls()["udp IPv4"], hashOf(fmt.Sprint(n)), 6881, 0, tracker.EventStarted)
		return printed.have(hashOf("1").String()) || printed.have(" live ")
	})
	if err := watch.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := watch.Wait(); err != nil {
		t.Errorf("%v: %s", err, &printed.text)
	}
	waitScrape(t, second.urls()["udp IPv4"], hashOf("1"), 1, 0, 0)

	server.Stop()
	waitFor(t, "/readyz tells of the server that is gone", isDown)
	server.Resume()
	waitFor(t, "the first is connected again", func() bool { return first.metric("keeptrack_livesync_rejoined_total") == 1 })
	waitFor(t, "so is the second", func() bool { return second.metric("keeptrack_livesync_rejoined_total") == 1 })
	settle(t, first, second)
	settle(t, second, first)
}

// TestNATSCredentials has instances log in with a credentials file. One with that of a
// user whom the server does not know serves its clients and says why it is alone.
func TestNATSCredentials(t *testing.T) {
	accounts, file := natstest.Credentials(t)
	_, foreign := natstest.Credentials(t)
	server := natstest.Start(t, accounts, natsServer(t))
	member := func(file []byte) *instance {
		return start(t, testSettings(t.TempDir()).with(overNATS(server.Address)).with(settings{
			"livesync.nats_credentials": fmt.Sprintf("%q", secretFile(t, string(file))),
		}))
	}
	first, second, outsider := member(file), member(file), member(foreign)
	for _, d := range []*instance{first, second} {
		waitFor(t, "a login", func() bool { return d.metric("keeptrack_livesync_up") == 1 })
	}
	waitFor(t, "both to hear each other", func() bool {
		return first.metric("keeptrack_livesync_instances") == 1 && second.metric("keeptrack_livesync_instances") == 1
	})
	settle(t, first, second)
	settle(t, second, first)
	waitFor(t, "/readyz tells of the refused login", func() bool {
		_, text := outsider.readyz()
		return strings.Contains(strings.ToLower(text), "authorization violation")
	})
	announceTo(t, outsider.urls()["udp IPv4"], hashOf("any"), 6881, 0, tracker.EventStarted)
	outsider.stop()
	said := strings.Join(outsider.log, "\n")
	for _, word := range strings.Fields(string(foreign)) {
		if len(word) > 40 && strings.Contains(said, word) { // the JWT, the seed
			t.Errorf("the credentials are in the log:\n%s", said)
		}
	}
}

// TestNATSFilesThatCannotBeUsed holds that they are named at the start.
func TestNATSFilesThatCannotBeUsed(t *testing.T) {
	bad := secretFile(t, "hunter2")
	open := secretFile(t, "hunter2")
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	for want, more := range map[string]settings{
		"livesync.nats_credentials: " + bad + ": has no user JWT":                {"livesync.nats_credentials": fmt.Sprintf("%q", bad)},
		"livesync.nats_credentials: " + open + ": its mode 0644 gives everybody": {"livesync.nats_credentials": fmt.Sprintf("%q", open)},
		"livesync.nats_ca: " + bad + ": has no certificate in PEM":               {"livesync.nats_ca": fmt.Sprintf("%q", bad)},
		"livesync.nats_ca: open /none: no such file":                             {"livesync.nats_ca": `"/none"`},
		"livesync.nats_password_file: ":                                          {"livesync.nats_user": `"u"`, "livesync.nats_password_file": `"/none"`},
	} {
		path := testSettings(t.TempDir()).with(overNATS("127.0.0.1:1")).with(more).write(t)
		for _, args := range [][]string{{"serve", "--config", path}, {"config", "check", path}, {"livesync", "watch", "--config", path}} {
			got := keeptrack(args...)
			if got.status != statusUsage || !strings.Contains(got.stderr, want) || strings.Contains(got.stderr+got.stdout, "hunter2") {
				t.Errorf("%s: got %+v, want %q", args[0], got, want)
			}
		}
	}
}
