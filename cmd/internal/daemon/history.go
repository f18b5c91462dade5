package daemon

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"keeptrack/cmd/internal/admin"
)

const (
	// historyStep is the time between two samples, and historySize the number of rates
	// kept: ten minutes of them.
	historyStep = 5 * time.Second
	historySize = 120
)

// history keeps the last minutes of some metrics, so that a page that is opened or
// reloaded can show them. With some 80 series it takes about 80 KiB.
type history struct {
	silent
	parts func() []part

	mu      sync.Mutex // guards what follows
	series  []series
	samples []sample // the oldest first, one more than there are rates
}

// series is a metric with some of its labels. Values with equal ones are added up.
type series struct {
	metric *prometheus.Desc
	labels [2]string
}

// sample is the values of all series at a moment. Series that have come later are
// missing at the end.
type sample struct {
	at     time.Time
	values []uint64
}

// reasonMetrics count what was refused, dropped, not stored or failed, by the label at
// a position; negative: there is none.
var reasonMetrics = []struct {
	metric metric
	label  int
}{
	{metricUDPFailures, 1},
	{metricUDPDrops, 1},
	{metricUDPUnsent, -1},
	{metricKernelDrops, 0},
	{metricHTTPFailures, 0},
	{metricHTTPMalformed, -1},
	{metricHTTPUntrusted, -1},
	{metricHTTPRefused, -1},
	{metricHTTPPaused, -1},
	{metricHandshakeFailures, 0},
	{metricCertificateFailures, -1},
	{metricPeersRejected, 0},
	{metricPeersUnreachable, 0},
	{metricTorrentsRejected, -1},
	{metricEvicted, 0},
	{metricSyncDrops, 0},
	{metricCheckpointFailures, -1},
	{metricSnapshotFailures, -1},
	{metricUnauthorized, -1},
}

// watched are the metrics of which there is a history, with the positions of the labels
// that tell series apart. Of reasonMetrics, that is the reason.
var watched = watchedMetrics()

func watchedMetrics() map[*prometheus.Desc][]int {
	all := map[*prometheus.Desc][]int{
		metricRequests.desc: {0, 1},
		metricTorrents.desc: nil,
		metricPeers.desc:    nil,
		metricMemory.desc:   nil,
	}
	for _, r := range reasonMetrics {
		all[r.metric.desc] = nil
		if r.label >= 0 {
			all[r.metric.desc] = []int{r.label}
		}
	}
	return all
}

// Run takes a sample every historyStep until ctx is done.
func (h *history) Run(ctx context.Context) error {
	ticks := time.NewTicker(historyStep)
	defer ticks.Stop()
	for h.take(time.Now()); ; h.take(time.Now()) {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
	}
}

// take adds a sample, unless a late one has just been taken.
func (h *history) take(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.samples); n > 0 && now.Sub(h.samples[n-1].at) < historyStep/2 {
		return
	}
	s := sample{now, make([]uint64, len(h.series))}
	send := func(m metric, value float64, labels ...string) {
		positions, is := watched[m.desc]
		if !is {
			return
		}
		key := series{metric: m.desc}
		for i, at := range positions {
			key.labels[i] = labels[at]
		}
		i := slices.Index(h.series, key)
		if i < 0 {
			i = len(h.series)
			h.series, s.values = append(h.series, key), append(s.values, 0)
		}
		s.values[i] += uint64(value)
	}
	for _, p := range h.parts() {
		p.collect(send)
	}
	if len(h.samples) > historySize {
		h.samples = slices.Delete(h.samples, 0, 1)
	}
	h.samples = append(h.samples, s)
}

// value returns the value of series i, 0 where the sample is older than the series.
func (s *sample) value(i int) uint64 {
	if i < len(s.values) {
		return s.values[i]
	}
	return 0
}

// view returns what the JSON interface shows.
func (h *history) view() admin.History {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := max(len(h.samples)-1, 0)
	v := admin.History{
		Times: make([]int64, n), Requests: []admin.RequestRates{}, Reasons: []admin.Reason{},
		Torrents: make([]uint64, n), Peers: make([]uint64, n), Memory: make([]uint64, n),
	}
	for i := range n {
		v.Times[i] = h.samples[i+1].at.Unix()
	}
	for at, s := range h.series {
		switch s.metric {
		case metricRequests.desc:
			v.Requests = append(v.Requests, admin.RequestRates{Transport: s.labels[0], Family: s.labels[1], PerSecond: h.rates(at, n)})
		case metricTorrents.desc:
			h.fill(v.Torrents, at)
		case metricPeers.desc:
			h.fill(v.Peers, at)
		case metricMemory.desc:
			h.fill(v.Memory, at)
		}
	}
	slices.SortFunc(v.Requests, func(a, b admin.RequestRates) int {
		return strings.Compare(a.Transport+a.Family, b.Transport+b.Family)
	})
	for _, r := range reasonMetrics {
		v.Reasons = append(v.Reasons, h.reasons(r.metric)...)
	}
	return v
}

// rates returns by how much a second a series has grown before each of the last n
// samples, to a hundredth. h.mu is held, as below.
func (h *history) rates(at, n int) []float64 {
	rates := make([]float64, n)
	for i := range rates {
		before, after := &h.samples[i], &h.samples[i+1]
		grown := float64(after.value(at) - before.value(at))
		rates[i] = math.Round(100*grown/after.at.Sub(before.at).Seconds()) / 100
	}
	return rates
}

// fill writes the values that a series had at the last samples.
func (h *history) fill(to []uint64, at int) {
	for i := range to {
		to[i] = h.samples[i+1].value(at)
	}
}

// reasons returns the reasons that a metric counts, those that have happened.
func (h *history) reasons(m metric) (all []admin.Reason) {
	for at, s := range h.series {
		if s.metric != m.desc {
			continue
		}
		first, last := &h.samples[0], &h.samples[len(h.samples)-1]
		if total := last.value(at); total > 0 {
			all = append(all, admin.Reason{Metric: m.name, Reason: s.labels[0], Total: total, Recent: total - first.value(at)})
		}
	}
	return all
}
