package http

import (
	"bufio"
	"io"
	"net"
	nethttp "net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
	"keeptrack/tracker/trace"
)

const announceLine = "GET /announce?" + libtorrentQuery + " HTTP/1.1\r\nHost: x\r\n"

// TestAbuse sends what no client sends. Each gets a short answer, and the
// connection's end if the next request could not be told from the rest.
func TestAbuse(t *testing.T) {
	tests := []struct {
		name, send string
		status     int
		body       string // a part of it
		closed     bool
	}{
		{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "", true},
		{"HTTP/2 upgrade", announceLine + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n", 200, "d8:complete", false},
		{"expects 100-continue", "POST /announce HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", 405, "", true},
		{"zero bytes", "\x00\x00\x00\x00\r\n", 400, "", true},
		{"zero byte in a header", announceLine + "X: a\x00b\r\n\r\n", 400, "", true},
		{"zero byte in the target", "GET /announce?\x00 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "", true},
		{"invalid UTF-8 in the target", "GET /announce?info_hash=\xff\xfe\xc0\x80 HTTP/1.1\r\nHost: x\r\n\r\n", 200, "info_hash is not 20 bytes", false},
		{"invalid UTF-8 in the path", "GET /\xc3\x28 HTTP/1.1\r\nHost: x\r\n\r\n", 404, "not found", false},
		{"escapes of nothing", "GET /announce?info_hash=%&port=%0&%%%=% HTTP/1.1\r\nHost: x\r\n\r\n", 200, "failure reason", false},
		{"escaped zero bytes", "GET /announce?info_hash=" + strings.Repeat("%00", 20) + "&port=%00 HTTP/1.1\r\nHost: x\r\n\r\n", 200, "port is not", false},
		{"query of nothing but separators", "GET /announce?" + strings.Repeat("&=", 3900) + " HTTP/1.1\r\nHost: x\r\n\r\n", 200, "info_hash is missing", false},
		{"numbers without end", "GET /announce?left=" + strings.Repeat("9", 7000) + " HTTP/1.1\r\nHost: x\r\n\r\n", 200, "info_hash is missing", false},
		{"hundreds of hashes", "GET /scrape?" + strings.Repeat("info_hash=aaaaaaaaaaaaaaaaaaaa&", 200) + " HTTP/1.1\r\nHost: x\r\n\r\n", 200, "5:files", false},
		{"target too long", "GET /" + strings.Repeat("a", maxHead) + " HTTP/1.1\r\n", 431, "", true},
		{"header too long", announceLine + "X: " + strings.Repeat("a", maxHead) + "\r\n\r\n", 431, "", true},
		{"too many lines", announceLine + strings.Repeat("X: a\r\n", maxFields) + "\r\n", 431, "", true},
		{"as many lines as may be", announceLine + strings.Repeat("X: a\r\n", maxFields-1) + "\r\n", 200, "d8:complete", false},
		{"empty lines without end", strings.Repeat("\r\n", 1000), 400, "", true},
		{"body", announceLine + "Content-Length: 10\r\n\r\n0123456789", 200, "d8:complete", true},
		{"body that never comes", announceLine + "Content-Length: 1000000000\r\n\r\n", 200, "d8:complete", true},
		{"chunked body", announceLine + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, "d8:complete", true},
		{"length and chunks", announceLine + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "d8:complete", true},
	}
	onEachEngine(t, func(t *testing.T, start starter) {
		quick := standardTimeouts
		quick.linger = 20 * time.Millisecond
		s := start(t, Options{}, quick)
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				conn, r := dial(t, s.Addrs()[0])
				io.WriteString(conn, test.send)
				resp, body := response(t, r)
				if resp.StatusCode != test.status || !strings.Contains(body, test.body) || len(body) > 8192 {
					t.Errorf("status %d, %d bytes: %.80q", resp.StatusCode, len(body), body)
				}
				if test.closed {
					if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
						t.Errorf("after the answer: %q, %v", rest, err)
					}
					return
				}
				io.WriteString(conn, announceLine+"\r\n")
				if resp, _ := response(t, r); resp.StatusCode != 200 {
					t.Errorf("then status %d", resp.StatusCode)
				}
			})
		}
		eventually(t, s, 0)
	})
}

// dialFrom connects from another address of the loopback network.
func dialFrom(t *testing.T, source string, to netip.AddrPort) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
	conn, err := d.Dial("tcp", to.String())
	testenv.Need(t, "connect from "+source, err)
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

// served tells whether a connection gets an answer. One that is refused is
// closed without.
func served(t *testing.T, conn net.Conn) bool {
	t.Helper()
	io.WriteString(conn, announceLine+"\r\n") // fails if it is closed by now
	resp, err := nethttp.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		if e, ok := err.(net.Error); ok && e.Timeout() {
			t.Fatal(err)
		}
		return false
	}
	resp.Body.Close()
	return true
}

