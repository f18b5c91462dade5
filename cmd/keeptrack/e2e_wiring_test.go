package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"keeptrack/cmd/internal/client"
	syncwire "keeptrack/livesync/wire"
	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
)

// wiring is what shows that a key of the config, or a few that go together, is
// in force in the daemon.
var wiring = []struct {
	name  string
	keys  settings // LIST stands for the file that listed writes
	shows func(*testing.T, *instance)
}{
	{"announce_interval", settings{"tracker.announce_interval": `"20m"`, "tracker.interval_jitter": `"0"`}, showsInterval},
	{"min_announce_interval", settings{"tracker.min_announce_interval": `"4m"`}, showsMinInterval},
	{"peer_timeout", settings{"tracker.peer_timeout": `"1s"`}, showsPeerTimeout},
	{"torrent_timeout", settings{"tracker.torrent_timeout": `"1s"`, "tracker.peer_timeout": `"5s"`}, showsTorrentTimeout},
	{"max_memory", settings{"tracker.max_memory": `"64MiB"`}, showsMemoryLimit(64 << 20)},
	{"no max_memory", settings{"tracker.max_memory": `"0"`}, showsMemoryLimit(0)},
	{"max_memory of this host", nil, func(t *testing.T, d *instance) {
		if limit := d.metric("keeptrack_memory_limit_bytes"); limit < 1<<20 || limit > 1<<50 {
			t.Errorf("a limit of %g bytes", limit)
		}
	}},
	{"max_torrents", settings{"tracker.max_torrents": "1"}, showsMaxTorrents},
	{"default_numwant", settings{"tracker.default_numwant": "2"}, handsOut(2, 5)},
	{"max_numwant", settings{"tracker.max_numwant": "3"}, handsOut(3, 3)},
	{"allow_private_addresses", settings{"tracker.allow_private_addresses": "false"}, storesNoLoopbackPeer},
	{"no top_clients", settings{"tracker.top_clients": "false"}, func(t *testing.T, d *instance) {
		if status, body := d.api("GET", "clients"); status != http.StatusConflict {
			t.Errorf("%d %s", status, body)
		}
	}},
	{"connection_id_lifetime", settings{"udp.connection_id_lifetime": `"1s"`}, showsLifetime},
	{"connection_secret", settings{"udp.connection_secret": secretOf('a')}, sharesSecret},
	{"trusted_proxies", settings{"http.trusted_proxies": `["127.0.0.0/8"]`}, seesAddress(203, 0, 113, 7)},
	{"no trusted_proxies", nil, seesAddress(127, 0, 0, 1)},
	{"full_scrape", settings{"http.full_scrape": "true"}, fullScrapeSays("d5:filesd20:")},
	{"no full_scrape", nil, fullScrapeSays("full scrape is not allowed")},
	{"redirect_url", settings{"http.redirect_url": `"https://example.org/"`}, rootSays(http.StatusFound, "https://example.org/")},
	{"no redirect_url", nil, rootSays(http.StatusNotFound, "")},
	{"page and contact", settings{"http.page": "true", "http.contact": `"abuse@example.org"`}, showsPage},
	{"page and redirect_url", settings{"http.page": "true", "http.redirect_url": `"https://example.org/"`}, rootSays(http.StatusFound, "https://example.org/")},
	{"max_connections", settings{"http.max_connections": "1"}, holdsOneConnection},
	{"https.max_connections", settings{"https.listen": `["127.0.0.1:0"]`, "https.certificate": "CERTIFICATE", "https.key": "KEY", "https.max_connections": "1"}, holdsOneOverTLS},
	{"admin.token", settings{"admin.token": `"sesame"`}, showsToken},
	{"admin.read_token", settings{"admin.token": `"sesame"`, "admin.read_token": `"window"`}, showsReadToken},
	{"deny list", settings{"access.mode": `"deny"`, "access.file": "LIST"}, serves(false, true)},
	{"allow list", settings{"access.mode": `"allow"`, "access.file": "LIST"}, serves(true, false)},
	{"checkpoint_interval", settings{"store.checkpoint_interval": `"100ms"`}, func(_ *testing.T, d *instance) {
		d.waitMetric("keeptrack_checkpoint_total", 3)
	}},
}

