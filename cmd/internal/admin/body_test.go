package admin

import (
	"bufio"
	"fmt"
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
	f.asked = nil
	if res, _ := ask(t, "POST", url+"/api/v1/checkpoint", strings.Repeat("x", maxBody+1)); res.StatusCode != http.StatusRequestEntityTooLarge || f.asked != nil {
		t.Errorf("a large body: status %d, asked %q", res.StatusCode, f.asked)
	}
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
