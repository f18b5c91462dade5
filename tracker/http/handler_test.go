package http

import (
	"bufio"
	"bytes"
	"io"
	nethttp "net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/tracker"
)

// newTracker returns a tracker whose replies do not depend on chance.
func newTracker() *tracker.Tracker {
	return tracker.New(tracker.Options{
		AnnounceInterval:    30 * time.Minute,
		MinAnnounceInterval: 15 * time.Minute,
		PeerTimeout:         45 * time.Minute,
		DefaultNumWant:      50,
		MaxNumWant:          200,
		AllowPrivate:        true,
	}, time.Now())
}

// get has h answer a request for path and query that comes from remote.
func get(h *handler, remote netip.Addr, path, rawQuery string) *reply {
	return do(h, "GET", remote, path, rawQuery)
}

func do(h *handler, method string, remote netip.Addr, path, rawQuery string) *reply {
	target := path
	if rawQuery != "" {
		target += "?" + rawQuery
	}
	return exchange(h, remote, method+" "+target+" HTTP/1.1\r\nHost: tracker\r\n\r\n")
}

// reply is what a client makes of a reply.
type reply struct {
	*nethttp.Response
	body string
}

// exchange has h answer one request.
func exchange(h *handler, remote netip.Addr, message string) *reply {
	r := responderOf(h)
	r.respond([]byte(message), remote)
	method, _, _ := strings.Cut(message, " ")
	resp, err := nethttp.ReadResponse(bufio.NewReader(bytes.NewReader(r.out)), &nethttp.Request{Method: method})
	if err != nil {
		panic(err) // is a failure of the test, and no test calls for it
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(err)
	}
	return &reply{resp, string(body)}
}

// announceQuery is an announce of hash1 with port and left, and more.
func announceQuery(port int, left, more string) string {
	return "info_hash=" + escapeAll(string(hash1[:])) + "&port=" + strconv.Itoa(port) + "&left=" + left + more
}

func TestAnnounce(t *testing.T) {
	h := newHandler(Options{}, newTracker())
	get(h, addr2, "/announce", announceQuery(51413, "0", "&event=started"))
	get(h, addr6, "/announce", announceQuery(6881, "7", "&event=started"))
	w := get(h, addr1, "/announce", announceQuery(6881, "7", ""))

	if w.StatusCode != 200 || w.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("status %d, header %v", w.StatusCode, w.Header)
	}
	got := mustDict(t, w.body)
	want := dict{
		"complete": int64(1), "incomplete": int64(2), "downloaded": int64(0),
		"interval": int64(1800), "min interval": int64(900),
		"external ip": "\xc0\x00\x02\x01", "peers": compactPeers4[6:], "peers6": compactPeer6,
	}
	for key, value := range want {
		if got[key] != value {
			t.Errorf("%s is %#v, want %#v", key, got[key], value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %q", got)
	}
}

func TestAnnounceOverIPv6(t *testing.T) {
	h := newHandler(Options{}, newTracker())
	get(h, addr1, "/announce", announceQuery(6881, "7", ""))
	got := mustDict(t, get(h, addr6, "/announce", announceQuery(6881, "7", "")).body)
	if got["external ip"] != compactPeer6[:16] || got["peers"] != compactPeers4[:6] {
		t.Errorf("got %q", got)
	}
	if _, ok := got["peers6"]; ok {
		t.Errorf("peers6 without peers: %q", got)
	}
}

func TestAnnounceWithDictionaries(t *testing.T) {
	h := newHandler(Options{}, newTracker())
	get(h, addr2, "/announce", announceQuery(51413, "0", ""))
	get(h, addr6, "/announce", announceQuery(6881, "7", ""))
	got := mustDict(t, get(h, addr1, "/announce", announceQuery(6881, "7", "&compact=0")).body)
	peers, ok := got["peers"].([]any)
	if !ok || len(peers) != 2 {
		t.Fatalf("got %q", got)
	}
	first, second := peers[0].(dict), peers[1].(dict)
	if first["ip"] != "198.51.100.2" || first["port"] != int64(51413) || len(first) != 2 ||
		second["ip"] != "2001:db8::1" || second["port"] != int64(6881) || len(second) != 2 {
		t.Errorf("got %q", peers)
	}
}

func TestAnnounceWithoutPortIsNotStored(t *testing.T) {
	for _, query := range []string{announceQuery(0, "0", ""), "info_hash=" + escapeAll(string(hash1[:]))} {
		h := newHandler(Options{}, newTracker())
		got := mustDict(t, get(h, addr1, "/announce", query).body)
		if got["complete"] != int64(0) || got["incomplete"] != int64(0) || h.tracker.Torrents() != 0 {
			t.Errorf("%s: got %q", query, got)
		}
	}
}

func TestCompletedCountsOnce(t *testing.T) {
	h := newHandler(Options{}, newTracker())
	for range 2 {
		got := mustDict(t, get(h, addr1, "/announce", announceQuery(6881, "0", "&event=completed")).body)
		if got["downloaded"] != int64(1) || got["complete"] != int64(1) {
			t.Errorf("got %q", got)
		}
	}
	got := mustDict(t, get(h, addr1, "/announce", announceQuery(6881, "0", "&event=stopped")).body)
	if got["downloaded"] != int64(1) || got["complete"] != int64(0) {
		t.Errorf("after the stop: got %q", got)
	}
}

func TestAnnounceBehindProxy(t *testing.T) {
	h := newHandler(Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, newTracker())
	w := exchange(h, netip.MustParseAddr("127.0.0.1"), "GET /announce?"+announceQuery(6881, "1", "")+
		" HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9\r\nx-forwarded-for: 2001:db8::1, 127.0.0.9\r\n\r\n")
	if got := mustDict(t, w.body); got["external ip"] != compactPeer6[:16] {
		t.Errorf("got %q", got)
	}
	got := mustDict(t, get(h, addr1, "/announce", announceQuery(6881, "1", "")).body)
	if got["peers6"] != compactPeer6 {
		t.Errorf("got %q", got)
	}
	if s := h.counters.stats(); s.Requests[ActionAnnounce][tracker.IPv6].OK != 1 {
		t.Errorf("counted %+v", s.Requests)
	}
}

func TestRefusedTorrent(t *testing.T) {
	h := newHandler(Options{}, newTracker())
	h.tracker.SetAccess(&tracker.Access{Mode: tracker.AccessAllow})
	got := mustDict(t, get(h, addr1, "/announce", libtorrentQuery).body)
	if got["failure reason"] != "info_hash not allowed" || got["interval"] != int64(10800) || len(got) != 2 {
		t.Errorf("got %q", got)
	}
}

func TestFailureReplies(t *testing.T) {
	tests := []struct {
		name, path, query string
		want              Failure
	}{
		{"no info hash", "/announce", "port=1", FailureInfoHashMissing},
		{"malformed port", "/announce", announceQuery(1, "1", "&port=x"), FailurePort},
		{"info hash of a client without a path", "/", "info_hash=abc", FailureInfoHashMalformed},
		{"malformed info hash in a scrape", "/scrape", "info_hash=abc", FailureInfoHashMalformed},
		{"full scrape", "/scrape", "", FailureFullScrapeOff},
		{"full scrape with other parameters", "/scrape", "key=1", FailureFullScrapeOff},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHandler(Options{}, newTracker())
			w := get(h, addr1, test.path, test.query)
			got := mustDict(t, w.body)
			if w.StatusCode != 200 || got["failure reason"] != test.want.Text() || got["interval"] != int64(1800) {
				t.Errorf("status %d, %q", w.StatusCode, got)
			}
			if n := h.counters.stats().Failures[test.want]; n != 1 {
				t.Errorf("counted %d", n)
			}
		})
	}
}