func TestConnectionsPerAddress(t *testing.T) {
	onEachEngine(t, func(t *testing.T, start starter) {
		const limit = 3
		var traces trace.Traces
		traced, err := traces.Begin(trace.Filter{Client: netip.MustParsePrefix("127.0.0.1/32")})
		if err != nil {
			t.Fatal(err)
		}
		s := start(t, Options{MaxConnectionsPerAddress: limit, MaxConnections: 100, Traces: &traces}, standardTimeouts)
		to := s.Addrs()[0]
		var held []net.Conn
		for range limit {
			conn := dialFrom(t, "127.0.0.1", to)
			if !served(t, conn) {
				t.Fatal("is refused below the limit")
			}
			held = append(held, conn)
		}
		for i := range 5 {
			if served(t, dialFrom(t, "127.0.0.1", to)) {
				t.Fatalf("%d connections beyond the limit", i+1)
			}
		}
		if got := s.Stats().Refused; got != 5 {
			t.Errorf("%d refused", got)
		}
		refused := 0
		for len(traced.Events()) > 0 {
			if e := <-traced.Events(); e.Action == "connection" && e.Outcome == trace.Dropped && e.Reason == "connections_per_address" {
				refused++
			}
		}
		if refused != 5 {
			t.Errorf("%d of them in a trace", refused)
		}
		eventually(t, s, limit)
		if !served(t, dialFrom(t, "127.0.0.2", to)) {
			t.Error("another address is refused")
		}
		held[0].Close()
		eventually(t, s, limit)
		if !served(t, dialFrom(t, "127.0.0.1", to)) {
			t.Error("is refused although one has gone")
		}
	})
}

// TestConnectionsPerAddressAreGivenBack opens and ends connections in all ways that
// there are, more often than may be open.
func TestConnectionsPerAddressAreGivenBack(t *testing.T) {
	onEachEngine(t, func(t *testing.T, start starter) {
		s := start(t, Options{MaxConnectionsPerAddress: 1, FullScrape: true}, standardTimeouts)
		for round := range 4 {
			for name, message := range map[string]string{
				"silent": "", "answered": libtorrentMessage, "refused": "\x16\x03\x01\r\n",
				"full scrape": "GET /scrape HTTP/1.1\r\nHost: x\r\n\r\n",
			} {
				conn := dialFrom(t, "127.0.0.1", s.Addrs()[0])
				eventually(t, s, 1)
				io.WriteString(conn, message)
				if message != "" {
					if _, err := io.ReadAll(conn); err != nil {
						t.Fatal(name, err)
					}
				}
				conn.Close()
				eventually(t, s, 0)
				if n := s.Stats().Refused; n > 0 {
					t.Fatalf("%d refused after %s in round %d", n, name, round)
				}
			}
		}
	})
}

func TestProxiesAreNotBounded(t *testing.T) {
	onEachEngine(t, func(t *testing.T, start starter) {
		s := start(t, Options{
			MaxConnectionsPerAddress: 1, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		}, standardTimeouts)
		for range 5 {
			if !served(t, dialFrom(t, "127.0.0.1", s.Addrs()[0])) {
				t.Fatal("a proxy is refused")
			}
		}
	})
}

func TestSources(t *testing.T) {
	addr := netip.MustParseAddr
	for _, test := range []struct {
		name, first, second string
		shared              bool
	}{
		{"one IPv4 address", "192.0.2.1", "192.0.2.1", true},
		{"its IPv6-mapped form", "192.0.2.1", "::ffff:192.0.2.1", true},
		{"one /64", "2001:db8::1", "2001:db8::2:1", true},
		{"two IPv4 addresses", "192.0.2.1", "192.0.2.2", false},
		{"two /64", "2001:db8::1", "2001:db8:0:1::1", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var s sources
			s.bound(1, proxies{})
			if !s.enter(addr(test.first)) || s.enter(addr(test.second)) == test.shared {
				t.Fatal("the limit is not per source")
			}
			s.leave(addr(test.first))
			if !s.enter(addr(test.first)) || s.refused.Load() > 1 {
				t.Error("is refused after it has left")
			}
		})
	}
	var s sources
	s.bound(1, proxies{})
	for range 2 {
		if !s.enter(netip.Addr{}) {
			t.Error("a socket without an address is bounded")
		}
	}
	s.bound(0, proxies{})
	for range tracker.MaxPeers {
		if !s.enter(addr("192.0.2.1")) {
			t.Fatal("0 is a limit")
		}
	}
}
