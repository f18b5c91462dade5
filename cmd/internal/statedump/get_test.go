package statedump

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// serve answers each connection with write, and hands out the requests.
func serve(t *testing.T, write func(c net.Conn)) (address string, requests <-chan *http.Request) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked, done := make(chan *http.Request, 8), make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				asked <- r
				write(c)
			}
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String(), asked
}

func TestGet(t *testing.T) {
	address, asked := serve(t, func(c net.Conn) { _, _ = io.WriteString(c, withHead("", gzipped(dump))) })
	for text, want := range map[string]string{
		"http://" + address:                             "/stats?mode=statedump",
		"http://" + address + "/":                       "/stats?mode=statedump",
		"http://" + address + "/other?mode=statedump":   "/other?mode=statedump",
		"http://me:secret@" + address + "/stats?mode=x": "/stats?mode=x",
	} {
		u, err := ParseURL(text)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := Get(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Text(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != dump {
			t.Errorf("%s: %q, %v", text, got, err)
		}
		if err := raw.Close(); err != nil {
			t.Error(err)
		}
		request := <-asked
		user, password, _ := request.BasicAuth()
		if request.RequestURI != want || request.Host != address || user+password != map[bool]string{true: "mesecret"}[strings.Contains(text, "@")] {
			t.Errorf("%s: asked %s of %s as %q", text, request.RequestURI, request.Host, user)
		}
	}
}

func TestURLsThatNameNoDump(t *testing.T) {
	for _, text := range []string{"http://", "http:///stats", "https://:80/", "http://a b/", "http://[::1"} {
		if u, err := ParseURL(text); err == nil {
			t.Errorf("%q is taken as %s", text, u)
		}
	}
}

// TestGetGivesUp asks a tracker that does not answer, and one that never ends.
func TestGetGivesUp(t *testing.T) {
	cause := errors.New("long enough")
	for name, write := range map[string]func(c net.Conn){
		"silent":       func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"without end":  func(c net.Conn) { writeOn(c, dump) },
		"no line ends": func(c net.Conn) { writeOn(c, "0") },
	} {
		t.Run(name, func(t *testing.T) {
			address, _ := serve(t, write)
			ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, cause)
			defer cancel()
			u, err := ParseURL("http://" + address)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := Get(ctx, u)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, raw); !errors.Is(err, cause) || !strings.Contains(err.Error(), address) {
				t.Errorf("got %v", err)
			}
			if err := raw.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// writeOn writes text again and again until the other side has gone.
func writeOn(c net.Conn, text string) {
	for {
		if _, err := io.WriteString(c, text); err != nil {
			return
		}
	}
}
