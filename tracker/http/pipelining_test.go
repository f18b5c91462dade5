package http

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"keeptrack/tracker"
)

// pipelineUntilStalled sends requests without reading the replies until no more
// are taken, by the server or by the buffers that the system has for it. More
// than limit bytes are an error. If the server is only slow, the test tests
// less.
func pipelineUntilStalled(conn net.Conn, requests []byte, limit int) error {
	for sent := 0; sent <= limit; {
		if err := conn.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			return err
		}
		n, err := conn.Write(requests[sent%len(requests):])
		sent += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return fmt.Errorf("more than %d bytes of requests are taken although no reply is read", limit)
}

// listenWithBuffers listens on a loopback address. Its connections have buffers
// of about that many bytes with the system, whatever others have on the host.
func listenWithBuffers(t *testing.T, bytes int) net.Listener {
	t.Helper()
	lc := net.ListenConfig{Control: func(_, _ string, socket syscall.RawConn) (err error) {
		if controlErr := socket.Control(func(fd uintptr) {
			err = errors.Join(syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, bytes),
				syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, bytes))
		}); controlErr != nil {
			return controlErr
		}
		return err
	}}
	l, err := lc.Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// heap returns the bytes of memory in use.
func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools keep over one
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestPipeliningIsBounded sends short requests for long replies without end and
// reads nothing: the server stops reading, holds little, and answers others.
func TestPipeliningIsBounded(t *testing.T) {
	const (
		clients   = 16
		buffer    = 32 << 10  // bytes; the system may double them
		mostTaken = 256 << 10 // bytes of a connection; nearly all are with the system
		mostHeld  = 64 << 10  // bytes of memory for a connection; no other test runs meanwhile
	)
	for name, wrap := range engines {
		t.Run(name, func(t *testing.T) {
			s := newServer(Options{}, newTracker(), timeouts{head: time.Hour, idle: time.Hour, write: time.Hour},
				[]net.Listener{wrap(listenWithBuffers(t, buffer))})
			runServer(t, s)
			for port := 1; port <= tracker.MaxPeers+1; port++ {
				get(s.service.handler, addr6, "/announce", announceQuery(port, "1", ""))
			}
			target := "/announce?" + announceQuery(0, "1", "&numwant=200&compact=0")
			many := bytes.Repeat([]byte("GET "+target+" HTTP/1.1\r\nHost: x\r\n\r\n"), 100)
			conns := make([]*net.TCPConn, clients)
			for i := range conns {
				conn, r := dial(t, s.Addrs()[0])
				ask(t, conn, target) // makes what a connection has anyway
				if _, body := response(t, r); len(body) < 6000 {
					t.Fatalf("the reply has only %d bytes", len(body))
				}
				conn.SetReadBuffer(4096)
				conn.SetWriteBuffer(4096)
				conns[i] = conn
			}
			before := heap()
			var group errgroup.Group
			for _, conn := range conns {
				group.Go(func() error { return pipelineUntilStalled(conn, many, mostTaken) })
			}
			if err := group.Wait(); err != nil {
				t.Fatal(err)
			}
			if held := (heap() - before) / clients; held > mostHeld {
				t.Errorf("holds %d bytes for each of %d connections", held, clients)
			}
			if n := s.Stats().Connections; n != clients {
				t.Errorf("%d connections", n)
			}
			other, r := dial(t, s.Addrs()[0])
			ask(t, other, "/announce?"+libtorrentQuery)
			response(t, r)
		})
	}
}
