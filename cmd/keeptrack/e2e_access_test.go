package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"keeptrack/cmd/internal/bench"
	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
)

// api sends a request to the JSON interface and returns status and body.
func (d *instance) api(method, path string) (status int, body string) {
	d.t.Helper()
	return d.ask(method, "/api/v1/"+path)
}

// mustAPI is api for what has to work.
func (d *instance) mustAPI(method, path string) (body string) {
	d.t.Helper()
	status, body := d.api(method, path)
	if status != http.StatusOK {
		d.t.Errorf("%s %s: %d %s", method, path, status, body)
	}
	return body
}

// TestAccessListByAPI: what is added and taken off is in force at once, over
// every transport, and outlives reloads and restarts; what was refused is as
// before once it is served again.
func TestAccessListByAPI(t *testing.T) {
	inFile, other := hashOf("in the file"), hashOf("another")
	list := listed(t, "in the file")
	s := testSettings(t.TempDir()).with(settings{"access.mode": `"deny"`, "access.file": fmt.Sprintf("%q", list)})
	d := start(t, s)
	announceTo(t, d.urls()["udp IPv4"], other, 4000, 0, tracker.EventCompleted)
	wantRefused := func(d *instance, file, another bool) {
		t.Helper()
		for name, url := range d.urls() {
			if f, o := refuses(t, url, inFile), refuses(t, url, other); f != file || o != another {
				t.Errorf("%s: refused are the file's %v, the other %v; want %v, %v", name, f, o, file, another)
			}
			if n := scrapeOf(t, url, other)[0].Seeders; (n == 0) != another {
				t.Errorf("%s: a scrape says %d seeders", name, n)
			}
		}
	}
	wantRefused(d, true, false)
	d.mustAPI("PUT", "access/"+other.String())
	d.mustAPI("DELETE", "access/"+inFile.String())
	wantRefused(d, false, true)
	if n := d.logged(`"access list changed"`); n != 2 || d.logged(other.String()) == 0 || d.logged(`"client":"127.0.0.1:`) == 0 {
		t.Errorf("%d lines about changes in the log", n)
	}
	d.mustAPI("POST", "access/reload")
	wantRefused(d, false, true)

	// A list that cannot be used is named and leaves everything as it was.
	if err := os.WriteFile(list, []byte("# nothing\nnonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, body := d.api("POST", "access/reload"); status != http.StatusUnprocessableEntity || !strings.Contains(body, list+": line 2: ") {
		t.Errorf("a bad list: %d %s", status, body)
	}
	d.mustAPI("DELETE", "access/"+inFile.String()+"/override")
	wantRefused(d, true, true)
	if err := os.WriteFile(list, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d.stop()

	d = start(t, s)
	wantRefused(d, false, true)
	if body := d.mustAPI("GET", "access"); !strings.Contains(body, `"override_count":1`) || !strings.Contains(body, other.String()) {
		t.Errorf("the access list is %s", body)
	}
	d.mustAPI("DELETE", "access/"+other.String())
	if row := scrapeOf(t, d.urls()["udp IPv4"], other)[0]; row.Downloaded != 1 {
		t.Errorf("served again with %d downloads, want 1", row.Downloaded)
	}
	d.stop()
}

// TestAPIOnARunningDaemon: torrents, top lists and checkpoints.
func TestAPIOnARunningDaemon(t *testing.T) {
	s := testSettings(t.TempDir()).with(settings{"store.checkpoint_interval": `"1h"`})
	d := start(t, s)
	hash := hashOf("downloaded once")
	announceTo(t, d.urls()["http IPv4"], hash, 4000, 0, tracker.EventCompleted)
	announceTo(t, d.urls()["udp IPv4"], hash, 4001, 1, tracker.EventStarted)
	want := fmt.Sprintf(`"info_hash":"%s","seeders":1,"leechers":1,"downloaded":1,`, hash)
	for _, path := range []string{"torrents", "torrents/" + hash.String(), "top?by=downloaded", "top"} {
		if body := d.mustAPI("GET", path); !strings.Contains(body, want) {
			t.Errorf("%s: %s", path, body)
		}
	}
	if body := d.mustAPI("GET", "stats"); !strings.Contains(body, `"torrents":1,"peers":{"ipv4":2,"ipv6":0},"seeders":{"ipv4":1,`) {
		t.Errorf("stats: %s", body)
	}
	if body := d.mustAPI("POST", "checkpoint"); !strings.Contains(body, `"records":1,`) {
		t.Errorf("checkpoint: %s", body)
	}
	d.kill() // what the checkpoint wrote is on disk
	if d = start(t, s); d.torrents != 1 {
		t.Errorf("%d torrents after a kill", d.torrents)
	}
}

// TestReloadsUnderLoad reloads the config and a list of many info hashes again
// and again while torrents on the list are announced: no request is lost or
// answered by a list that is not whole, nothing grows, and a config that is
// invalid changes nothing.
func TestReloadsUnderLoad(t *testing.T) {
	dir := t.TempDir()
	list := filepath.Join(dir, "list")
	if out := runProgram(t, dir, "bench", "--torrents", "1000", "--write-hashes", list); out.status != statusDone {
		t.Fatalf("%+v", out)
	}
	writeMore(t, list, 50_000)
	path := testSettings(dir).with(settings{"access.mode": `"allow"`, "access.file": fmt.Sprintf("%q", list)}).write(t)
	d := startIn(t, dir, "serve", "--config", path)
	valid, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	reload := func(text []byte, message string) {
		t.Helper()
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		before := d.logged(message)
		if err := d.Cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		waitFor(t, message, func() bool { return d.logged(message) > before })
	}
	done := make(chan struct{})
	reports := make(chan bench.Report, 1)
	go func() {
		defer close(reports)
		for {
			select {
			case <-done:
				return
			default:
			}
			out := runProgram(t, dir, "bench", "--json", "--mix", "announce=1", "--old-ids", "0", "--torrents", "1000",
				"--rate", "500", "--duration", "2s", "--timeout", patience.String(), "udp://"+d.udp4+"/announce")
			var r bench.Report
			if err := json.Unmarshal([]byte(out.stdout), &r); err != nil || r.Sent == 0 || r.Good != r.Sent {
				t.Errorf("bench: %+v, %v", out, err)
			}
			select {
			case reports <- r:
			default:
			}
		}
	}()
	<-reports // by now everything that is kept has been opened
	before, resident := d.metrics(), d.memory()
	reloads := testenv.Pick(20, 1000)
	for i := range reloads {
		if i%10 == 9 {
			reload([]byte("[access]\nmode = \"open\"\n[udp]\nworkers = -1\n"), `"reload refused`)
		} else {
			reload(valid, `"config reloaded"`)
		}
	}
	close(done)
	for range reports { // the last one
	}
	for _, name := range []string{"go_goroutines", "process_open_fds"} {
		waitFor(t, name+" to come back", func() bool { return d.metric(name) <= before[name]+3 })
	}
	const heap = "go_memstats_heap_inuse_bytes"
	waitFor(t, "the memory to come back", func() bool { return d.metric(heap) < before[heap]+8<<20 })
	t.Logf("%d reloads; resident %d MiB before, %d after", reloads, resident>>20, d.memory()>>20)
	d.stop()
}

// writeMore appends made-up info hashes to a list.
func writeMore(t *testing.T, path string, n int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for i := range n {
		fmt.Fprintf(&text, "%s\n", hashOf(fmt.Sprint(i)))
	}
	if _, err := f.Write(text.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
