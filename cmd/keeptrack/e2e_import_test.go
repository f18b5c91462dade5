package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"keeptrack/tracker"
)

// TestComingFromOpentracker takes the counts of a running opentracker over, from
// its address and from a file with its reply, and scrapes it.
func TestComingFromOpentracker(t *testing.T) {
	hashes := everyByte()
	slices.Reverse(hashes)
	dir := t.TempDir()
	var list, want strings.Builder
	for _, h := range hashes {
		fmt.Fprintln(&list, h)
	}
	if err := os.WriteFile(filepath.Join(dir, "white"), []byte(list.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	theirs := startOpentracker(t, dir)
	for i, h := range hashes {
		for p := range i {
			announce := fmt.Sprintf("GET /announce?info_hash=%s&port=%d&left=0&event=completed HTTP/1.0\r\n\r\n", escaped(h), 6881+p)
			// It refuses until it has read its whitelist, which it does after it listens.
			waitFor(t, "opentracker to take an announce", func() bool { return strings.Contains(speak(t, theirs, announce), "8:interval") })
		}
		if i > 0 {
			fmt.Fprintf(&want, "%s\t%d\tMINUTE\n", h, i)
		}
	}
	minute := regexp.MustCompile(`\d{8}\n`)
	reply := filepath.Join(dir, "reply")
	raw := speak(t, theirs, "GET /stats?mode=statedump HTTP/1.0\r\n\r\n")
	if err := os.WriteFile(reply, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(raw, "\r\n\r\n")
	packed := filepath.Join(dir, "packed")
	if err := os.WriteFile(packed, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string]string{
		"address": "http://" + theirs + "/stats?mode=statedump", "address alone": "http://" + theirs,
		"reply in a file": reply, "body in a file": packed,
	} {
		db := filepath.Join(t.TempDir(), "keeptrack.db")
		got := runProgram(t, dir, "db", "import", db, source)
		if got.status != statusDone || got.stdout != fmt.Sprintf("%s: lines %d, torrents new or changed %[2]d, lines refused 0\n", db, len(hashes)-1) {
			t.Errorf("%s: %+v", name, got)
		}
		text := minute.ReplaceAllString(runProgram(t, dir, "db", "export", db).stdout, "MINUTE\n")
		if lines := strings.SplitAfter(want.String(), "\n"); text != strings.Join(slices.Sorted(slices.Values(lines)), "") {
			t.Errorf("%s: exported\n%swant\n%s", name, text, &want)
		}
	}
	// A path that is none of a tracker's, and statistics that are no dump.
	for _, path := range []string{"/nowhere", "/stats?mode=nonsense"} {
		got := runProgram(t, dir, "db", "import", filepath.Join(t.TempDir(), "db"), "http://"+theirs+path)
		if got.status != statusFailed || !strings.Contains(got.stderr, "the tracker answers \"4") {
			t.Errorf("%s: %+v", path, got)
		}
	}
	scrapeOpentracker(t, theirs, hashes)
}

// scrapeOpentracker scrapes hashes in an order that is not that of their bytes,
// which opentracker keeps in its reply.
func scrapeOpentracker(t *testing.T, address string, hashes []tracker.InfoHash) {
	t.Helper()
	args := []string{"scrape", "http://" + address + "/announce"}
	var want strings.Builder
	for i, h := range hashes[1:] {
		args = append(args, h.String())
		fmt.Fprintf(&want, "%s seeders %d leechers 0 downloaded %[2]d\n", h, i+1)
	}
	got := runProgram(t, t.TempDir(), args...)
	if got.status != statusDone || got.stdout != want.String() {
		t.Errorf("scrape: %+v, want\n%s", got, &want)
	}
}

// TestImportOfNothingFails: each source without a line is said to have none.
func TestImportOfNothingFails(t *testing.T) {
	empty := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer empty.Close()
	for name, source := range map[string]string{
		"empty file": textFile(t, ""), "comments alone": textFile(t, "# nothing\n\n# at all\n"),
		"a head alone": textFile(t, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), "a tracker": empty.URL + "/stats?mode=statedump",
	} {
		db := filepath.Join(t.TempDir(), "keeptrack.db")
		got := keeptrack("db", "import", db, source)
		want := outcome{statusFailed, db + ": lines 0, torrents new or changed 0, lines refused 0\n",
			"keeptrack: " + source + ": it has no lines: nothing was imported\n"}
		if got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		if got := keeptrack("db", "import", "--json", db, source); got.status != statusFailed || !strings.Contains(got.stdout, `"lines":0`) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestImportFromAHostileTracker: what it sends is bounded, and shown on a
// terminal as it is not meant to be.
func TestImportFromAHostileTracker(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		says   string
	}{
		{"an error with control characters", func(w http.ResponseWriter, _ *http.Request) {
			h, _, _ := http.NewResponseController(w).Hijack()
			_, _ = h.Write([]byte("HTTP/1.0 500 \x1b[31mred\r\nA: b\r\n\r\n"))
			_ = h.Close()
		}, `the tracker answers "500 \x1b[31mred"`},
		{"elsewhere", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "http://127.0.0.1:1/", 302) }, `"302 Found"`},
		{"nonsense", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(strings.Repeat("x\n", 20_000))) }, "lines refused: 20000"},
		{"a line without end", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) }, ":1: the line is longer than 4096 bytes"},
		{"less than promised", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(someText))
		}, "the reply is cut off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewServer(c.answer)
			defer s.Close()
			got := keeptrack("db", "import", filepath.Join(t.TempDir(), "db"), s.URL+"/stats?mode=statedump")
			if got.status != statusFailed || !strings.Contains(got.stderr, c.says) || strings.Contains(got.stderr, "\x1b") {
				t.Errorf("got %+v", got)
			}
			if lines := strings.Count(got.stderr, "\n"); lines > maxComplaints+2 {
				t.Errorf("%d lines of complaints", lines)
			}
		})
	}
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer silent.Close()
	got := keeptrack("db", "import", "--timeout", "50ms", filepath.Join(t.TempDir(), "db"), silent.URL)
	if got.status != statusFailed || !strings.Contains(got.stderr, "it took longer than 50ms") {
		t.Errorf("silent: %+v", got)
	}
	if got := keeptrack("db", "import", "db", "http://"); got.status != statusUsage {
		t.Errorf("no host: %+v", got)
	}
}