// TestEveryKeyIsInForce starts the program with each.
func TestEveryKeyIsInForce(t *testing.T) {
	list, https := listed(t, "listed"), newAuthority(t).settings("localhost")
	for _, c := range wiring {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // some wait for a timeout
			s := testSettings(t.TempDir()).with(c.keys)
			for key, value := range s {
				s[key] = strings.NewReplacer("LIST", fmt.Sprintf("%q", list), "CERTIFICATE", https["https.certificate"], "KEY", https["https.key"]).Replace(value)
			}
			c.shows(t, start(t, s))
		})
	}
}

// TestUnicastKeysAreInForce reads what an instance sends to a peer.
func TestUnicastKeysAreInForce(t *testing.T) {
	peer, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	listen := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	start(t, testSettings(t.TempDir()).with(sealed(t, groupKey("a"))).with(settings{
		"livesync.enabled": "true", "livesync.transport": `"unicast"`,
		"livesync.listen": fmt.Sprintf("%q", listen), "livesync.peers": fmt.Sprintf("[%q, %q]", listen, peer.LocalAddr()),
	}))
	if err := peer.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var packet [1500]byte
	n, from, err := peer.ReadFrom(packet[:])
	for err == nil && n == 24 { // asks whether the peer is itself
		n, from, err = peer.ReadFrom(packet[:])
	}
	if err != nil || from.String() != listen || !syncwire.Sealed(packet[:n]) {
		t.Errorf("%d bytes from %v, %v: %x", n, from, err, packet[:n])
	}
}

// TestSIGHUP changes the access list and the log level of a running program.
func TestSIGHUP(t *testing.T) {
	s := testSettings(t.TempDir())
	path := s.write(t)
	d := startIn(t, t.TempDir(), "serve", "--config", path)
	url := d.urls()["http IPv4"]
	reload := func(level, name string) {
		t.Helper()
		next := s.with(settings{
			"log.level": fmt.Sprintf("%q", level), "access.mode": `"deny"`,
			"access.file": fmt.Sprintf("%q", listed(t, name)),
		})
		if err := os.Rename(next.write(t), path); err != nil {
			t.Fatal(err)
		}
		if err := d.Cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the list of "+name, func() bool { return refuses(t, url, hashOf(name)) })
	}
	reload("error", "first") // its line, of a lower level, is not written
	reload("info", "second")
	if refuses(t, url, hashOf("first")) {
		t.Error("the first list is still in force")
	}
	waitFor(t, "the line about the reload", func() bool { return d.logged(`"config reloaded"`) > 0 })
	if n := d.logged(`"config reloaded"`); n != 1 {
		t.Errorf("%d lines about reloads, want that at level info only", n)
	}
}

