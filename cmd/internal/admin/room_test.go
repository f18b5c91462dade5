package admin

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// connect opens a connection to the server and sends the text.
func connect(t *testing.T, url, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

// wantEnd expects that the server closes the connection, after a reply or not.
func wantEnd(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("a connection stays open that was to make room")
	}
}

// TestOperatorGetsIn although others hold all the connections that there may be.
func TestOperatorGetsIn(t *testing.T) {
	const head = " HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	for name, text := range map[string]string{
		"silent":             "",
		"trickling":          "GET /metrics" + head,
		"waiting for a body": "GET /healthz" + head + "Content-Length: 1\r\n\r\n",
		"kept alive":         "GET /healthz" + head + "\r\n",
		"without the token":  "GET /metrics" + head + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			url := start(t, Options{Token: "sesame"})
			var conns []net.Conn
			for range 2 * maxConnections {
				conns = append(conns, connect(t, url, text))
			}
			if status, _ := get(t, url+"/metrics", "Bearer sesame"); status != http.StatusOK {
				t.Errorf("the operator: status %d", status)
			}
			for _, conn := range conns[:maxConnections+1] { // the last made room for the operator
				wantEnd(t, conn)
			}
		})
	}
}

// TestRequestsInHandStay: they make no room for what comes later.
func TestRequestsInHandStay(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	url := start(t, Options{API: func() (API, error) {
		begun <- struct{}{}
		<-end
		return &fakeAPI{}, nil
	}})
	statuses := make(chan int, maxConnections)
	for range maxConnections {
		go func() {
			status, _ := get(t, url+"/api/v1/stats", "")
			statuses <- status
		}()
		<-begun
	}
	wantEnd(t, connect(t, url, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"))
	close(end)
	for range maxConnections {
		if status := <-statuses; status != http.StatusOK {
			t.Errorf("a request in hand: status %d", status)
		}
	}
	if status, _ := get(t, url+"/metrics", ""); status != http.StatusOK {
		t.Errorf("afterwards: status %d", status)
	}
}
