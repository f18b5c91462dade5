package http

import (
	"crypto/tls"
	"io"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// TestListenerOverTLS: the engine goes by the listener, not by the system.
func TestListenerOverTLS(t *testing.T) {
	certified := httptest.NewTLSServer(nil)
	defer certified.Close()
	s, stop, stopped := run(t, func(l net.Listener) net.Listener { return tls.NewListener(l, certified.TLS) },
		Options{}, standardTimeouts, newTracker())
	client := certified.Client()
	for range 2 { // over one connection
		resp, err := client.Get("https://" + s.Addrs()[0].String() + "/announce?" + announceQuery(6881, "1", ""))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if got := mustDict(t, string(body)); err != nil || got["external ip"] != "\x7f\x00\x00\x01" || resp.ContentLength != int64(len(body)) {
			t.Errorf("%v, %+v, %q", err, resp, got)
		}
	}
	conn, r := dial(t, s.Addrs()[0])
	ask(t, conn, "/announce?"+libtorrentQuery) // without TLS
	if resp, err := nethttp.ReadResponse(r, nil); err == nil {
		t.Errorf("is answered without TLS: %+v", resp)
	}
	if got := s.Stats(); got.Accepted != 2 || got.Requests[ActionAnnounce][0].OK != 2 {
		t.Errorf("counted %+v", got)
	}
	stop() // with an idle connection
	<-stopped
}

// TestListenersOfSeveralKinds bounds the connections to all of them together.
func TestListenersOfSeveralKinds(t *testing.T) {
	var listeners []net.Listener
	for _, wrap := range engines {
		listeners = append(listeners, wrap(bindTo(t, "127.0.0.1:0")[0]))
	}
	s := newServer(Options{MaxConnectionsPerAddress: len(listeners)}, newTracker(), standardTimeouts, listeners)
	runServer(t, s)
	for _, to := range s.Addrs() {
		if !served(t, dialFrom(t, "127.0.0.1", to)) {
			t.Fatalf("%v: refused below the limit", to)
		}
	}
	for _, to := range s.Addrs() {
		if served(t, dialFrom(t, "127.0.0.1", to)) {
			t.Errorf("%v: served beyond the limit", to)
		}
	}
	if got := s.Stats(); got.Connections != len(listeners) || got.Refused != uint64(len(listeners)) {
		t.Errorf("counted %+v", got)
	}
}

// TestPanicIsLogged: net/http goes on after it, so somebody has to be told.
func TestPanicIsLogged(t *testing.T) {
	var logged lockedBuffer
	s := newServer(Options{Log: zerolog.New(&logged)}, nil, standardTimeouts, []net.Listener{wrap(bindTo(t, "127.0.0.1:0")[0])})
	runServer(t, s)
	conn, r := dial(t, s.Addrs()[0])
	ask(t, conn, "/announce?"+libtorrentQuery)
	if resp, err := nethttp.ReadResponse(r, nil); err == nil {
		t.Errorf("is answered without a tracker: %+v", resp)
	}
	eventually(t, s, 0)
	if text := logged.String(); !strings.Contains(text, `"level":"error"`) || !strings.Contains(text, "panic") {
		t.Errorf("logged %s", text)
	}
}