// listed writes an access list of the torrents and returns its path.
func listed(t *testing.T, names ...string) string {
	t.Helper()
	var text strings.Builder
	for _, name := range names {
		fmt.Fprintf(&text, "%s # %s\n", hashOf(name), name)
	}
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// logged returns how many lines of the log hold text.
func (d *instance) logged(text string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, line := range d.log {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// refuses says whether an announce of the torrent is refused: with an error over
// HTTP, over UDP with the longest interval and nobody there.
func refuses(t *testing.T, url string, hash tracker.InfoHash) bool {
	t.Helper()
	r, err := client.Announce(t.Context(), url, client.Request{InfoHash: hash, Port: 6881})
	if _, refused := errors.AsType[*client.Failure](err); err != nil && !refused {
		t.Fatal(err)
	}
	return err != nil || r.Interval == 3*time.Hour && r.Seeders+r.Leechers == 0
}

func serves(listed, other bool) func(*testing.T, *instance) {
	return func(t *testing.T, d *instance) {
		for name, want := range map[string]bool{"listed": listed, "other": other} {
			if got := !refuses(t, d.urls()["http IPv4"], hashOf(name)); got != want {
				t.Errorf("the %s torrent is served: %v", name, got)
			}
		}
	}
}

func showsInterval(t *testing.T, d *instance) {
	for range 5 { // with the default jitter, all of them would hardly be the same
		if r := announceTo(t, d.urls()["udp IPv4"], hashOf("any"), 6881, 1, tracker.EventStarted); r.Interval != 20*time.Minute {
			t.Errorf("interval %s", r.Interval)
		}
	}
}

func showsMinInterval(t *testing.T, d *instance) {
	if r := announceTo(t, d.urls()["http IPv4"], hashOf("any"), 6881, 1, tracker.EventStarted); r.MinInterval != 4*time.Minute {
		t.Errorf("min interval %s", r.MinInterval)
	}
}

// showsPeerTimeout: the peer goes, the torrent and its count stay.
func showsPeerTimeout(t *testing.T, d *instance) {
	url := d.urls()["udp IPv4"]
	announceTo(t, url, hashOf("any"), 6881, 0, tracker.EventCompleted)
	waitScrape(t, url, hashOf("any"), 0, 0, 1)
}

// showsTorrentTimeout: the count goes with the torrent, which no peer is left
// of.
func showsTorrentTimeout(t *testing.T, d *instance) {
	url := d.urls()["udp IPv4"]
	announceTo(t, url, hashOf("any"), 6881, 0, tracker.EventCompleted)
	announceTo(t, url, hashOf("any"), 6881, 0, tracker.EventStopped)
	waitScrape(t, url, hashOf("any"), 0, 0, 0)
}

func showsMemoryLimit(bytes float64) func(*testing.T, *instance) {
	return func(t *testing.T, d *instance) {
		announceTo(t, d.urls()["udp IPv4"], hashOf("any"), 6881, 1, tracker.EventStarted)
		m := d.metrics()
		if m["keeptrack_memory_limit_bytes"] != bytes || m["keeptrack_memory_bytes"] <= 0 {
			t.Errorf("%g bytes of %g, want %g", m["keeptrack_memory_bytes"], m["keeptrack_memory_limit_bytes"], bytes)
		}
	}
}

func showsMaxTorrents(t *testing.T, d *instance) {
	url := d.urls()["udp IPv4"]
	announceTo(t, url, hashOf("first"), 6881, 1, tracker.EventStarted)
	announceTo(t, url, hashOf("second"), 6881, 1, tracker.EventStarted)
	waitScrape(t, url, hashOf("first"), 0, 1, 0)
	waitScrape(t, url, hashOf("second"), 0, 0, 0)
}

// handsOut expects so many of five peers for a client that does not say how
// many it wants, and for one that wants many.
func handsOut(unsaid, many int) func(*testing.T, *instance) {
	return func(t *testing.T, d *instance) {
		for name, url := range d.urls() {
			for port := range uint16(5) {
				announceTo(t, url, hashOf(name), 1000+port, 1, tracker.EventStarted)
			}
			for numWant, want := range map[int32]int{-1: unsaid, 100: many} {
				r, err := client.Announce(t.Context(), url, client.Request{InfoHash: hashOf(name), NumWant: numWant, Left: 1})
				if err != nil || len(r.Peers) != want {
					t.Errorf("%s: %d peers for numwant %d, want %d; %v", name, len(r.Peers), numWant, want, err)
				}
			}
		}
	}
}

func storesNoLoopbackPeer(t *testing.T, d *instance) {
	for name, url := range d.urls() {
		announceTo(t, url, hashOf(name), 6881, 1, tracker.EventStarted)
		waitScrape(t, url, hashOf(name), 0, 0, 0)
	}
}

func showsLifetime(t *testing.T, d *instance) {
	w := connectWire(t, d.udp4)
	waitFor(t, "the connection id's end", func() bool { return !w.known() })
}

// known says whether the connection id is taken.
func (w *wire) known() (known bool) {
	w.t.Helper()
	w.exchange(1, func(i uint32) []byte { return w.scrapeRequest(i, hashOf("any")) }, func(_ uint32, packet []byte) {
		_, err := bep15.ParseScrapeReply(packet)
		known = err == nil
	})
	return known
}

// secretOf returns a connection secret, as TOML, that is nothing but digit.
func secretOf(digit byte) string { return `"` + strings.Repeat(string(digit), 32) + `"` }

// sharesSecret expects d's connection id to be taken by an instance with the
// same secret and by no other.
func sharesSecret(t *testing.T, d *instance) {
	id := connectWire(t, d.udp4).id
	for secret, want := range map[string]bool{secretOf('a'): true, secretOf('b'): false, `""`: false} {
		other := start(t, testSettings(t.TempDir()).with(settings{"udp.connection_secret": secret}))
		w := dialWire(t, other.udp4)
		if w.id = id; w.known() != want {
			t.Errorf("taken with the secret %s: %v", secret, !want)
		}
	}
}

// get asks for a page, with header lines in pairs, and does not follow a
// redirection.
func get(t *testing.T, url string, header ...string) (resp *http.Response, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if req.Header.Set(header[i], header[i+1]); header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	resp, err = http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func seesAddress(address ...byte) func(*testing.T, *instance) {
	return func(t *testing.T, d *instance) {
		_, body := get(t, "http://"+d.http4+"/announce?port=1&info_hash="+strings.Repeat("a", 20), "X-Forwarded-For", "203.0.113.7")
		if !strings.Contains(body, "11:external ip4:"+string(address)) {
			t.Errorf("got %q", body)
		}
	}
}

func fullScrapeSays(text string) func(*testing.T, *instance) {
	return func(t *testing.T, d *instance) {
		announceTo(t, d.urls()["http IPv4"], hashOf("any"), 6881, 1, tracker.EventStarted)
		if _, body := get(t, "http://"+d.http4+"/scrape"); !strings.Contains(body, text) {
			t.Errorf("got %q", body)
		}
	}
}

func rootSays(status int, location string) func(*testing.T, *instance) {
	return func(t *testing.T, d *instance) {
		resp, _ := get(t, "http://"+d.http4+"/")
		if got := resp.Header.Get("Location"); resp.StatusCode != status || got != location {
			t.Errorf("got %s, location %q", resp.Status, got)
		}
	}
}

// showsPage has the page show the URLs that the daemon can be announced to.
func showsPage(t *testing.T, d *instance) {
	resp, body := get(t, "http://"+d.http4+"/")
	_, port, _ := net.SplitHostPort(d.udp4)
	for _, want := range []string{"udp://127.0.0.1:" + port + "/announce", "http://" + d.http4 + "/announce", `<a rel="nofollow" href="mailto:abuse@example.org">`} {
		if resp.StatusCode != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("the page lacks %s: %d %s", want, resp.StatusCode, body)
		}
	}
}

func showsToken(t *testing.T, d *instance) {
	for token, want := range map[string]int{
		"": http.StatusUnauthorized, "Bearer other": http.StatusUnauthorized, "Bearer sesame": http.StatusOK,
	} {
		if resp, _ := get(t, "http://"+d.admin+"/metrics", "Authorization", token); resp.StatusCode != want {
			t.Errorf("%q gives %s", token, resp.Status)
		}
	}
}

// showsReadToken expects the token to look to open metrics, and not the database.
func showsReadToken(t *testing.T, d *instance) {
	for path, want := range map[string]int{"/metrics": http.StatusOK, "/api/v1/backup": http.StatusForbidden} {
		if resp, _ := get(t, "http://"+d.admin+path, "Authorization", "Bearer window"); resp.StatusCode != want {
			t.Errorf("%s gives %s", path, resp.Status)
		}
	}
}

// holdsOneConnection expects a second connection to be served only in the place
// of the first.
func holdsOneConnection(t *testing.T, d *instance) {
	first, err := net.Dial("tcp", d.http4)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	const open = "keeptrack_http_connections"
	d.waitMetric(open, 1)
	get(t, "http://"+d.http4+"/announce?port=1&info_hash="+strings.Repeat("a", 20)) // and is kept open
	if n := d.metric(open); n > 1 {
		t.Errorf("%g connections are open", n)
	}
}
