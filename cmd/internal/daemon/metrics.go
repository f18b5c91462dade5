package daemon

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"keeptrack/tracker"
)

// metric is the description of a metric with the kind of its values. Every one
// is listed in docs/metrics.md, word for word.
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
	metricBuild = gauge("build_info", "Always 1; the label is the version.", "version")
	metricReady = gauge("ready", "1 when the daemon serves and its database can be written, as /readyz says; otherwise 0.")

	metricLogLost = counter("log_lines_lost_total", "Lines of the log that were not written: their reader was gone or too slow, or writing failed.")

	metricReloadSuccess = gauge("reload_success", "1 when the last reload was put in force, or there was none; 0 when it was refused.")
	metricReloadTime    = gauge("reload_timestamp_seconds", "Unix time of the last reload, put in force or refused; 0 if never.")

	metricUnauthorized = counter("admin_unauthorized_total", "Requests to the admin address without the right token.")
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

// sender takes the value of a metric, whose labels are given in the order of
// its description.
type sender func(m metric, value float64, labels ...string)

// Collect sends the metrics of the parts that run.
func (c collector) Collect(out chan<- prometheus.Metric) {
	send := func(m metric, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, value, labels...)
	}
	send(metricBuild, 1, c.d.opts.Version)
	send(metricReady, oneIf(c.d.ready() == nil))
	if c.d.opts.LogLost != nil {
		send(metricLogLost, float64(c.d.opts.LogLost()))
	}
	if c.d.state.Load() == loading {
		return
	}
	collectReload(c.d.lastReload.Load(), send)
	if c.d.admin != nil {
		send(metricUnauthorized, float64(c.d.admin.Unauthorized()))
	}
	collectTracker(c.d.tracker.Stats(), send)
	collectDatabase(c.d.store, c.d.tracker, send)
	collectCheckpoints(c.d.checkpoints.snapshot(), send)
	collectSnapshots(c.d.peers.snapshot(), send)
	if c.d.udp != nil {
		collectUDP(c.d.udp.Stats(), send)
	}
	if c.d.http != nil {
		collectHTTP(c.d.http.Stats(), send)
	}
	if c.d.node != nil {
		collectSync(c.d.node.Stats(), send)
		collectCluster(c.d.node.Cluster(), send)
	}
}

// collectReload sends how the last reload ended; nil: there was none.
func collectReload(last *reloadResult, send sender) {
	if last == nil {
		last = &reloadResult{}
	}
	send(metricReloadSuccess, oneIf(last.err == nil))
	send(metricReloadTime, unixSeconds(last.at))
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
