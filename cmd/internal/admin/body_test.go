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

func TestBodies(t *testing.T) {
	f := &fakeAPI{}
	url := serve(t, f)
	if res, _ := ask(t, "POST", url+"/api/v1/checkpoint", "{}"); res.StatusCode != http.StatusOK {
		t.Errorf("a small body: status %d", res.StatusCode)
	}
	for _, c := range []struct {
		name string
		body io.Reader
		want int
	}{
		{"the largest", strings.NewReader(strings.Repeat("x", maxBody)), http.StatusOK},
		{"a byte more", strings.NewReader(strings.Repeat("x", maxBody+1)), http.StatusRequestEntityTooLarge},
		{"the largest in chunks", chunked(maxBody), http.StatusOK},
		{"a byte more in chunks", chunked(maxBody + 1), http.StatusRequestEntityTooLarge},
		{"much more in chunks", chunked(100 * maxBody), http.StatusRequestEntityTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.asked = nil
			res, err := http.Post(url+"/api/v1/checkpoint", "text/plain", c.body)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if done := f.asked != nil; res.StatusCode != c.want || done != (c.want == http.StatusOK) {
				t.Errorf("status %d, done: %v", res.StatusCode, done)
			}
		})
	}
}

// chunked is a body whose length the client does not know.
func chunked(n int) io.Reader { return io.MultiReader(strings.NewReader(strings.Repeat("x", n))) }

// TestBodiesDoNotBoundTheAnswer: a request with a body may take long, as a profile
// or a backup does.
func TestBodiesDoNotBoundTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := onPipe(t, Options{Stats: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
				w.WriteHeader(http.StatusServiceUnavailable)
			case <-time.After(4 * bodyTime):
			}
		})})
		client.SetDeadline(time.Now().Add(time.Minute))
		fmt.Fprint(client, "GET /stats HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}")
		res, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("got %v, %v", res, err)
		}
	})
}

// TestBodiesThatNeverCome: a promised body holds no connection, whatever is
// asked for and whoever asks.
func TestBodiesThatNeverCome(t *testing.T) {
	for _, request := range []string{"GET /healthz", "POST /healthz", "GET /metrics", "GET /api/v1/stats",
		"POST /api/v1/checkpoint", "POST /api/v1/nothing"} {
		for _, header := range []string{"Content-Length: 1", fmt.Sprint("Content-Length: ", maxBody+1), "Transfer-Encoding: chunked"} {
			t.Run(request+" "+header, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { waitForBody(t, request, header) })
			})
		}
	}
}

// waitForBody sends the head of a request, and expects the end of the connection.
func waitForBody(t *testing.T, request, header string) {
	client := onPipe(t, Options{Token: "sesame"})
	began := time.Now()
	client.SetDeadline(began.Add(time.Minute))
	fmt.Fprintf(client, "%s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n\r\n", request, header)
	in := bufio.NewReader(client)
	if _, err := http.ReadResponse(in, nil); err != nil {
		t.Fatalf("no reply: %v", err)
	}
	if _, err := in.WriteTo(new(strings.Builder)); err != nil {
		t.Errorf("the connection stays open: %v", err)
	}
	if took := time.Since(began); took > 2*bodyTime {
		t.Errorf("after %v", took)
	}
}
