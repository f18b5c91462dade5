package main

import (
	"bufio"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

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
	resp, err := d.client.Get("http://" + d.admin + "/metrics")
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		d.t.Fatal(resp.Status)
	}
	return parseExposition(d.t, resp.Body)
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
	d := start(t, g.member(settings{"http.full_scrape": "true"}))
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
