package daemon

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"keeptrack/livesync"
	"keeptrack/tracker"
	"keeptrack/tracker/http"
	"keeptrack/tracker/udp"
)

// metric is the description of a metric with the kind of its values.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func counter(name, help string, labels ...string) metric {
	return metric{prometheus.NewDesc("keeptrack_"+name, help, labels, nil), prometheus.CounterValue}
}

func gauge(name, help string, labels ...string) metric {
	return metric{prometheus.NewDesc("keeptrack_"+name, help, labels, nil), prometheus.GaugeValue}
}

var (
	metricBuild    = gauge("build_info", "Always 1; the label is the version.", "version")
	metricRequests = counter("requests_total", "Requests answered, by result: ok or failed.",
		"transport", "family", "action", "result")
	metricUDPDrops     = counter("udp_drops_total", "Datagrams not answered.", "family", "reason")
	metricUDPUnsent    = counter("udp_unsent_total", "Replies that the system did not take.", "family")
	metricKernelDrops  = counter("kernel_receive_drops_total", "Datagrams that the system dropped before they were read.", "socket")
	metricHTTPFailures = counter("http_failures_total", "HTTP requests that failed.", "reason")
	metricHTTPConns    = gauge("http_connections", "HTTP connections open.")
	metricHTTPEvicted  = counter("http_evicted_total", "HTTP connections closed, longest waiting first, to make room for new ones.")
	metricHTTPPaused   = counter("http_accept_pauses_total", "Times that accepting HTTP connections was paused: all were busy, or descriptors or memory ran out.")

	metricTorrents   = gauge("torrents", "Torrents kept, those without peers included.")
	metricPeers      = gauge("peers", "Peers stored, seeders included.", "family")
	metricSeeders    = gauge("seeders", "Seeders stored.", "family")
	metricCompleted  = counter("completed_total", "Completed downloads counted since the start.")
	metricTurnedAway = counter("torrents_turned_away_total", "Announces of new torrents beyond max_torrents.")

	metricCheckpoints        = counter("checkpoint_total", "Checkpoints written.")
	metricCheckpointFailures = counter("checkpoint_failures_total", "Checkpoints that failed and were tried again.")
	metricCheckpointSeconds  = counter("checkpoint_seconds_total", "Time spent writing checkpoints.")
	metricCheckpointRecords  = counter("checkpoint_records_total", "Torrents written by checkpoints.")
	metricCheckpointBytes    = counter("checkpoint_bytes_total", "Bytes of values written by checkpoints.")
	metricCheckpointAge      = gauge("checkpoint_age_seconds", "Time since the last checkpoint was done.")

	metricSyncPackets = counter("livesync_packets_total", "Live sync packets used or sent.", "type", "direction")
	metricSyncRecords = counter("livesync_records_total", "Records in live sync packets used or sent.", "type", "direction")
	metricSyncDrops   = counter("livesync_drops_total", "Live sync packets, or records of packets, not used.", "reason")
	metricSyncUnsent  = counter("livesync_send_failures_total", "Live sync packets that the system did not take.")
	metricSyncUntold  = counter("livesync_untold_total", "Peers not told because packets could not be sent as fast as they filled.")
)

var families = [...]tracker.Family{tracker.IPv4, tracker.IPv6}

// metrics returns what /metrics shows.
func (d *Daemon) metrics() prometheus.Gatherer {
	r := prometheus.NewRegistry()
	r.MustRegister(collector{d}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// collector reads the parts' counters when it is asked to.
type collector struct{ d *Daemon }

// Describe sends nothing: which metrics there are depends on the parts that
// are turned on.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect sends the metrics of the parts that run.
func (c collector) Collect(out chan<- prometheus.Metric) {
	send := func(m metric, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, value, labels...)
	}
	send(metricBuild, 1, c.d.opts.Version)
	if c.d.state.Load() == loading {
		return
	}
	collectTracker(c.d.tracker.Stats(), send)
	collectCheckpoints(c.d.checkpoints.snapshot(), send)
	if c.d.udp != nil {
		collectUDP(c.d.udp.Stats(), send)
	}
	if c.d.http != nil {
		collectHTTP(c.d.http.Stats(), send)
	}
	if c.d.node != nil {
		collectSync(c.d.node.Stats(), send)
	}
}

type sender func(m metric, value float64, labels ...string)

func collectTracker(s tracker.Stats, send sender) {
	send(metricTorrents, float64(s.Torrents))
	for _, f := range families {
		send(metricPeers, float64(s.Peers[f]), f.String())
		send(metricSeeders, float64(s.Seeders[f]), f.String())
	}
	send(metricCompleted, float64(s.Completed))
	send(metricTurnedAway, float64(s.TurnedAway))
}

func collectCheckpoints(s checkpointStats, send sender) {
	send(metricCheckpoints, float64(s.done))
	send(metricCheckpointFailures, float64(s.failed))
	send(metricCheckpointSeconds, s.seconds)
	send(metricCheckpointRecords, float64(s.records))
	send(metricCheckpointBytes, float64(s.bytes))
	send(metricCheckpointAge, time.Since(s.last).Seconds())
}

func collectUDP(s udp.Stats, send sender) {
	lost := 0.0
	for _, f := range families {
		u := &s.IPv4
		if f == tracker.IPv6 {
			u = &s.IPv6
		}
		send(metricRequests, float64(u.Connects), "udp", f.String(), "connect", "ok")
		send(metricRequests, float64(u.Announces), "udp", f.String(), "announce", "ok")
		send(metricRequests, float64(u.Scrapes), "udp", f.String(), "scrape", "ok")
		send(metricRequests, float64(u.Errors), "udp", f.String(), "any", "failed")
		for reason, n := range u.Dropped {
			send(metricUDPDrops, float64(n), f.String(), udp.Drop(reason).String())
		}
		send(metricUDPUnsent, float64(u.Unsent), f.String())
		lost += float64(u.KernelDrops)
	}
	send(metricKernelDrops, lost, "udp")
}

func collectHTTP(s http.Stats, send sender) {
	for a, byFamily := range s.Requests {
		for f, results := range byFamily {
			action, family := http.Action(a).String(), tracker.Family(f).String()
			send(metricRequests, float64(results.OK), "http", family, action, "ok")
			send(metricRequests, float64(results.Failed), "http", family, action, "failed")
		}
	}
	for f, n := range s.Failures {
		if f := http.Failure(f); f != http.FailureNone {
			send(metricHTTPFailures, float64(n), f.String())
		}
	}
	send(metricHTTPConns, float64(s.Connections))
	send(metricHTTPEvicted, float64(s.Evicted))
	send(metricHTTPPaused, float64(s.Paused))
}

func collectSync(s livesync.Stats, send sender) {
	for k := range livesync.KindCount {
		kind := livesync.Kind(k).String()
		send(metricSyncPackets, float64(s.In[k].Packets), kind, "in")
		send(metricSyncPackets, float64(s.Out[k].Packets), kind, "out")
		send(metricSyncRecords, float64(s.In[k].Records), kind, "in")
		send(metricSyncRecords, float64(s.Out[k].Records), kind, "out")
	}
	for d, n := range s.Drops {
		if d := livesync.Drop(d); d != livesync.DropNone {
			send(metricSyncDrops, float64(n), d.String())
		}
	}
	send(metricSyncUnsent, float64(s.SendFailures))
	send(metricSyncUntold, float64(s.OutboxLost))
	send(metricKernelDrops, float64(s.TransportLost), "livesync")
}
