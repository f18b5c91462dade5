package http

import (
	"bytes"
	"net"
	nethttp "net/http"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

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

// TestErrorLog: clients cannot fill the log at the usual levels.
func TestErrorLog(t *testing.T) {
	var logged bytes.Buffer
	log := ErrorLog(zerolog.New(&logged))
	log.Print("http2: server connection error from 192.0.2.1:1: PROTOCOL_ERROR")
	log.Print("http2: panic serving 192.0.2.1:1: no good")
	want := `{"level":"debug","message":"http2: server connection error from 192.0.2.1:1: PROTOCOL_ERROR"}
{"level":"error","message":"http2: panic serving 192.0.2.1:1: no good"}
`
	if logged.String() != want {
		t.Errorf("logged\n%s\nwant\n%s", &logged, want)
	}
}