func TestPathsAndMethods(t *testing.T) {
	const bencode = "d8:" // complete
	scrape := "info_hash=" + escapeAll(string(hash1[:]))
	tests := []struct {
		method, path, query string
		redirect            string
		status              int
		body                string // its start
	}{
		{"GET", "/announce", libtorrentQuery, "", 200, bencode},
		{"GET", "/announce/", libtorrentQuery, "", 200, bencode},
		{"GET", "/announce.php", libtorrentQuery, "", 200, bencode},
		{"GET", "/scrape", scrape, "", 200, scrapeStart},
		{"GET", "/scrape/", scrape, "", 200, scrapeStart},
		{"GET", "/scrape.php", scrape, "", 200, scrapeStart},
		{"GET", "/", "", "", 404, "not found\n"},
		{"GET", "/", "", "https://example.org/a?b", 302, "https://example.org/a?b\n"},
		{"GET", "/favicon.ico", "", "https://example.org/", 404, "not found\n"},
		{"GET", "/announce/x", libtorrentQuery, "https://example.org/", 200, bencode},
		{"GET", "/", libtorrentQuery, "https://example.org/", 200, bencode},
		{"GET", "//", "key=1&%69nfo_hash=x", "https://example.org/", 200, "d14:failure"},
		{"GET", "//", "key=1&info_hash", "https://example.org/", 302, "https://example.org/\n"},
		{"GET", "/KEY", libtorrentQuery, "https://example.org/", 404, "not found\n"},
		{"GET", "/stats", "mode=peer", "", 404, "not found\n"},
		{"GET", "/Announce", libtorrentQuery, "", 404, "not found\n"},
		{"HEAD", "/announce", libtorrentQuery, "", 200, ""},
		{"HEAD", "/", "", "", 404, ""},
		{"POST", "/announce", libtorrentQuery, "", 405, "only GET and HEAD"},
		{"OPTIONS", "*", "", "", 405, "only GET"},
		{"HEAD", "/", "", "https://example.org/", 302, ""},
		{"CONNECT", "tracker:443", "", "", 405, "only GET"},
		{"GET", "http://tracker:6969/announce", libtorrentQuery, "", 200, bencode},
		{"GET", "HTTP://tracker", "", "", 404, "not found\n"},
		{"GET", "ftp://tracker/announce", libtorrentQuery, "", 400, "not a request\n"},
		{"GET", "announce", libtorrentQuery, "", 400, "not a request\n"},
	}
	for _, test := range tests {
		t.Run(test.method+test.path, func(t *testing.T) {
			h := newHandler(Options{RedirectURL: test.redirect}, newTracker())
			w := do(h, test.method, addr1, test.path, test.query)
			if w.StatusCode != test.status || !strings.HasPrefix(w.body, test.body) {
				t.Errorf("got %d %q", w.StatusCode, w.body)
			}
			if got := w.Header.Get("Location"); test.status == 302 && got != test.redirect || test.status != 302 && got != "" {
				t.Errorf("redirects to %q", got)
			}
			if got := w.Header.Get("Allow"); (got == "GET, HEAD") != (test.status == 405) {
				t.Errorf("allows %q", got)
			}
			if w.Header.Get("Content-Type") != "text/plain" {
				t.Errorf("header %v", w.Header)
			}
		})
	}
}

