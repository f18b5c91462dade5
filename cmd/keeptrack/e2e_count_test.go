package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keeptrack/tracker"
)

// TestCountsStopWhereClientsStillReadThem completes a torrent at the largest
// integer of bencoding, and reads it over HTTP, UDP and as text.
func TestCountsStopWhereClientsStillReadThem(t *testing.T) {
	const most = 1<<63 - 1
	dir := t.TempDir()
	hash, text := hashOf("popular"), filepath.Join(dir, "text")
	db := filepath.Join(dir, "keeptrack.db")
	write := func(count uint64) {
		if err := os.WriteFile(text, fmt.Appendf(nil, "%s\t%d\t29000000\n", hash, count), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(most + 1)
	got := runProgram(t, dir, "db", "import", db, text)
	if got.status != statusFailed || !strings.Contains(got.stderr, "larger than 9223372036854775807") {
		t.Errorf("import of a larger count: %+v", got)
	}
	write(most - 1)
	if got := runProgram(t, dir, "db", "import", db, text); got.status != statusDone {
		t.Fatalf("import: %+v", got)
	}
	d := start(t, testSettings(dir).with(settings{"tracker.torrent_timeout": `"0"`}))
	for n := range uint16(3) {
		announceTo(t, d.urls()["http IPv4"], hash, 6881+n, 1, tracker.EventStarted)
		announceTo(t, d.urls()["http IPv4"], hash, 6881+n, 0, tracker.EventCompleted)
	}
	if r := announceTo(t, d.urls()["http IPv4"], hash, 0, 1, tracker.EventNone); r.Downloaded == nil || *r.Downloaded != most {
		t.Errorf("announce: %+v", r)
	}
	waitScrape(t, d.urls()["http IPv4"], hash, 3, 0, most)
	waitScrape(t, d.urls()["udp IPv4"], hash, 3, 0, 1<<32-1)
	d.stop()
	if got := runProgram(t, dir, "db", "export", db); !strings.HasPrefix(got.stdout, hash.String()+"\t9223372036854775807\t") {
		t.Errorf("export: %+v", got)
	}
}
