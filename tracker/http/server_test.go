package http

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
)

// direct and wrapped listeners are served by this system's engine and by
// net/http.
func direct(l net.Listener) net.Listener { return l }
func wrap(l net.Listener) net.Listener   { return wrapped{l} }

// wrapped is a listener that hides the one below, as TLS's does.
type wrapped struct{ net.Listener }

// starter runs a server on loopback addresses until the test's end.
type starter func(t *testing.T, o Options, times timeouts) *Server

// onEachEngine runs a test for each of the engines.
func onEachEngine(t *testing.T, test func(t *testing.T, start starter)) {
	for name, wrap := range engines {
		t.Run(name, func(t *testing.T) {
			test(t, func(t *testing.T, o Options, times timeouts) *Server {
				s, _, _ := run(t, wrap, o, times, newTracker())
				return s
			})
		})
	}
}

// run runs a server on loopback addresses until stop is called, or until the
// test's end. stopped is closed when it has ended.
func run(t *testing.T, wrap func(net.Listener) net.Listener, o Options, times timeouts, tr *tracker.Tracker) (s *Server, stop func(), stopped chan struct{}) {
	t.Helper()
	s = newServer(o, tr, times, []net.Listener{wrap(bindTo(t, "127.0.0.1:0")[0])})
	stop, stopped = runServer(t, s)
	return s, stop, stopped
}

// bindTo listens on TCP addresses.
func bindTo(t *testing.T, addrs ...string) (listeners []net.Listener) {
	t.Helper()
	for _, addr := range addrs {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, l)
	}
	return listeners
}

// runServer is run with a server that listens.
func runServer(t *testing.T, s *Server) (stop func(), stopped chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	stopped = make(chan struct{})
	go func() {
		defer close(stopped)
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-stopped
	})
	return cancel, stopped
}

func dial(t *testing.T, addr netip.AddrPort) (*net.TCPConn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second)) // a bound for a test that fails
	return conn.(*net.TCPConn), bufio.NewReader(conn)
}

func TestBothFamilies(t *testing.T) {
	for name, wrap := range engines {
		t.Run(name, func(t *testing.T) {
			testenv.NeedIPv6(t)
			listeners := bindTo(t, "127.0.0.1:0", "[::1]:0")
			s := newServer(Options{}, newTracker(), standardTimeouts, []net.Listener{wrap(listeners[0]), wrap(listeners[1])})
			runServer(t, s)
			addrs := s.Addrs()
			if len(addrs) != 2 || !addrs[0].Addr().Is4() || !addrs[1].Addr().Is6() || addrs[0].Port() == 0 || addrs[1].Port() == 0 {
				t.Fatalf("listens on %v", addrs)
			}
			conn6, r6 := dial(t, addrs[1])
			ask(t, conn6, "/announce?"+announceQuery(6881, "1", ""))
			_, body := response(t, r6)
			if got := mustDict(t, body); got["external ip"] != string(net.IPv6loopback) {
				t.Errorf("over IPv6: %q", got)
			}
			conn4, r4 := dial(t, addrs[0])
			ask(t, conn4, "/announce?"+announceQuery(6881, "1", ""))
			_, body = response(t, r4)
			if got := mustDict(t, body); got["external ip"] != "\x7f\x00\x00\x01" || got["peers6"] != string(net.IPv6loopback)+"\x1a\xe1" {
				t.Errorf("over IPv4: %q", got)
			}
		})
	}
}

func TestConnectionIsKeptOrClosed(t *testing.T) {
	onEachEngine(t, func(t *testing.T, start starter) {
		tests := []struct {
			name, protocol, header string
			kept                   bool
		}{
			{"HTTP/1.1", "HTTP/1.1", "Host: x\r\n", true},
			{"HTTP/1.1 close", "HTTP/1.1", "Host: x\r\nConnection: close\r\n", false},
			{"HTTP/1.0", "HTTP/1.0", "", false},
			{"HTTP/1.0 keep-alive", "HTTP/1.0", "Connection: Keep-Alive\r\n", true},
		}
		s := start(t, Options{}, standardTimeouts)
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				conn, r := dial(t, s.Addrs()[0])
				message := "GET /announce?" + libtorrentQuery + " " + test.protocol + "\r\n" + test.header +
					"User-Agent: libtorrent/2.0.8.0\r\nAccept-Encoding: gzip\r\n\r\n"
				io.WriteString(conn, message)
				resp, body := response(t, r)
				mustDict(t, body)
				if resp.StatusCode != 200 || resp.ContentLength != int64(len(body)) || len(resp.TransferEncoding) > 0 ||
					resp.Uncompressed || resp.Header.Get("Content-Type") != "text/plain" {
					t.Errorf("got %+v", resp)
				}
				if !test.kept {
					if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
						t.Errorf("after the reply: %q, %v", rest, err)
					}
					return
				}
				io.WriteString(conn, message)
				response(t, r)
			})
		}
	})
}

