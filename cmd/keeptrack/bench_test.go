package main

import (
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/cmd/internal/bench"
	"keeptrack/tracker"
	"keeptrack/tracker/udp"
)

// startUDP serves a tracker on the loopback until the test ends, and returns it
// with its URL.
func startUDP(t *testing.T) (*tracker.Tracker, string) {
	t.Helper()
	tr := tracker.New(tracker.Options{
		AnnounceInterval: 30 * time.Minute,
		PeerTimeout:      45 * time.Minute,
		DefaultNumWant:   50,
		MaxNumWant:       200,
		AllowPrivate:     true,
	}, time.Now())
	o := udp.Options{Workers: 1, ConnectionIDLifetime: 10 * time.Minute, Secrets: [][]byte{make([]byte, 16)}, Log: zerolog.Nop()}
	var sockets udp.Sockets
	if err := sockets.Open(o, netip.MustParseAddrPort("127.0.0.1:0"), nil); err != nil {
		t.Fatal(err)
	}
	s, err := udp.New(o, &sockets, tr)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return tr, "udp://" + s.Addrs()[0].String() + "/announce"
}

func TestBenchFillsKeeptrack(t *testing.T) {
	tr, url := startUDP(t)
	got := keeptrack("bench", url, "--fill", "--torrents", "500", "--peers", "3", "--sources", "4", "--window", "20", "--timeout", "30s", "--json")
	if got.status != statusDone {
		t.Fatalf("got %+v", got)
	}
	var r bench.Report
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil {
		t.Fatal(err)
	}
	if r.Sent != 1500 || r.Good != 1500 || r.Announces != 1500 || r.Wrong+r.Errors+r.Lost != 0 {
		t.Errorf("got %s", got.stdout)
	}
	if n := tr.Torrents(); n != 500 {
		t.Errorf("the tracker has %d torrents, want 500", n)
	}
}

func TestBenchPutsKeeptrackUnderLoad(t *testing.T) {
	_, url := startUDP(t)
	got := keeptrack("bench", url, "--requests", "5000", "--torrents", "50", "--window", "20", "--timeout", "30s")
	if got.status != statusDone || got.stderr != "" {
		t.Fatalf("got %+v", got)
	}
	for _, want := range []string{"sent       5000 requests", "good       5000 replies", "0 errors, 0 wrong, 0 lost", "latency    p50"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("there is no %q in\n%s", want, got.stdout)
		}
	}
}

func TestBenchWithoutAnswersFails(t *testing.T) {
	// Port 9 of an address that nobody has.
	got := keeptrack("bench", "http://127.9.9.9:9/announce", "--requests", "3")
	if got.status != statusFailed || got.stderr != "keeptrack: nothing was answered\n" || !strings.Contains(got.stdout, "3 lost") {
		t.Errorf("got %+v", got)
	}
}

func TestBenchWritesHashes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hashes.txt")
	got := keeptrack("bench", "--torrents", "20", "--write-hashes", path)
	if got != (outcome{}) {
		t.Fatalf("got %+v", got)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(text))
	if len(lines) != 20 {
		t.Fatalf("%d lines, want 20", len(lines))
	}
	for _, line := range lines {
		if _, err := tracker.ParseInfoHash(line); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestBenchWrongUsage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hashes.txt")
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"no URL", nil, "keeptrack: the URL of a tracker is missing, see keeptrack bench --help\n"},
		{"two URLs", []string{"udp://a:1", "udp://b:1"}, "keeptrack: there is more than one URL, see keeptrack bench --help\n"},
		{"no tracker's URL", []string{"ftp://a"}, "keeptrack: ftp://a: the URL of a load starts with udp:// or http://\n"},
		{"no scheme", []string{"127.0.0.1:6969"}, "keeptrack: 127.0.0.1:6969: the URL of a load starts with udp:// or http://\n"},
		{"mix", []string{"udp://a:1", "--mix", "anounce=1"}, "keeptrack: unknown kind of request \"anounce\": it must be one of connect, announce, scrape\n"},
		{"events", []string{"udp://a:1", "--events", "started"}, "keeptrack: \"started\" is not NAME=SHARE\n"},
		{"torrents", []string{"udp://a:1", "--torrents", "0"}, "keeptrack: torrents: 0 is not from 1 to 1073741824\n"},
		{"hashes of no torrents", []string{"--write-hashes", path, "--torrents", "0"}, "keeptrack: torrents: 0 is not from 1 to 1073741824\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := keeptrack(append([]string{"bench"}, c.args...)...); got != (outcome{statusUsage, "", c.want}) {
				t.Errorf("got %+v, want status %d and %q", got, statusUsage, c.want)
			}
		})
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("a refused command leaves a file: %v", err)
	}
}
