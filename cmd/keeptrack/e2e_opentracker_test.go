package main

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"keeptrack/internal/testenv"
	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
)

// TestStatsAreOpentrackers sends the same requests to opentracker and to a
// daemon, and compares what they say in every mode.
func TestStatsAreOpentrackers(t *testing.T) {
	hashes := everyByte()
	var list strings.Builder
	for _, h := range hashes {
		fmt.Fprintln(&list, h)
	}
	dir := t.TempDir()
	whitelist := filepath.Join(dir, "white")
	if err := os.WriteFile(whitelist, []byte(list.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	theirs := startOpentracker(t, dir)
	d := start(t, testSettings(t.TempDir()).with(settings{
		"access.mode": `"allow"`, "access.file": fmt.Sprintf("%q", whitelist),
	}))
	sameLoad(t, theirs, theirs, hashes)
	sameLoad(t, d.http4, d.udp4, hashes)
	for _, query := range []string{
		"", "?mode=peer", "?mode=torr", "?mode=conn", "?mode=scrp", "?mode=udp4", "?mode=tcp4", "?mode=completed",
		"?mode=syncs", "?mode=top10", "?mode=top100", "?mode=renew", "?mode=everything", "?mode=statedump",
		"?mode=tpbs&format=txt", "?mode=tpbs&format=txtp", "?mode=tpbs&format=url", "?mode=tpbs&format=ben",
		"?mode=tpbs&format=bin", "?mode=nonsense", "?other=1",
	} {
		wantStatus, want := statsOf(t, theirs, query)
		status, got := statsOf(t, d.admin, query)
		if status != wantStatus || got != want {
			t.Errorf("/stats%s: keeptrack %d\n%q\nopentracker %d\n%q", query, status, got, wantStatus, want)
		}
	}
}

// everyByte returns info hashes that have every byte between them.
func everyByte() (hashes []tracker.InfoHash) {
	for i := range 13 {
		var h tracker.InfoHash
		for j := range h {
			h[j] = byte(i*len(h) + j)
		}
		hashes = append(hashes, h)
	}
	return hashes
}

// startOpentracker runs opentracker with the whitelist in dir on a loopback
// address, which is returned, until the test ends.
func startOpentracker(t *testing.T, dir string) (address string) {
	t.Helper()
	testenv.NeedProgram(t, "opentracker")
	address = fmt.Sprintf("127.0.0.1:%d", freePort(t))
	// Started by root, it sees no other directory than this.
	config := configFile(t, fmt.Sprintf("listen.tcp_udp %s\naccess.whitelist white\naccess.stats 127.0.0.1\n"+
		"tracker.rootdir %s\ntracker.user nobody\n", address, dir))
	ended := startForeign(t, "opentracker", exec.Command("opentracker", "-f", config))
	waitFor(t, "opentracker", func() bool {
		select {
		case <-ended:
			t.Fatal("opentracker ended at its start")
		default:
		}
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return address
}

// sameLoad sends the requests that are counted, all of them as both trackers
// take them.
func sameLoad(t *testing.T, web, datagrams string, hashes []tracker.InfoHash) {
	t.Helper()
	ask := func(path string) { speak(t, web, "GET "+path+" HTTP/1.0\r\n\r\n") }
	announce := func(hash tracker.InfoHash, port, left int, event string) {
		ask(fmt.Sprintf("/announce?info_hash=%s&peer_id=aaaaaaaaaaaaaaaaaaaa&port=%d&uploaded=0&downloaded=0&left=%d&compact=1&event=%s",
			escaped(hash), port, left, event))
	}
	for i, h := range hashes {
		for p := range 1 + i%4 {
			announce(h, 6881+p, p%2, "started")
		}
	}
	announce(hashes[3], 6881, 0, "completed")
	announce(hashes[3], 6881, 0, "completed")
	announce(hashes[5], 6882, 0, "completed")
	announce(hashes[7], 6884, 1, "stopped")
	announce(hashOf("not on the list"), 6881, 1, "started")
	ask("/scrape?info_hash=" + escaped(hashes[0]) + "&info_hash=" + escaped(hashes[1]))
	ask("/announce?info_hash=short&port=6881")
	ask("/announce?info_hash=" + escaped(hashes[0]) + "&port=99999")
	ask("/nowhere")
	speak(t, web, "HELLO\r\n\r\n")

	w := newLone(t, datagrams)
	for i, event := range []uint32{uint32(tracker.EventCompleted), uint32(tracker.EventStarted), 0} {
		w.ask(bep15.AnnounceRequest{
			ConnectionID: w.id, InfoHash: hashes[2], Left: uint64(i), Event: event, NumWant: -1, Port: uint16(7001 + i),
		}.Append(nil))
	}
	w.ask(bep15.ScrapeRequest{ConnectionID: w.id, InfoHashes: append(hashes[0][:], hashes[1][:]...)}.Append(nil))
	w.ask(bep15.ScrapeRequest{ConnectionID: ^w.id, InfoHashes: hashes[0][:]}.Append(nil))
}

// apart is where the two may differ: in what the moment of asking decides, in
// what names the tracker, and in the requests for statistics themselves, which
// opentracker counts as it has one port for all.
var apart = []struct {
	in *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`\d+ seconds \(\d+ hours\)`), "SECONDS"},
	{regexp.MustCompile(`\d+ (conns|success|scrape|completed)/`), "RATE $1/"},
	{regexp.MustCompile(`(?s)<tracker_id>.*</uptime>`), "NAME"},
	{regexp.MustCompile(`<accept>\d+<`), "<accept>N<"},
	{regexp.MustCompile(`(?m)^([0-9A-F]{40}):\d{8}:`), "$1:MINUTE:"},
}

// statsOf reads /stats, without that which may differ. It takes a connection
// for each request, since opentracker leaves further ones unanswered.
func statsOf(t *testing.T, address, query string) (status int, body string) {
	t.Helper()
	reply := speak(t, address, "GET /stats"+query+" HTTP/1.0\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(reply)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	in := io.Reader(resp.Body)
	if resp.Header.Get("Content-Encoding") == "gzip" {
		if in, err = gzip.NewReader(in); err != nil {
			t.Fatal(err)
		}
	}
	text, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	body = string(text)
	for _, a := range apart {
		body = a.in.ReplaceAllString(body, a.by)
	}
	if query == "?mode=conn" || query == "?mode=tcp4" { // the first line counts connections
		_, body, _ = strings.Cut(body, "\n")
	}
	return resp.StatusCode, body
}
