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

func newResponder(o Options) *responder { return responderOf(newHandler(o, newTracker())) }

func responderOf(h *handler) *responder {
	return &responder{answerer: answerer{handler: h, now: h.tracker.Instant(time.Now())}}
}

// statuses reads the replies in out, which must be nothing else.
func statuses(t *testing.T, out []byte, method string) (codes []int) {
	t.Helper()
	for r := bufio.NewReader(bytes.NewReader(out)); ; {
		if _, err := r.Peek(1); err == io.EOF {
			return codes
		}
		resp, err := nethttp.ReadResponse(r, &nethttp.Request{Method: method})
		if err != nil {
			t.Fatalf("%v in %q", err, out)
		}
		if _, err := io.ReadAll(resp.Body); err != nil {
			t.Fatalf("%v in %q", err, out)
		}
		codes = append(codes, resp.StatusCode)
	}
}

func TestRespond(t *testing.T) {
	const get, host = "GET /x HTTP/1.1\r\n", "Host: h\r\n"
	tests := []struct {
		name, in string
		n        int // -1: all
		next     step
		codes    string
	}{
		{"nothing", "", 0, stepReceive, ""},
		{"a part", get + host, 0, stepReceive, ""},
		{"one", get + host + "\r\n", -1, stepReceive, "404 "},
		{"one and a part", get + host + "\r\n" + get, len(get + host + "\r\n"), stepReceive, "404 "},
		{"several in order", get + host + "\r\nPUT / HTTP/1.1\r\n" + host + "\r\n" + get + host + "\r\n", -1, stepReceive, "404 405 404 "},
		{"HTTP/1.0", "GET /x HTTP/1.0\r\n\r\n", -1, stepClose, "404 "},
		{"HTTP/1.0 kept", "GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", -1, stepReceive, "404 "},
		{"close", get + host + "Connection: close\r\n\r\n", -1, stepClose, "404 "},
		{"more after close", get + host + "Connection: close\r\n\r\n" + get, len(get+host) + 21, stepClose, "404 "},
		{"body", get + host + "Content-Length: 3\r\n\r\nabc", len(get+host) + 21, stepLinger, "404 "},
		{"chunked body", "POST /x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 57, stepLinger, "405 "},
		{"junk", "\x16\x03\x01", -1, stepLinger, "400 "},
		{"junk after a request", get + host + "\r\n\x16\x03\x01", -1, stepLinger, "404 400 "},
		{"target that is none", "GET x HTTP/1.1\r\n" + host + "\r\n", -1, stepLinger, "400 "},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", -1, stepLinger, "505 "},
		{"long header", get + "X: " + strings.Repeat("x", maxHead), -1, stepLinger, "431 "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newResponder(Options{})
			n, next := r.respond([]byte(test.in), addr1)
			if test.n == -1 {
				test.n = len(test.in)
			}
			codes := ""
			for _, code := range statuses(t, r.out, "GET") {
				codes += strconv.Itoa(code) + " "
			}
			if n != test.n || next != test.next || codes != test.codes {
				t.Errorf("answered %d of %d bytes with %s, then %d", n, len(test.in), codes, next)
			}
			closes := strings.HasSuffix(strings.SplitAfter(string(r.out), "\r\n\r\n")[0], "\r\nConnection: close\r\n\r\n")
			if len(codes) == len("404 ") && closes != next.last() {
				t.Errorf("then %d, but says %q", next, r.out)
			}
		})
	}
}

func TestRespondStopsWhenThereIsEnough(t *testing.T) {
	r := newResponder(Options{})
	const requests = 10_000
	one := "GET /x HTTP/1.1\r\nHost: h\r\n\r\n"
	in, answered := []byte(strings.Repeat(one, requests)), 0
	for next := stepAnswer; next == stepAnswer; {
		var n int
		n, next = r.respond(in, addr1)
		in = in[n:]
		if len(r.out) > enoughOut+1<<10 {
			t.Fatalf("%d bytes at once", len(r.out))
		}
		answered += len(statuses(t, r.out, "GET"))
		r.out = r.out[:0]
	}
	if answered != requests || len(in) != 0 {
		t.Errorf("answered %d", answered)
	}
}

func TestRespondWhileStopping(t *testing.T) {
	r := newResponder(Options{})
	r.closing = true
	one := "GET /x HTTP/1.1\r\nHost: h\r\n\r\n"
	if n, next := r.respond([]byte(one+one), addr1); n != len(one) || next != stepClose {
		t.Errorf("answered %d bytes, then %d", n, next)
	}
}

func TestRespondDoesNotAllocate(t *testing.T) {
	r := newResponder(Options{Log: zerolog.Nop(), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	for port := 1; port <= 300; port++ {
		get(r.handler, addr2, "/announce", announceQuery(port, "1", ""))
		get(r.handler, addr6, "/announce", announceQuery(port, "1", ""))
	}
	in := []byte("GET /announce?" + announceQuery(6881, "1", "&numwant=200") + " HTTP/1.1\r\nHost: h\r\n" +
		"X-Forwarded-For: 198.51.100.9\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n" +
		"GET /scrape?" + scrapeQuery(20) + " HTTP/1.1\r\nHost: h\r\n\r\n\x16")
	// Room for the largest reply, whatever is drawn.
	r.reply.Peers4, r.reply.Peers6 = make([]byte, 0, tracker.MaxPeers*6), make([]byte, 0, tracker.MaxPeers*18)
	r.made.body, r.out = make([]byte, 0, 8192), make([]byte, 0, 16384)
	r.respond(in, addr1)
	if allocs := testing.AllocsPerRun(100, func() {
		r.out = r.out[:0]
		if n, next := r.respond(in, addr1); n != len(in) || next != stepLinger {
			t.Error(n, next)
		}
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// FuzzRespond sends any bytes: the replies are HTTP, and it makes no difference
// in how many parts the bytes come.
func FuzzRespond(f *testing.F) {
	f.Add([]byte(libtorrentMessage), 100)
	f.Add([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /scrape HTTP/1.0\r\n\r\n"), 30)
	f.Add([]byte("GET /y HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"), 3)
	h := newHandler(Options{}, newTracker())
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		if len(in) > enoughOut/512 || bytes.Contains(in, []byte("HEAD")) {
			return // more than one call, or replies whose end is not seen
		}
		whole, parts := responderOf(h), responderOf(h)
		parts.now = whole.now
		n, next := whole.respond(in, addr1)
		if n > len(in) || next == stepAnswer || next == stepStream {
			t.Fatalf("%d of %d bytes, then %d", n, len(in), next)
		}
		statuses(t, whole.out, "GET")
		cut = min(max(cut, 0), len(in))
		first, last := parts.respond(in[:cut], addr1)
		if last == stepReceive {
			_, last = parts.respond(in[first:], addr1)
		}
		if last != next || len(statuses(t, parts.out, "GET")) != len(statuses(t, whole.out, "GET")) {
			t.Fatalf("cut at %d: %d %q\nwhole: %d %q", cut, last, parts.out, next, whole.out)
		}
	})
}
