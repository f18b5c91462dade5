package daemon

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"keeptrack/tracker"
)

// metric is the description of a metric with the kind of its values. Every one
// is listed in docs/metrics.md, word for word.
type metric struct {
	name string
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func counter(name, help string, labels ...string) metric {
	return describe(prometheus.CounterValue, name, help, labels)
}

func gauge(name, help string, labels ...string) metric {
	return describe(prometheus.GaugeValue, name, help, labels)
}

func describe(kind prometheus.ValueType, name, help string, labels []string) metric {
	name = "keeptrack_" + name
	return metric{name, prometheus.NewDesc(name, help, labels, nil), kind}
}

var (
	metricBuild = gauge("build_info", "Always 1; the label is the version.", "version")
	metricReady = gauge("ready", "1 when /readyz says ready: the daemon serves, can write its database and does not wait for peers; otherwise 0.")

	metricLogLost = counter("log_lines_lost_total", "Log lines not written, because their reader was gone or too slow, or writing failed.")

	// Those of several parts.
	metricRequests = counter("requests_total", "Requests answered, by result: ok or failed.",
		"transport", "family", "action", "result")
	metricKernelDrops = counter("kernel_receive_drops_total", "Datagrams that the system dropped unread. Over NATS: live sync packets that were too long, or for which the queue was full.", "socket")
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
	for _, p := range c.d.parts() {
		p.collect(send)
	}
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// unixSeconds returns t in seconds since 1970-01-01 UTC; 0 for the zero time.
func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1e3
}
