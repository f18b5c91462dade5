package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
)

// series are the metrics of a daemon at one moment, by name with labels.
type series map[string]float64

// metrics reads the metrics over the admin address.
func (d *instance) metrics() series {
	d.t.Helper()
	all := series{}
	for line := range strings.Lines(d.exposition()) {
		name, value, found := cutLast(strings.TrimSuffix(line, "\n"), " ")
		if !found || strings.HasPrefix(name, "#") {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			d.t.Fatalf("/metrics: %q: %v", line, err)
		}
		all[name] = n
	}
	return all
}

// exposition returns what /metrics says.
func (d *instance) exposition() string {
	d.t.Helper()
	status, text := d.ask(http.MethodGet, "/metrics")
	if status != http.StatusOK {
		d.t.Fatalf("/metrics: %d %s", status, text)
	}
	return text
}

// metric reads one metric, which has to be there.
func (d *instance) metric(name string) float64 {
	d.t.Helper()
	value, found := d.metrics()[name]
	if !found {
		d.t.Fatalf("no metric %s", name)
	}
	return value
}

// waitMetric waits until a metric is at least as high.
func (d *instance) waitMetric(name string, least float64) {
	d.t.Helper()
	waitFor(d.t, name, func() bool { return d.metric(name) >= least })
}

// memory returns the process's resident memory in bytes, and peakMemory the most that
// ever was resident.
func (d *instance) memory() int64     { d.t.Helper(); return d.memoryOf("VmRSS:") }
func (d *instance) peakMemory() int64 { d.t.Helper(); return d.memoryOf("VmHWM:") }

// memoryOf returns what the system says of the process's memory, in bytes.
func (d *instance) memoryOf(field string) int64 {
	d.t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(d.Cmd.Process.Pid) + "/status")
	testenv.Need(d.t, "read the memory of a process", err)
	_, rest, found := strings.Cut(string(text), field)
	if !found {
		d.t.Fatalf("the system does not say %s", field)
	}
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		d.t.Fatal(err)
	}
	return kib << 10
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func TestHealthAndMetrics(t *testing.T) {
	d := start(t, testSettings(t.TempDir()))
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, text := d.ask(http.MethodGet, path); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	before := d.metrics()
	announceTo(t, d.urls()["udp IPv4"], hashOf("counted"), 6881, 0, tracker.EventCompleted)
	announceTo(t, d.urls()["http IPv4"], hashOf("counted"), 6882, 1, tracker.EventStarted)
	after := d.metrics()
	for name, want := range map[string]float64{
		"keeptrack_torrents":               1,
		"keeptrack_completed_total":        1,
		`keeptrack_peers{family="ipv4"}`:   2,
		`keeptrack_seeders{family="ipv4"}`: 1,
		`keeptrack_requests_total{action="announce",family="ipv4",result="ok",transport="udp"}`:  1,
		`keeptrack_requests_total{action="announce",family="ipv4",result="ok",transport="http"}`: 1,
	} {
		if b, a := before[name], after[name]; b != 0 || a != want {
			t.Errorf("%s went from %g to %g, want 0 to %g", name, b, a, want)
		}
	}
}

// TestFailuresAreCounted sends what cannot be answered as asked, of every kind
// that a counter tells apart.
func TestFailuresAreCounted(t *testing.T) {
	d := start(t, testSettings(t.TempDir()).with(settings{
		"access.mode": `"deny"`,
		"access.file": fmt.Sprintf("%q", listed(t, "refused")),
	}))
	stale, hash := dialWire(t, d.udp4), hashOf("any")
	for _, request := range [][]byte{
		bep15.AnnounceRequest{ConnectionID: 1, InfoHash: hash, Port: 6881}.Append(nil),
		bep15.ScrapeRequest{ConnectionID: 1, InfoHashes: hash[:]}.Append(nil),
	} {
		stale.exchange(1, func(uint32) []byte { return request }, func(uint32, []byte) {})
	}
	announceTo(t, d.urls()["udp IPv4"], hashOf("refused"), 6881, 1, tracker.EventStarted)
	if !refuses(t, d.urls()["http IPv4"], hashOf("refused")) {
		t.Error("not refused")
	}
	speak(t, d.http4, "HELLO\r\n\r\n")
	after := d.metrics()
	for name, least := range map[string]float64{
		`keeptrack_requests_total{action="announce",family="ipv4",result="failed",transport="udp"}`:  2,
		`keeptrack_requests_total{action="scrape",family="ipv4",result="failed",transport="udp"}`:    1,
		`keeptrack_requests_total{action="announce",family="ipv4",result="failed",transport="http"}`: 1,
		`keeptrack_udp_failures_total{family="ipv4",reason="connection_id"}`:                         2,
		`keeptrack_udp_failures_total{family="ipv4",reason="refused"}`:                               1,
		`keeptrack_http_failures_total{reason="refused"}`:                                            1,
		`keeptrack_http_malformed_total`:                                                             1,
		`keeptrack_http_accepted_total`:                                                              2,
	} {
		if after[name] < least {
			t.Errorf("%s is %g, want %g", name, after[name], least)
		}
	}
	if n := after[`keeptrack_requests_total{action="announce",family="ipv4",result="ok",transport="udp"}`]; n != 0 {
		t.Errorf("%g announces count as served", n)
	}
}

