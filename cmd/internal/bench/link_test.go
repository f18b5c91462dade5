package bench

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// links are the ways to reach a tracker over real sockets.
var links = map[string]linkOpener{"system": openLink, "portable": newPortableLink}

// serveUDP answers datagrams on the loopback until the test ends; nil is no
// answer.
func serveUDP(t *testing.T, answer func(from netip.AddrPort, packet []byte) []byte) string {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-done })
	go func() {
		defer close(done)
		for packet := make([]byte, 2048); ; {
			n, from, err := conn.ReadFromUDPAddrPort(packet)
			if err != nil {
				return
			}
			if reply := answer(from, packet[:n]); reply != nil {
				_, _ = conn.WriteToUDPAddrPort(reply, from) // as good as lost
			}
		}
	}()
	return conn.LocalAddr().String()
}

// serveHTTP serves on the loopback until the test ends, and counts connections.
func serveHTTP(t *testing.T, connections *atomic.Int64, h http.HandlerFunc) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	s := &http.Server{Handler: h, ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}}
	t.Cleanup(func() { s.Close(); <-done })
	go func() {
		defer close(done)
		_ = s.Serve(l) // until closed
	}()
	return l.Addr().String()
}

// runOver runs a load over real sockets.
func runOver(t *testing.T, open linkOpener, o Options) (Report, error) {
	t.Helper()
	o.Timeout = 30 * time.Second // not a matter of time
	b, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRoute(t.Context(), b.stream, b.url.Hostname(), b.url.Port(), o.Sources)
	if err != nil {
		t.Fatal(err)
	}
	return b.run(t.Context(), r, open)
}

func TestUDPOverSockets(t *testing.T) {
	for name, open := range links {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			from := map[netip.AddrPort]int{}
			addr := serveUDP(t, func(a netip.AddrPort, packet []byte) []byte {
				mu.Lock()
				from[a]++
				mu.Unlock()
				return answerUDP(packet)
			})
			o := DefaultOptions()
			o.URL, o.Requests, o.Window, o.Sources = "udp://"+addr, 2000, 50, 8
			r, err := runOver(t, open, o)
			if want := (counts{sent: 2000, good: 2000}); err != nil || countsOf(r) != want {
				t.Errorf("got %+v, %v, want %+v", countsOf(r), err, want)
			}
			if r.PeersPerReply != 2 || r.Latency.P50 <= 0 || r.Latency.Max < r.Latency.P50 {
				t.Errorf("%g peers a reply, latencies %+v", r.PeersPerReply, r.Latency)
			}
			mu.Lock()
			defer mu.Unlock()
			if len(from) != 8 {
				t.Errorf("requests come from %d sources, want 8", len(from))
			}
			for a, n := range from {
				if n < 200 {
					t.Errorf("%d requests from %v, want an eighth", n, a)
				}
				if runtime.GOOS == "linux" && !netip.MustParsePrefix("127.1.0.0/16").Contains(a.Addr()) {
					t.Errorf("requests come from %v", a)
				}
			}
		})
	}
}

func TestUDPOpenLoopOverSockets(t *testing.T) {
	for name, open := range links {
		t.Run(name, func(t *testing.T) {
			addr := serveUDP(t, func(_ netip.AddrPort, packet []byte) []byte { return answerUDP(packet) })
			o := DefaultOptions()
			o.URL, o.Requests, o.Rate, o.Duration = "udp://"+addr, 100, 3000, time.Minute
			r, err := runOver(t, open, o)
			if want := (counts{sent: 100, good: 100}); err != nil || countsOf(r) != want {
				t.Errorf("got %+v, %v, want %+v", countsOf(r), err, want)
			}
			if r.Seconds < 99./3000 {
				t.Errorf("100 requests at 3000/s are done in %g s", r.Seconds)
			}
		})
	}
}

