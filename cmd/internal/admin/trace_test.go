package admin

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"keeptrack/tracker/trace"
)

// traceAll returns the lines of a trace of 192.0.2.1; look is called for each.
func traceAll(ctx context.Context, url, length string, look func(line string)) error {
	return NewClient(url, "sesame").Trace(ctx, map[string][]string{"client": {"192.0.2.1"}, "for": {length}}, func(line []byte) error {
		look(string(line))
		return nil
	})
}

// report tells those who trace of n requests of 192.0.2.1, once somebody does.
func report(f *fakeAPI, n int) {
	for f.traces.Active() == nil {
		time.Sleep(time.Millisecond)
	}
	for range n {
		f.traces.Active().Report(netip.MustParseAddr("192.0.2.1"), nil, func() trace.Event {
			return trace.Event{Time: time.Unix(1, 0), Transport: "udp", Outcome: trace.Dropped, Announce: &trace.Announce{Port: 7}}
		})
	}
}

// TestTrace: events come as they happen, and how many were left out.
func TestTrace(t *testing.T) {
	f := &fakeAPI{}
	url := start(t, Options{Token: "sesame", API: func() (API, error) { return f, nil }})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go report(f, 1)
	err := traceAll(ctx, url, "1h", func(line string) {
		if !strings.HasPrefix(line, `{"time":"`) || !strings.Contains(line, `"transport":"udp"`) || !strings.Contains(line, `"outcome":"dropped"`) || !strings.Contains(line, `"port":7,`) {
			t.Errorf("got %s", line)
		}
		cancel() // who traces goes away
	})
	if ctx.Err() == nil {
		t.Fatalf("the trace ended by itself: %v", err)
	}
	for f.traces.Active() != nil { // until the server notices
		time.Sleep(time.Millisecond)
	}
	var lines int
	var last string
	for length := 300 * time.Millisecond; lines != trace.MaxRate+1 && length < time.Hour; length *= 4 { // on a slow machine some come late
		lines = 0
		go report(f, trace.MaxRate+5)
		if err := traceAll(t.Context(), url, length.String(), func(line string) { lines++; last = line }); err != nil {
			t.Error(err)
		}
	}
	if last != `{"omitted":5}` {
		t.Errorf("%d lines, the last is %s", lines, last)
	}
}

// TestTraceParameters that make no sense, and whom it is refused.
func TestTraceParameters(t *testing.T) {
	f := &fakeAPI{}
	base := start(t, Options{Token: "sesame", ReadToken: "window", API: func() (API, error) { return f, nil }})
	for query, want := range map[string]string{
		"":                           trace.ErrFilter.Error(),
		"client=nobody":              "client: must be",
		"client=10.0.0.0/33":         "client: must be",
		"hash=xyz":                   "hash: an info hash is",
		"client=::1&for=2h":          "for: must be",
		"client=::1&for=-1s":         "for: must be",
		"client=::1&for=some%20time": "for: must be",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if err := NewClient(base, "sesame").Trace(t.Context(), values, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", query, err, want)
		}
	}
	for token, want := range map[string]int{"": 401, "window": 403} {
		if status, _ := get(t, base+"/api/v1/trace?client=::1", "Bearer "+token); status != want {
			t.Errorf("token %q: status %d, want %d", token, status, want)
		}
	}
	open := start(t, Options{API: func() (API, error) { return f, nil }})
	if status, body := get(t, open+"/api/v1/trace?client=::1", ""); status != http.StatusForbidden || !strings.Contains(body, "set admin.token") {
		t.Errorf("without a token: %d %s", status, body)
	}
}

// TestTraceEndsWithTheServer: it does not hold up the end.
func TestTraceEndsWithTheServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeAPI{}
	s := New(Options{Listener: l, Token: "sesame", Log: zerolog.Nop(), Metrics: prometheus.NewRegistry(), API: func() (API, error) { return f, nil }})
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	go report(f, 1)
	if err := traceAll(t.Context(), "http://"+l.Addr().String(), "1h", func(string) { stop() }); err != nil {
		t.Errorf("the trace: %v", err)
	}
	if err := <-ran; err != nil {
		t.Error(err)
	}
}
