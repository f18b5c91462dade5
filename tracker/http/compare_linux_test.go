package http

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	nethttp "net/http"
	"net/netip"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// documented returns what docs/api.md says of the requests that net/http does not
// answer as epoll does: their statuses over the one and over the other.
func documented(t *testing.T) map[string][2]int {
	t.Helper()
	text, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| request | epoll | net/http |\n|---|---|---|\n")
	rows := map[string][2]int{}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 {
			break
		}
		var statuses [2]int
		for i := range statuses {
			if statuses[i], err = strconv.Atoi(strings.TrimSpace(cells[2+i])[:3]); err != nil {
				t.Fatal(err)
			}
		}
		rows[strings.TrimSpace(cells[1])] = statuses
	}
	return rows
}

// differing are requests that net/http does not answer as epoll does, by their
// rows in docs/api.md.
var differing = []struct{ row, send string }{
	{"HTTP/1.1 without a Host", "GET /announce?" + libtorrentQuery + " HTTP/1.1\r\n\r\n"},
	{"a malformed Host", "GET /announce?" + libtorrentQuery + " HTTP/1.1\r\nHost: a b\r\n\r\n"},
	{"no version", "GET /announce?" + libtorrentQuery + "\r\n\r\n"},
	{"HTTP/0.9", "GET /announce?" + libtorrentQuery + " HTTP/0.9\r\n\r\n"},
	{"empty lines before the request", "\r\n" + announceLine + "\r\n"},
	{"a path with a `%` that starts no escape", "GET /announce% HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"a method other than GET and HEAD on what is no path", "POST announce HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"a URL with a malformed host", "GET http://x:y/announce HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"two different Content-Length lines", announceLine + "Content-Length: 0\r\nContent-Length: 1\r\n\r\n"},
	{"a Content-Length beyond 63 bits", announceLine + "Content-Length: 9999999999999999999\r\n\r\n"},
	{"a Transfer-Encoding other than `chunked`", announceLine + "Transfer-Encoding: gzip\r\n\r\n"},
	{"an Expect other than `100-continue`", announceLine + "Expect: x\r\n\r\n"},
	{"a header line folded onto the next line", announceLine + "X: a\r\n b\r\n\r\n"},
}

// alike are requests that both engines answer alike, once each.
var alike = []struct{ name, send string }{
	{"announce", announceLine + "\r\n"},
	{"announce, closing", libtorrentMessage},
	{"announce over HTTP/1.0", "GET /announce?" + libtorrentQuery + " HTTP/1.0\r\n\r\n"},
	{"announce over HTTP/1.0, kept", "GET /announce?" + libtorrentQuery + " HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"},
	{"announce over HTTP/1.2", "GET /announce?" + libtorrentQuery + " HTTP/1.2\r\nHost: x\r\n\r\n"},
	{"announce that fails", "GET /announce?info_hash=x HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"announce with a bad query", "GET /announce?%&%%=;+\xff HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"announce with a key", "GET //KEY//announce%20?" + libtorrentQuery + " HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"announce to a URL", "GET http://x:1/announce?" + libtorrentQuery + " HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"announce to no path", "GET /?" + libtorrentQuery + " HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"announce of a client that is named", announceLine + "X-Forwarded-For: 192.0.2.9\r\nx-forwarded-for: 192.0.2.1, 127.0.0.1\r\n\r\n"},
	{"announce with dictionaries", "GET /announce?" + libtorrentQuery + "&compact=0 HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"HEAD of an announce", "HEAD /announce?" + libtorrentQuery + " HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"scrape", "GET /scrape?info_hash=aaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"full scrape", "GET /scrape HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"full scrape over HTTP/1.0", "GET /scrape HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"},
	{"full scrape, compressed", "GET /scrape HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"},
	{"HEAD of a full scrape", "HEAD /scrape HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br, zstd\r\n\r\n"},
	{"HEAD of a full scrape over HTTP/1.0", "HEAD /scrape HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"},
	{"redirection", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"no such path", "GET /favicon.ico HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"fragment", "GET /announce#x HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"POST", "POST /announce HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"},
	{"POST in chunks", "POST /announce HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"},
	{"GET with a body", announceLine + "Content-Length: 3\r\n\r\nabc"},
	{"GET without a body", announceLine + "Content-Length: 0\r\n\r\n"},
	{"100-continue", "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"},
	{"OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"CONNECT", "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"unknown method", "BREW /announce HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"no path", "GET announce HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"star", "GET * HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"another scheme", "GET ftp://x/announce HTTP/1.1\r\nHost: x\r\n\r\n"},
	{"upgrade to HTTP/2", announceLine + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"},
	{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
	{"HTTP/3.0", "GET / HTTP/3.0\r\nHost: x\r\n\r\n"},
	{"junk", "\x16\x03\x01\r\n\r\n"},
	{"junk after a request", announceLine + "\r\nGET / HTTP/1.1\r\nHost\r\n\r\n"},
	{"two hosts", announceLine + "Host: x\r\n\r\n"},
	{"space before the colon", announceLine + "X : a\r\n\r\n"},
	{"no name", announceLine + ": a\r\n\r\n"},
	{"no colon", announceLine + "X\r\n\r\n"},
	{"negative length", announceLine + "Content-Length: -1\r\n\r\n"},
	{"zero byte", announceLine + "X: \x00\r\n\r\n"},
	{"as many lines as may be", announceLine + strings.Repeat("X: a\r\n", maxFields-1) + "\r\n"},
	{"too many lines", announceLine + strings.Repeat("X: a\r\n", maxFields) + "\r\n"},
	{"the longest head", "GET /x HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", maxHead-len("GET /x HTTP/1.1\r\nHost: x\r\nX: \r\n\r\n")) + "\r\n\r\n"},
	{"a head too long", "GET /x HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", maxHead) + "\r\n\r\n"},
	{"a head too long, after another", announceLine + "\r\nGET /x HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", maxHead) + "\r\n\r\n"},
}

// exchanged is what came of a request.
type exchanged struct {
	status    int
	header    nethttp.Header
	length    int64
	chunked   bool
	body      string
	kept      bool // the connection
	requests  [ActionCount][familyCount]Results
	malformed uint64
}

// exchangeOn sends requests to a server of an engine's, and returns what came of
// the last one.
func exchangeOn(t *testing.T, engine, send string) (got exchanged) {
	t.Helper()
	quick := standardTimeouts
	quick.linger = 50 * time.Millisecond
	o := Options{
		FullScrape: true, RedirectURL: "https://example.org/", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}
	wrap, dial := engines[engine], func(addr netip.AddrPort) (net.Conn, *bufio.Reader) { return dial(t, addr) }
	if engine == overTLS {
		o.TLS = &tls.Config{Certificates: certificates(t, "localhost")}
		wrap, dial = direct, func(addr netip.AddrPort) (net.Conn, *bufio.Reader) { return dialTLS(t, addr, nil) }
	}
	s, _, _ := run(t, wrap, o, quick, filledTracker(3))
	conn, r := dial(s.Addrs()[0])
	io.WriteString(conn, send)
	method, _, _ := strings.Cut(send, " ")
	for range max(1, strings.Count(send, " HTTP/1.1\r\n")) {
		resp, err := nethttp.ReadResponse(r, &nethttp.Request{Method: method})
		if err != nil {
			t.Fatalf("%s: %v", engine, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatalf("%s: %v", engine, err)
		}
		got = exchanged{
			status: resp.StatusCode, header: resp.Header, body: string(body), kept: !resp.Close,
			length: resp.ContentLength, chunked: len(resp.TransferEncoding) > 0,
		}
	}
	got.header.Del("Connection") // is in kept, and deleted already in replies to HTTP/1.1
	stats := s.Stats()
	got.requests, got.malformed = stats.Requests, stats.Malformed
	io.WriteString(conn, "GET /another HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := nethttp.ReadResponse(r, nil); (err == nil) != got.kept {
		t.Errorf("%s: kept, by its reply: %v, then %v", engine, got.kept, err)
	}
	return got
}

// TestEnginesAnswerAlike compares replies and counts. Where net/http itself
// refuses what epoll's engine refuses too, the text is its own.
func TestEnginesAnswerAlike(t *testing.T) {
	for _, test := range alike {
		t.Run(test.name, func(t *testing.T) {
			want := exchangeOn(t, "epoll", test.send)
			for _, engine := range []string{netHTTP, overTLS} {
				wantAlike(t, engine, exchangeOn(t, engine, test.send), want)
			}
			if want.chunked {
				t.Errorf("is in chunks: %+v", want)
			}
		})
	}
}

// wantAlike compares what came of a request.
func wantAlike(t *testing.T, engine string, got, want exchanged) {
	t.Helper()
	if strings.HasPrefix(got.body, strconv.Itoa(got.status)+" ") && want.malformed > 0 {
		got.header, got.body, got.length = want.header, want.body, want.length
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("over %s %+v\nover epoll    %+v", engine, got, want)
	}
}

// TestDifferencesAreDocumented compares what docs/api.md says with what is so.
func TestDifferencesAreDocumented(t *testing.T) {
	rows := documented(t)
	if len(rows) != len(differing) {
		t.Errorf("%d requests are documented, %d known to the test", len(rows), len(differing))
	}
	for _, test := range differing {
		t.Run(test.row, func(t *testing.T) {
			epoll, net, https := exchangeOn(t, "epoll", test.send), exchangeOn(t, netHTTP, test.send), exchangeOn(t, overTLS, test.send)
			if got, want := [2]int{epoll.status, net.status}, rows[test.row]; got != want || https.status != net.status {
				t.Errorf("got %v and over TLS %d, documented are %v", got, https.status, want)
			}
			for _, e := range []exchanged{epoll, net, https} {
				if refused := e.status != 200 && e.status != 404 && e.status != 405; (e.malformed == 1) != refused {
					t.Errorf("%+v: counted wrongly", e)
				}
			}
		})
	}
}
