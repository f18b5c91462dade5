package daemon

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keeptrack/cmd/internal/admin"
)

// metered is a part with metrics that a test sets.
type metered struct {
	silent
	send func(sender)
}

func (metered) Run(ctx context.Context) error { return untilDone(ctx) }
func (m *metered) collect(s sender)           { m.send(s) }

// runHistory runs a history of a part until the test's bubble ends.
func runHistory(t *testing.T, send func(sender)) *history {
	t.Helper()
	h := &history{parts: func() []part { return []part{&metered{send: send}} }}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	return h
}

// TestHistoryShowsRates: requests are added up by transport and family, whatever they
// were and how they ended; gauges are as they were; reasons are those that happened.
func TestHistoryShowsRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var count atomic.Int64
		h := runHistory(t, func(send sender) {
			n := float64(count.Load())
			send(metricRequests, 100*n, "udp", "ipv4", "announce", "ok")
			send(metricRequests, 10*n, "udp", "ipv4", "scrape", "ok")
			send(metricRequests, 1, "udp", "ipv6", "announce", "failed")
			send(metricPeers, 7*n, "ipv4")
			send(metricPeers, n, "ipv6")
			send(metricTorrents, 3)
			send(metricMemory, 4096)
			send(metricMemoryLimit, 1)
			send(metricUDPDrops, 5+n, "ipv4", "malformed")
			send(metricUDPDrops, 1, "ipv6", "malformed")
			send(metricHTTPMalformed, n)
			send(metricHTTPFailures, 0, "refused")
		})
		if v := h.view(); len(v.Times) != 0 || len(v.Requests) != 2 || v.Requests[0].PerSecond == nil {
			t.Errorf("before the first rate: %+v", v)
		}
		var times []int64
		for range 2 {
			count.Add(1)
			time.Sleep(historyStep)
			synctest.Wait()
			times = append(times, time.Now().Unix())
		}
		got, err := json.Marshal(h.view())
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(admin.History{
			Times: times,
			Requests: []admin.RequestRates{
				{Transport: "udp", Family: "ipv4", PerSecond: []float64{22, 22}},
				{Transport: "udp", Family: "ipv6", PerSecond: []float64{0, 0}},
			},
			Torrents: []uint64{3, 3}, Peers: []uint64{8, 16}, Memory: []uint64{4096, 4096},
			Reasons: []admin.Reason{
				{Metric: "keeptrack_udp_drops_total", Reason: "malformed", Total: 8, Recent: 2},
				{Metric: "keeptrack_http_malformed_total", Total: 2, Recent: 2},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("the history is\n%s\nwant\n%s", got, want)
		}
	})
}

// TestHistoryIsBounded: it keeps the last ten minutes, also of a series that came later.
func TestHistoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var count atomic.Int64
		h := runHistory(t, func(send sender) {
			n := count.Add(1)
			send(metricPeers, float64(n), "ipv4")
			if n > 100 {
				send(metricRequests, float64(n), "http", "ipv4", "announce", "ok")
			}
		})
		for range 1000 {
			time.Sleep(historyStep)
			synctest.Wait()
			if v := h.view(); v.Peers[len(v.Peers)-1] != uint64(count.Load()) {
				t.Fatalf("after %d samples the last one is %d", count.Load(), v.Peers[len(v.Peers)-1])
			}
		}
		v := h.view()
		if len(v.Times) != historySize || len(v.Requests[0].PerSecond) != historySize || len(v.Peers) != historySize {
			t.Errorf("%d times, %d rates", len(v.Times), len(v.Requests[0].PerSecond))
		}
		if covered := v.Times[historySize-1] - v.Times[0]; covered != 595 {
			t.Errorf("%d s between the first rate and the last", covered)
		}
		if !slices.IsSorted(v.Times) {
			t.Errorf("times are %v", v.Times)
		}
		if len(h.samples) != historySize+1 || cap(h.samples) > 4*historySize {
			t.Errorf("%d samples, room for %d", len(h.samples), cap(h.samples))
		}
	})
}

// TestHistoryPassesOverLateTicks: two samples at nearly one moment would make a rate of
// anything.
func TestHistoryPassesOverLateTicks(t *testing.T) {
	h := &history{parts: func() []part { return nil }}
	now := time.Now()
	for _, after := range []time.Duration{0, historyStep, historyStep, historyStep + time.Millisecond, 2 * historyStep} {
		h.take(now.Add(after))
	}
	if len(h.samples) != 3 {
		t.Errorf("%d samples, want 3", len(h.samples))
	}
}

// TestReasonsAreCounters: what is shown as a number of times is one, and the page has
// words for it.
func TestReasonsAreCounters(t *testing.T) {
	page, err := os.ReadFile("../admin/page/board.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reasonMetrics {
		if !strings.Contains(string(page), r.metric.name+": ") {
			t.Errorf("the page has no words for %s", r.metric.name)
		}
		if r.metric.kind != metricRequests.kind {
			t.Errorf("%s is no counter", r.metric.name)
		}
	}
}