// TestLongReply is about replies that many servers would send in chunks.
func TestLongReply(t *testing.T) {
	onEachEngine(t, func(t *testing.T, start starter) {
		s := start(t, Options{}, standardTimeouts)
		for port := 1; port <= 300; port++ {
			get(s.service.handler, addr2, "/announce", announceQuery(port, "1", ""))
			get(s.service.handler, addr6, "/announce", announceQuery(port, "1", ""))
		}
		conn, r := dial(t, s.Addrs()[0])
		for _, target := range []string{
			"/announce?" + announceQuery(6881, "1", "&numwant=1000"),
			"/announce?" + announceQuery(6881, "1", "&numwant=1000&compact=0"),
			"/scrape?" + scrapeQuery(74),
		} {
			ask(t, conn, target)
			resp, body := response(t, r)
			if resp.ContentLength != int64(len(body)) || len(body) < 2000 || resp.Close {
				t.Errorf("%d bytes, %+v", len(body), resp)
			}
			mustDict(t, body)
		}
	})
}

// TestHeadIsGetWithoutBody: monitors ask with HEAD.
func TestHeadIsGetWithoutBody(t *testing.T) {
	onEachEngine(t, func(t *testing.T, start starter) {
		s := start(t, Options{FullScrape: true, RedirectURL: "https://example.org/"}, standardTimeouts)
		for _, target := range []string{"/announce?" + libtorrentQuery, "/announce", "/scrape?" + scrapeQuery(3), "/scrape", "/", "/x"} {
			reply := func(method string) (header, body string) {
				conn, _ := dial(t, s.Addrs()[0])
				io.WriteString(conn, method+" "+target+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
				all, err := io.ReadAll(conn)
				if err != nil {
					t.Error(err)
				}
				header, body, _ = strings.Cut(string(all), "\r\n\r\n")
				return header, body
			}
			want, wantBody := reply("GET")
			if header, body := reply("HEAD"); header != want || body != "" || wantBody == "" {
				t.Errorf("%s: got %q with body %q, want %q", target, header, body, want)
			}
		}
		if got := s.Stats().Requests[ActionFullScrape][tracker.IPv4]; got != (Results{OK: 2}) {
			t.Errorf("full scrapes counted as %+v", got)
		}
	})
}

// TestHeadTakesNoPlace: a HEAD of a full scrape neither takes a place nor gives
// back another's.
func TestHeadTakesNoPlace(t *testing.T) {
	onEachEngine(t, func(t *testing.T, start starter) {
		s := start(t, Options{FullScrape: true}, standardTimeouts)
		under := &s.service.handler.fullScrapes
		under.enter(tracker.NetworkOf(netip.MustParseAddr("127.0.0.1"))) // of the same client
		conn, _ := dial(t, s.Addrs()[0])
		io.WriteString(conn, "HEAD /scrape HTTP/1.1\r\nHost: x\r\n\r\n")
		if reply, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(reply), "HTTP/1.1 200 ") {
			t.Errorf("%q, %v", reply, err)
		}
		eventually(t, s, 0)
		if under.enter(tracker.NetworkOf(netip.MustParseAddr("127.0.0.1"))) {
			t.Error("the place is free")
		}
	})
}

