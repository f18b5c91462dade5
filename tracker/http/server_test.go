package http

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/tracker"
)

// systems are what connections are served with, here and elsewhere.
var systems = map[string]serveFunc{"this system": serve, "portable": servePortable}

// starter runs a server on loopback addresses until the test's end.
type starter func(t *testing.T, o Options, l limits) *Server

// onEachSystem runs a test for each of the systems.
func onEachSystem(t *testing.T, test func(t *testing.T, start starter)) {
	for name, serve := range systems {
		t.Run(name, func(t *testing.T) {
			test(t, func(t *testing.T, o Options, l limits) *Server {
				s, _, _ := run(t, serve, o, l, newTracker())
				return s
			})
		})
	}
}

// run runs a server on loopback addresses until stop is called, or until the
// test's end. stopped is closed when it has ended.
func run(t *testing.T, serve serveFunc, o Options, l limits, tr *tracker.Tracker) (s *Server, stop func(), stopped chan struct{}) {
	t.Helper()
	if o.Listen == nil {
		o.Listen = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	}
	s, err := listen(o, tr, serve, l)
	if err != nil {
		t.Fatal(err)
	}
	stop, stopped = runServer(t, s)
	return s, stop, stopped
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
	onEachSystem(t, func(t *testing.T, start starter) {
		probe, err := net.Listen("tcp6", "[::1]:0")
		if err != nil {
			t.Skip("no IPv6 here:", err)
		}
		probe.Close()
		s := start(t, Options{Listen: []netip.AddrPort{
			netip.MustParseAddrPort("127.0.0.1:0"),
			netip.MustParseAddrPort("[::1]:0"),
		}}, standardLimits)
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

func TestConnectionIsKeptOrClosed(t *testing.T) {
	onEachSystem(t, func(t *testing.T, start starter) {
		tests := []struct {
			name, protocol, header string
			kept                   bool
		}{
			{"HTTP/1.1", "HTTP/1.1", "Host: x\r\n", true},
			{"HTTP/1.1 close", "HTTP/1.1", "Host: x\r\nConnection: close\r\n", false},
			{"HTTP/1.0", "HTTP/1.0", "", false},
			{"HTTP/1.0 keep-alive", "HTTP/1.0", "Connection: Keep-Alive\r\n", true},
		}
		s := start(t, Options{}, standardLimits)
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
	onEachSystem(t, func(t *testing.T, start starter) {
		s := start(t, Options{}, standardLimits)
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
	onEachSystem(t, func(t *testing.T, start starter) {
		s := start(t, Options{FullScrape: true, RedirectURL: "https://example.org/"}, standardLimits)
		for _, target := range []string{"/announce?" + libtorrentQuery, "/announce", "/scrape?" + scrapeQuery(3), "/scrape", "/", "/x"} {
			reply := func(method string) (header, body string) {
				conn, _ := dial(t, s.Addrs()[0])
				io.WriteString(conn, method+" "+target+" HTTP/1.1\r\nConnection: close\r\n\r\n")
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

// TestRequestsOfOldClients: opentracker answers them, and so do we.
func TestRequestsOfOldClients(t *testing.T) {
	const target = "/announce?" + libtorrentQuery
	tests := []struct {
		name, in string
		kept     bool
	}{
		{"HTTP/1.1 without a host", "GET " + target + " HTTP/1.1\r\n\r\n", true},
		{"no version", "GET " + target + "\r\n\r\n", false},
		{"no version, line feeds", "GET " + target + "\n\n", false},
		{"no version, a header", "GET " + target + "\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", false},
		{"HTTP/0.9", "GET " + target + " HTTP/0.9\r\n\r\n", false},
		{"HTTP/1.0", "GET " + target + " HTTP/1.0\r\n\r\n", false},
	}
	onEachSystem(t, func(t *testing.T, start starter) {
		s := start(t, Options{}, standardLimits)
		for _, test := range tests {
			conn, r := dial(t, s.Addrs()[0])
			io.WriteString(conn, test.in)
			resp, body := response(t, r)
			if resp.StatusCode != 200 || !strings.HasPrefix(body, "d8:complete") || resp.Close == test.kept {
				t.Errorf("%s: status %d, close %v, %q", test.name, resp.StatusCode, resp.Close, body)
			}
			if test.kept {
				continue
			}
			if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
				t.Errorf("%s: after the answer: %q, %v", test.name, rest, err)
			}
		}
	})
}

func TestLongHeader(t *testing.T) {
	onEachSystem(t, func(t *testing.T, start starter) {
		s := start(t, Options{}, standardLimits)
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
	onEachSystem(t, func(t *testing.T, start starter) {
		var logged lockedBuffer
		s := start(t, Options{Log: zerolog.New(&logged).Level(zerolog.InfoLevel)}, standardLimits)
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

func TestListenFails(t *testing.T) {
	server, _, _ := run(t, serve, Options{}, standardLimits, newTracker())
	taken := server.Addrs()[0]
	tests := []struct {
		name    string
		options Options
		want    string
	}{
		{"address in use", Options{Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0"), taken}}, taken.String()},
		{"no address", Options{Listen: []netip.AddrPort{{}}}, "listen address"},
		{"connection bound", Options{MaxConnections: -1}, "-1"},
		{"relative redirect", Options{RedirectURL: "/elsewhere"}, "/elsewhere"},
		{"malformed redirect", Options{RedirectURL: "http://%"}, "redirect URL"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := Listen(test.options, newTracker())
			if err == nil {
				s.Close()
				t.Fatal("listens")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v does not name %s", err, test.want)
			}
		})
	}
}

func TestCloseFreesTheAddress(t *testing.T) {
	o := Options{Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}}
	s, err := Listen(o, newTracker())
	if err != nil {
		t.Fatal(err)
	}
	o.Listen = s.Addrs()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := s.Run(context.Background()); err != nil {
		t.Errorf("run of a closed server: %v", err)
	}
	again, err := Listen(o, newTracker())
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestRunReportsAListenerThatFails(t *testing.T) {
	broken := errors.New("broken")
	s := newServer(Options{}, newTracker(), servePortable, standardLimits, []net.Listener{newPipeListener(), brokenListener{newPipeListener(), broken}})
	if err := s.Run(context.Background()); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type brokenListener struct {
	*pipeListener
	err error
}

func (l brokenListener) Accept() (net.Conn, error) { return nil, l.err }

func TestBind(t *testing.T) {
	const both = "0.0.0.0:6969 [::]:6969"
	tests := []struct {
		name, addrs string
		fail        map[string]error
		want        string // networks and addresses tried
		listeners   int
		err         error
	}{
		{"each family alone", both, nil, "tcp4 0.0.0.0:6969 tcp6 [::]:6969", 2, nil},
		{"IPv4-mapped", "[::ffff:127.0.0.1]:1", nil, "tcp4 127.0.0.1:1", 1, nil},
		{"host without IPv6", both, map[string]error{"tcp6": syscall.EAFNOSUPPORT}, "tcp4 0.0.0.0:6969 tcp6 [::]:6969", 1, nil},
		{"host without IPv4", both, map[string]error{"tcp4": syscall.EADDRNOTAVAIL}, "tcp4 0.0.0.0:6969 tcp6 [::]:6969", 1, nil},
		{"only wildcard missing", "[::]:1", map[string]error{"tcp6": syscall.EAFNOSUPPORT}, "tcp6 [::]:1", 0, syscall.EAFNOSUPPORT},
		{"certain address missing", "127.0.0.1:1 [2001:db8::1]:1", map[string]error{"tcp6": syscall.EADDRNOTAVAIL},
			"tcp4 127.0.0.1:1 tcp6 [2001:db8::1]:1", 0, syscall.EADDRNOTAVAIL},
		{"wildcard in use", both, map[string]error{"tcp6": syscall.EADDRINUSE}, "tcp4 0.0.0.0:6969 tcp6 [::]:6969", 0, syscall.EADDRINUSE},
		{"none", "", nil, "", 0, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var addrs []netip.AddrPort
			for s := range strings.FieldsSeq(test.addrs) {
				addrs = append(addrs, netip.MustParseAddrPort(s))
			}
			var tried []string
			var opened []*pipeListener
			listeners, err := bind(func(_ context.Context, network, address string) (net.Listener, error) {
				tried = append(tried, network, address)
				if err := test.fail[network]; err != nil {
					return nil, fmt.Errorf("listen: %w", err)
				}
				l := newPipeListener()
				opened = append(opened, l)
				return l, nil
			}, addrs)
			if strings.Join(tried, " ") != test.want || len(listeners) != test.listeners || !errors.Is(err, test.err) {
				t.Errorf("tried %q, %d listeners, %v", tried, len(listeners), err)
			}
			if err == nil {
				return
			}
			for _, l := range opened {
				if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
					t.Error("a listener is left open")
				}
			}
		})
	}
}

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
