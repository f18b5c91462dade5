package admin

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// onPipe serves one connection until the test ends, and returns the client's end.
func onPipe(t *testing.T, o Options) net.Conn {
	o.Log, o.Metrics = zerolog.Nop(), prometheus.NewRegistry()
	client, server := net.Pipe()
	l := make(pipeListener, 1)
	l <- server
	s := New(o)
	done := make(chan error, 1)
	go func() { done <- s.server.Serve(l) }()
	t.Cleanup(func() {
		client.Close()
		s.server.Close()
		<-done
	})
	return client
}

// pipeListener accepts what is sent to it.
type pipeListener chan net.Conn

func (l pipeListener) Accept() (net.Conn, error) {
	if conn, ok := <-l; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (l pipeListener) Close() error { close(l); return nil }

func (l pipeListener) Addr() net.Addr { return &net.UnixAddr{Net: "pipe"} }

// TestClientsThatDoNotRead are cut off, whatever they have asked for.
func TestClientsThatDoNotRead(t *testing.T) {
	for _, request := range []string{"GET /healthz", "GET /nothing", "POST //healthz", "GET /metrics", "GET /api/v1/stats", "HEAD /api/v1/stats", "NONSENSE"} {
		t.Run(request, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := onPipe(t, Options{Token: "sesame"})
				fmt.Fprintf(client, "%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", request)
				time.Sleep(stall + time.Second)
				if b, err := io.ReadAll(client); err != nil || len(b) > 0 {
					t.Errorf("%q came late, %v", b, err)
				}
			})
		})
	}
}

// TestSlowReadersGetAll of a reply that takes long, as long as they read.
func TestSlowReadersGetAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 20 * pieceSize
		client := onPipe(t, Options{Stats: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(2 * stall) // as long as the answer takes
			io.WriteString(w, strings.Repeat("x", size))
		})})
		fmt.Fprint(client, "GET /stats HTTP/1.0\r\n\r\n")
		began, got := time.Now(), 0
		for piece := make([]byte, pieceSize); ; time.Sleep(stall / 2) {
			n, err := io.ReadFull(client, piece)
			if got += n; err != nil {
				break
			}
		}
		if got < size {
			t.Errorf("%d bytes after %v, want %d", got, time.Since(began), size)
		}
	})
}