// speak sends text to an address and reads what comes to the end.
func speak(t *testing.T, address, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// described is what is said of a metric.
type described struct{ kind, labels, help string }

// metricsPage returns the metrics that docs/metrics.md lists. Its tables have name,
// type, labels and help; the labels' names are in backquotes.
func metricsPage(t *testing.T) map[string]described {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]described{}
	row := regexp.MustCompile("(?m)^\\| `(keeptrack_\\w+)` \\| (\\w+) \\| (.*?) ?\\| (.+) \\|$")
	quoted := regexp.MustCompile("`(\\w+)`")
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		var labels []string
		for _, l := range quoted.FindAllStringSubmatch(m[3], -1) {
			labels = append(labels, l[1])
		}
		slices.Sort(labels)
		if _, twice := listed[m[1]]; twice {
			t.Errorf("%s is listed twice", m[1])
		}
		listed[m[1]] = described{m[2], strings.Join(labels, ","), m[4]}
	}
	return listed
}

// exposed returns what /metrics says of its metrics.
func (d *instance) exposed() map[string]described {
	d.t.Helper()
	return parseExposition(d.t, strings.NewReader(d.exposition()))
}

func parseExposition(t *testing.T, r io.Reader) map[string]described {
	t.Helper()
	all := map[string]described{}
	label := regexp.MustCompile(`(\w+)="(?:[^"\\]|\\.)*"`)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			name, help, _ := strings.Cut(rest, " ")
			all[name] = described{help: help}
			continue
		}
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, kind, _ := strings.Cut(rest, " ")
			all[name] = described{kind: kind, help: all[name].help}
			continue
		}
		series, _, _ := cutLast(line, " ")
		name, labels, _ := strings.Cut(series, "{")
		var names []string
		for _, l := range label.FindAllStringSubmatch(labels, -1) {
			names = append(names, l[1])
		}
		slices.Sort(names)
		if m, ok := all[name]; ok { // otherwise a part of a summary or histogram
			m.labels = strings.Join(names, ",")
			all[name] = m
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestMetricsPage compares docs/metrics.md with a daemon on
// which everything is turned on, and which has heard of another instance.
func TestMetricsPage(t *testing.T) {
	listed := metricsPage(t)
	g := newMulticastGroup(t)
	d := start(t, g.member(settings{"http.full_scrape": "true"}).with(newAuthority(t).settings("localhost")))
	g.send("127.0.0.1", "0badcafe"+"00000001"+"0000000000000007")
	waitFor(t, "the beacon", func() bool { return d.metrics()[`keeptrack_livesync_instance_torrents{id="0badcafe"}`] == 7 })
	exposed := d.exposed()
	for _, name := range slices.Sorted(maps.Keys(listed)) {
		switch got, ok := exposed[name]; {
		case !ok:
			t.Errorf("%s is in docs/metrics.md and not on the daemon", name)
		case got != listed[name]:
			t.Errorf("docs/metrics.md has %s as %+v, the daemon as %+v", name, listed[name], got)
		}
	}
	for _, path := range []string{alertRules, dashboard} {
		for _, name := range matches(`\b((?:go|process)_\w+)`, readText(t, path)) {
			if _, ok := exposed[name]; !ok {
				t.Errorf("%s uses %s, which is not on the daemon", path, name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(exposed)) {
		_, ok := listed[name]
		family := strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_")
		if !ok && !family {
			t.Errorf("docs/metrics.md lacks %s: %+v", name, exposed[name])
		}
	}
}
