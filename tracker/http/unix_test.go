package http

import (
	"bufio"
	"context"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/tracker"
)

// serveUnix runs a server on a unix socket and returns a connection to it.
func serveUnix(t *testing.T, wrap func(net.Listener) net.Listener, o Options, tr *tracker.Tracker) (net.Conn, *bufio.Reader) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	path := l.Addr().String()
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	o.Log = zerolog.Nop()
	s := newServer(o, tr, standardTimeouts, []net.Listener{wrap(l)})
	if len(s.Addrs()) > 0 {
		t.Errorf("serves %v", s.Addrs())
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second)) // a bound for a test that fails
	return conn, bufio.NewReader(conn)
}

// TestUnixSocket: the client is whom the proxy names; without a name, or with
// the address of nobody, it is answered but neither stored nor told an address.
func TestUnixSocket(t *testing.T) {
	for name, wrap := range engines {
		t.Run(name, func(t *testing.T) {
			tr := newTracker()
			conn, r := serveUnix(t, wrap, Options{}, tr)
			ask := func(target, header string) map[string]any {
				io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: x\r\n"+header+"\r\n")
				resp, body := response(t, r)
				if resp.StatusCode != 200 {
					t.Errorf("status %d", resp.StatusCode)
				}
				return mustDict(t, body)
			}
			for _, header := range []string{"", "X-Forwarded-For: unknown\r\n", "X-Forwarded-For: 0.0.0.0\r\n", "X-Forwarded-For: ::\r\n"} {
				got := ask("/announce?"+announceQuery(6881, "1", ""), header)
				if got["complete"] != int64(0) || got["incomplete"] != int64(0) || tr.Torrents() > 0 {
					t.Errorf("%q: %v, %d torrents", header, got, tr.Torrents())
				}
				if ip, ok := got["external ip"]; ok {
					t.Errorf("%q: is told %q", header, ip)
				}
			}
			got := ask("/announce?"+announceQuery(6881, "1", ""), "X-Forwarded-For: 198.51.100.9, "+addr1.String()+"\r\n")
			if a := addr1.As4(); got["external ip"] != string(a[:]) || got["incomplete"] != int64(1) {
				t.Errorf("with a name: %v", got)
			}
			got = ask("/announce?"+announceQuery(6881, "1", ""), "X-Forwarded-For: "+addr6.String()+"\r\n")
			if a := addr6.As16(); got["external ip"] != string(a[:]) || got["incomplete"] != int64(2) {
				t.Errorf("with an IPv6 name: %v", got)
			}
		})
	}
}

// TestFullScrapeOnUnixSocket: its goroutine takes the connection over.
func TestFullScrapeOnUnixSocket(t *testing.T) {
	for name, wrap := range engines {
		t.Run(name, func(t *testing.T) {
			conn, r := serveUnix(t, wrap, Options{FullScrape: true}, newTracker())
			ask(t, conn, "/scrape")
			if _, body := response(t, r); !strings.HasPrefix(body, scrapeStart) {
				t.Errorf("got %q", body)
			}
		})
	}
}