func TestHTTPOverSockets(t *testing.T) {
	for name, open := range links {
		for _, c := range []struct {
			name  string
			close bool
			want  int64
		}{
			{"keep-alive", false, 16},
			{"close", true, 600},
		} {
			t.Run(name+" "+c.name, func(t *testing.T) {
				var connections atomic.Int64
				addr := serveHTTP(t, &connections, func(w http.ResponseWriter, r *http.Request) {
					body := goodBody
					if r.URL.Path == "/scrape" {
						body = "d5:filesdee"
					}
					_, _ = w.Write([]byte(body)) // the client will complain
				})
				o := DefaultOptions()
				o.URL, o.Requests, o.Window, o.Close = "http://"+addr+"/announce", 600, 16, c.close
				r, err := runOver(t, open, o)
				if want := (counts{sent: 600, good: 600}); err != nil || countsOf(r) != want {
					t.Errorf("got %+v, %q, %v, want %+v", countsOf(r), r.LastFailure, err, want)
				}
				if n := connections.Load(); n != c.want {
					t.Errorf("%d connections, want %d", n, c.want)
				}
			})
		}
	}
}

func TestHTTPRefusedOverSockets(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	for name, open := range links {
		t.Run(name, func(t *testing.T) {
			o := DefaultOptions()
			o.URL, o.Requests = "http://"+addr+"/announce", 20
			r, err := runOver(t, open, o)
			if want := (counts{sent: 20, lost: 20}); !errors.Is(err, ErrUnanswered) || countsOf(r) != want || r.LastFailure == "" {
				t.Errorf("got %+v, %q, %v, want %+v", countsOf(r), r.LastFailure, err, want)
			}
		})
	}
}

func TestUDPRefusedOverSockets(t *testing.T) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	addr := conn.LocalAddr().String()
	conn.Close()
	for name, open := range links {
		t.Run(name, func(t *testing.T) {
			o := DefaultOptions()
			o.URL, o.Requests = "udp://"+addr, 20
			b, err := New(o)
			if err != nil {
				t.Fatal(err)
			}
			r, err := newRoute(t.Context(), false, b.url.Hostname(), b.url.Port(), o.Sources)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err := b.run(ctx, r, open); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestStreamInPieces has every answer come in two pieces, or what the system
// makes of them.
func TestStreamInPieces(t *testing.T) {
	for name, open := range links {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				for r := bufio.NewReader(conn); ; {
					if _, err := http.ReadRequest(r); err != nil {
						return
					}
					for _, piece := range [][]byte{httpAnswer(goodBody, "")[:30], httpAnswer(goodBody, "")[30:]} {
						_, _ = conn.Write(piece) // the client will complain
						runtime.Gosched()
					}
				}
			}()
			defer func() { l.Close(); <-done }()
			o := DefaultOptions()
			o.URL, o.Requests, o.Window, o.Mix = "http://"+l.Addr().String()+"/announce", 50, 1, Mix{Announce: 1}
			r, err := runOver(t, open, o)
			if want := (counts{sent: 50, good: 50}); err != nil || countsOf(r) != want {
				t.Errorf("got %+v, %q, %v, want %+v", countsOf(r), r.LastFailure, err, want)
			}
		})
	}
}

func TestSourcesOnTheLoopback(t *testing.T) {
	for _, c := range []struct {
		remote, want string
		i            int
	}{
		{"127.0.0.1:1", "127.1.0.1", 0},
		{"127.0.0.1:1", "127.1.1.44", 299},
		{"127.0.0.1:1", "127.1.0.1", 300},
		{"192.0.2.1:1", "invalid IP", 0},
		{"[::1]:1", "invalid IP", 0},
	} {
		if runtime.GOOS != "linux" {
			c.want = "invalid IP"
		}
		r := route{remote: netip.MustParseAddrPort(c.remote), sources: 300}
		if got := r.local(c.i); got.String() != c.want {
			t.Errorf("to %s socket %d comes from %v, want %s", c.remote, c.i, got, c.want)
		}
	}
}
