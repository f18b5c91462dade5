package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"keeptrack/cmd/internal/bench"
	"keeptrack/internal/testenv"
)

// slowFlood is how many connections are held open by clients that send nothing
// or a byte now and then, and what the honest ask beside them.
type slowFlood struct {
	connections int
	rate        float64
	duration    time.Duration
}

func theSlowFlood() slowFlood {
	return testenv.Pick(slowFlood{400, 50, 2 * time.Second}, slowFlood{10_000, 200, 20 * time.Second})
}

// TestSlowConnections floods the daemon with connections that do not get on,
// from many addresses, while honest clients announce.
func TestSlowConnections(t *testing.T) {
	flood := theSlowFlood()
	d := start(t, testSettings(t.TempDir()).with(settings{"http.listen": `["127.0.0.1:0"]`}))
	const descriptors, connections, heap = "process_open_fds", "keeptrack_http_connections", "go_memstats_heap_inuse_bytes"
	honestHTTP(t, d, slowFlood{rate: 50, duration: time.Second}) // opens what is kept
	waitFor(t, "the end of all connections", func() bool { return d.metric(connections) == 0 })
	before, resident := d.metrics(), d.memory()

	ctx, stop := context.WithCancel(t.Context())
	var slow sync.WaitGroup
	for i := range flood.connections {
		slow.Go(func() { staySlow(ctx, fmt.Sprintf("127.3.0.%d", 1+i%250), d.http4, i%2 == 0) })
	}
	waitFor(t, "the flood", func() bool { return d.metric(connections) >= 0.9*float64(flood.connections) })
	r := honestHTTP(t, d, flood)
	during := d.metrics()
	t.Logf("%d of %d honest announces answered, latency %+v µs; %g connections, %g evicted, %g descriptors, %d MiB resident",
		r.Good, r.Sent, r.Latency, during[connections], during["keeptrack_http_evicted_total"], during[descriptors], d.memory()>>20)
	if r.Good < r.Sent || r.Good == 0 {
		t.Errorf("%d of %d honest announces answered, last failure: %s", r.Good, r.Sent, r.LastFailure)
	}
	if most := 10_000.0; during[connections] > most || during[descriptors] > before[descriptors]+most+10 {
		t.Errorf("%g connections, %g descriptors", during[connections], during[descriptors])
	}
	if testenv.Long() && r.Latency.P99 > 100_000 {
		t.Errorf("p99 %.0f µs", r.Latency.P99)
	}

	stop()
	slow.Wait()
	waitFor(t, "the end of all connections", func() bool { return d.metric(connections) == 0 })
	waitFor(t, "the descriptors to come back", func() bool { return d.metric(descriptors) <= before[descriptors]+2 })
	waitFor(t, "the memory to come back", func() bool { return d.metric(heap) < before[heap]+4<<20 })
	t.Logf("%d MiB resident in the end, %d before", d.memory()>>20, resident>>20)
	d.stop()
}

// honestHTTP announces over connections of their own, from a process of its
// own: this one is busy with the flood.
func honestHTTP(t *testing.T, d *instance, flood slowFlood) (r bench.Report) {
	t.Helper()
	out := runProgram(t, t.TempDir(), "bench", "--json", "--close", "--mix", "announce=1", "--timeout", patience.String(),
		"--rate", strconv.FormatFloat(flood.rate, 'f', -1, 64), "--duration", flood.duration.String(), "http://"+d.http4+"/announce")
	if err := json.Unmarshal([]byte(out.stdout), &r); err != nil || out.status != statusDone {
		t.Fatalf("bench: %+v, %v", out, err)
	}
	return r
}

// staySlow holds connections from an address open, one after the other, and
// sends nothing, or the head of a request a byte at a time.
func staySlow(ctx context.Context, source, address string, trickle bool) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
	for ; ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
		conn, err := d.DialContext(ctx, "tcp", address)
		if err != nil {
			continue
		}
		release := context.AfterFunc(ctx, func() { conn.Close() })
		ended := make(chan struct{})
		if trickle {
			go dripInto(conn, ended)
		}
		io.Copy(io.Discard, conn) // until the daemon has had enough
		close(ended)
		release()
		conn.Close()
	}
}

// dripInto sends a byte a second until the connection has ended.
func dripInto(conn net.Conn, ended <-chan struct{}) {
	for second := time.Tick(time.Second); ; {
		select {
		case <-ended:
			return
		case <-second:
			conn.Write([]byte("x"))
		}
	}
}

// TestOneAddressCannotHoldAllConnections has one address open more connections than it may.
func TestOneAddressCannotHoldAllConnections(t *testing.T) {
	d := start(t, testSettings(t.TempDir()).with(settings{
		"http.listen": `["127.0.0.1:0"]`, "http.max_connections": "100", "http.max_connections_per_address": "20",
	}))
	ctx, stop := context.WithCancel(t.Context())
	var slow sync.WaitGroup
	defer slow.Wait()
	defer stop()
	for range 150 {
		slow.Go(func() {
			staySlow(ctx, "127.3.0.1", d.http4, false)
		})
	}
	d.waitMetric("keeptrack_http_refused_total", 100)
	waitFor(t, "the limit", func() bool { return d.metric("keeptrack_http_connections") >= 20 })
	r := honestHTTP(t, d, slowFlood{rate: 50, duration: time.Second})
	m := d.metrics()
	if r.Good < r.Sent || m["keeptrack_http_evicted_total"] > 0 || m["keeptrack_http_accept_pauses_total"] > 0 {
		t.Errorf("%d of %d answered, %g evicted, %g pauses", r.Good, r.Sent,
			m["keeptrack_http_evicted_total"], m["keeptrack_http_accept_pauses_total"])
	}
}
