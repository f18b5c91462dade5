package http

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
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
		mostTaken = 2 << 20  // bytes of a connection; nearly all are with the system
		mostHeld  = 64 << 10 // bytes of memory for a connection
	)
	onEachSystem(t, func(t *testing.T, start starter) {
		s := start(t, Options{}, limits{head: time.Hour, idle: time.Hour, write: time.Hour})
		for port := 1; port <= tracker.MaxPeers+1; port++ {
			get(s.service.handler, addr6, "/announce", announceQuery(port, "1", ""))
		}
		target := "/announce?" + announceQuery(0, "1", "&numwant=200&compact=0")
		many := bytes.Repeat([]byte("GET "+target+" HTTP/1.1\r\nHost: x\r\n\r\n"), 100)
		conns := make([]*net.TCPConn, clients)
		for i := range conns {
			conn, r := dial(t, s.Addrs()[0])
			request(t, conn, target) // makes what a connection has anyway
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
		request(t, other, "/announce?"+libtorrentQuery)
		response(t, r)
	})
}
