package admin

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

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

// TestLateReplies reach a client that reads, however little is written of them.
func TestLateReplies(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"headers alone": func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(2 * stall)
			w.WriteHeader(http.StatusNoContent)
		},
		"the end late": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "x")
			time.Sleep(2 * stall)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := onPipe(t, Options{Stats: answer})
				fmt.Fprint(client, "GET /stats HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
				if _, err := http.ReadResponse(bufio.NewReader(client), nil); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