func TestStatsByActionAndFamily(t *testing.T) {
	h := newHandler(Options{RedirectURL: "https://example.org/"}, newTracker())
	get(h, addr1, "/announce", libtorrentQuery)
	get(h, addr6, "/announce", libtorrentQuery)
	get(h, addr6, "/announce", "")
	get(h, addr1, "/scrape", libtorrentQuery)
	get(h, addr1, "/scrape", "")
	get(h, addr1, "/", "")
	get(h, addr1, "/nowhere", "")
	do(h, "PUT", addr6, "/", "")

	got := h.counters.stats()
	want := Stats{}
	want.Requests[ActionAnnounce] = [2]Results{tracker.IPv4: {OK: 1}, tracker.IPv6: {OK: 1, Failed: 1}}
	want.Requests[ActionScrape] = [2]Results{tracker.IPv4: {OK: 1}}
	want.Requests[ActionFullScrape] = [2]Results{tracker.IPv4: {Failed: 1}}
	want.Requests[ActionOther] = [2]Results{tracker.IPv4: {OK: 1, Failed: 1}, tracker.IPv6: {Failed: 1}}
	want.Failures[FailureInfoHashMissing] = 1
	want.Failures[FailureFullScrapeOff] = 1
	want.Failures[FailureNotFound] = 1
	want.Failures[FailureMethod] = 1
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	labels := ""
	for a := range Action(ActionCount) {
		labels += a.String() + " "
	}
	if labels != "announce scrape full_scrape page other " {
		t.Errorf("labels %q", labels)
	}
}

func TestTraceIsOneLineAnAnnounce(t *testing.T) {
	for level, want := range map[zerolog.Level]int{zerolog.TraceLevel: 1, zerolog.DebugLevel: 0} {
		var out bytes.Buffer
		h := newHandler(Options{Log: zerolog.New(&out).Level(level)}, newTracker())
		get(h, addr2, "/announce", announceQuery(1, "1", ""))
		get(h, addr2, "/announce", announceQuery(2, "1", ""))
		get(h, addr6, "/announce", announceQuery(3, "1", ""))
		out.Reset()
		get(h, addr1, "/announce", libtorrentQuery)
		if got := strings.Count(out.String(), "\n"); got != want {
			t.Errorf("%v: %q", level, &out)
		}
		for _, part := range []string{hash1.String(), `"peers4":2,"peers6":1`} {
			if want == 1 && !strings.Contains(out.String(), part) {
				t.Errorf("%v: %q lacks %s", level, &out, part)
			}
		}
	}
}

// FuzzHandler sends any query: every reply is bencode.
func FuzzHandler(f *testing.F) {
	f.Add(false, libtorrentQuery)
	f.Add(true, libtorrentQuery)
	f.Add(false, announceQuery(1, "0", "&compact=0&event=completed&numwant=-1"))
	f.Add(true, "info_hash=%&info_hash")
	h := newHandler(Options{}, newTracker())
	f.Fuzz(func(t *testing.T, scrape bool, raw string) {
		path := "/announce"
		if scrape {
			path = "/scrape"
		}
		if !isTarget("?" + raw) {
			return // it ends the request line
		}
		w := get(h, addr1, path, raw)
		d := mustDict(t, w.body)
		_, failed := d["failure reason"].(string)
		_, peers := d["peers"]
		_, files := d["files"].(dict)
		if w.StatusCode != 200 || !failed && (peers == scrape || files != scrape) {
			t.Errorf("status %d, %q", w.StatusCode, d)
		}
	})
}