// TestRequestsOfOldClients: opentracker answers them, and so do we, but where
// net/http refuses them.
func TestRequestsOfOldClients(t *testing.T) {
	const target = "/announce?" + libtorrentQuery
	tests := []struct {
		name, in string
		kept     bool
		refusal  int // net/http's
	}{
		{"HTTP/1.1 without a host", "GET " + target + " HTTP/1.1\r\n\r\n", true, 400},
		{"no version", "GET " + target + "\r\n\r\n", false, 400},
		{"no version, line feeds", "GET " + target + "\n\n", false, 400},
		{"no version, a header", "GET " + target + "\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", false, 400},
		{"HTTP/0.9", "GET " + target + " HTTP/0.9\r\n\r\n", false, 505},
		{"HTTP/1.0", "GET " + target + " HTTP/1.0\r\n\r\n", false, 0},
		{"HTTP/1.0, line feeds", "GET " + target + " HTTP/1.0\n\n", false, 0},
		{"HTTP/1.0 kept", "GET " + target + " HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true, 0},
	}
	for name, wrap := range engines {
		t.Run(name, func(t *testing.T) {
			s, _, _ := run(t, wrap, Options{}, standardTimeouts, newTracker())
			for _, test := range tests {
				status, start, kept := 200, "d8:complete", test.kept
				if name == netHTTP && test.refusal != 0 {
					status, start, kept = test.refusal, strconv.Itoa(test.refusal), false
				}
				conn, r := dial(t, s.Addrs()[0])
				io.WriteString(conn, test.in)
				resp, body := response(t, r)
				if resp.StatusCode != status || !strings.HasPrefix(body, start) || resp.Close == kept {
					t.Errorf("%s: status %d, close %v, %q", test.name, resp.StatusCode, resp.Close, body)
				}
				if kept {
					continue
				}
				if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
					t.Errorf("%s: after the answer: %q, %v", test.name, rest, err)
				}
			}
		})
	}
}

func TestLongHeader(t *testing.T) {
	onEachEngine(t, func(t *testing.T, start starter) {
		s := start(t, Options{}, standardTimeouts)
		for size, want := range map[int]int{maxHead: 404, maxHead + 1: 431} {
			conn, r := dial(t, s.Addrs()[0])
			head, end := "GET /x HTTP/1.1\r\nHost: x\r\nX: ", "\r\n\r\n"
			io.WriteString(conn, head+strings.Repeat("x", size-len(head)-len(end))+end)
			if resp, _ := response(t, r); resp.StatusCode != want {
				t.Errorf("%d bytes: status %d", size, resp.StatusCode)
			}
		}
	})
}

// TestJunk sends what is no request, and a request after it.
func TestJunk(t *testing.T) {
	onEachEngine(t, func(t *testing.T, start starter) {
		var logged lockedBuffer
		s := start(t, Options{Log: zerolog.New(&logged).Level(zerolog.InfoLevel)}, standardTimeouts)
		for _, junk := range []string{
			"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", // TLS
			"\x13BitTorrent protocol\x00\x00\x00\x00\x00\x00\x00\x00",
			"GET\r\n\r\n", "GET /announce\r\n\r\n", "GET /%zz HTTP/1.1\r\n\r\n", "\r\n\r\n\r\n", "\x00",
			"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /announce? x HTTP/1.1\r\nHost: x\r\n\r\n",
			"GET /announce?\x80\xff%00+;%zz HTTP/1.1\r\nHost: x\r\n\r\n",
		} {
			conn, _ := dial(t, s.Addrs()[0])
			io.WriteString(conn, junk)
			conn.CloseWrite()
			io.Copy(io.Discard, conn) // until the server has had enough
		}
		conn, r := dial(t, s.Addrs()[0])
		ask(t, conn, "/announce?"+libtorrentQuery)
		if resp, _ := response(t, r); resp.StatusCode != 200 {
			t.Errorf("status %d", resp.StatusCode)
		}
		if logged.String() != "" {
			t.Errorf("logged %q", logged.String())
		}
	})
}

func TestWrongOptions(t *testing.T) {
	tests := []struct {
		name    string
		options Options
		want    string
	}{
		{"connection bound", Options{MaxConnections: -1}, "-1"},
		{"connection bound of an address", Options{MaxConnectionsPerAddress: -2}, "-2"},
		{"relative redirect", Options{RedirectURL: "/elsewhere"}, "/elsewhere"},
		{"malformed redirect", Options{RedirectURL: "http://%"}, "redirect URL"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := New(test.options, nil, newTracker()); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v does not name %s", err, test.want)
			}
		})
	}
}

func TestCloseFreesTheAddress(t *testing.T) {
	s, err := New(Options{}, bindTo(t, "127.0.0.1:0"), newTracker())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := s.Run(context.Background()); err != nil {
		t.Errorf("run of a closed server: %v", err)
	}
	again := bindTo(t, s.Addrs()[0].String())
	if err := again[0].Close(); err != nil {
		t.Error(err)
	}
}

func TestRunReportsAListenerThatFails(t *testing.T) {
	broken := errors.New("broken")
	s := newServer(Options{}, newTracker(), standardTimeouts, []net.Listener{newPipeListener(), brokenListener{newPipeListener(), broken}})
	if err := s.Run(context.Background()); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type brokenListener struct {
	*pipeListener
	err error
}

func (l brokenListener) Accept() (net.Conn, error) { return nil, l.err }

// lockedBuffer is a bytes.Buffer for several goroutines.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
