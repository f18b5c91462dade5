package http

import (
	"bufio"
	"context"
	"io"
	"net"
	nethttp "net/http"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/rs/zerolog"

	"keeptrack/tracker"
)

// pipeListener is a network without sockets, for tests in virtual time.
type pipeListener struct {
	dialed chan net.Conn
	close  sync.Once
	closed chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{dialed: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.dialed:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.close.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// pipeServer is a server under test in a synctest bubble.
type pipeServer struct {
	*Server
	listener *pipeListener
	stop     context.CancelFunc
	stopped  chan struct{} // closed when Run has returned
}

// servePipes runs a server until the test's end at the latest. Its connections
// are unbuffered: a reply that nobody reads holds the server up.
func servePipes(t *testing.T, o Options, tr *tracker.Tracker) *pipeServer {
	o.Log = zerolog.Nop()
	l := newPipeListener()
	ctx, cancel := context.WithCancel(t.Context())
	s := &pipeServer{Server: newServer(o, tr, standardTimeouts, []net.Listener{l}), listener: l, stop: cancel, stopped: make(chan struct{})}
	go func() {
		defer close(s.stopped)
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-s.stopped
	})
	synctest.Wait()
	return s
}

// dial returns the client's end of a new connection.
func (s *pipeServer) dial(t *testing.T) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	s.listener.dialed <- server
	t.Cleanup(func() { client.Close() })
	return client
}

// ask sends one request for a path with its query.
func ask(t *testing.T, conn net.Conn, target string) {
	t.Helper()
	askAs(t, conn, target, "")
}

// askAs is ask with more lines in the header.
func askAs(t *testing.T, conn net.Conn, target, lines string) {
	t.Helper()
	if _, err := io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: tracker\r\n"+lines+"\r\n"); err != nil {
		t.Fatal(err)
	}
}

// response reads one reply with its body.
func response(t *testing.T, r *bufio.Reader) (*nethttp.Response, string) {
	t.Helper()
	resp, err := nethttp.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}
