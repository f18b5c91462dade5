package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/testenv"
)

// The files for those who watch a daemon, and what is written about them.
var (
	alertRules     = filepath.Join("..", "..", "packaging", "prometheus", "keeptrack.rules.yml")
	alertRuleTests = filepath.Join("..", "..", "packaging", "prometheus", "keeptrack.rules.test.yml")
	dashboard      = filepath.Join("..", "..", "packaging", "grafana", "keeptrack.json")
	operatePage    = filepath.Join("..", "..", "docs", "operate.md")
)

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// matches returns what the first group of a pattern finds, sorted and once each.
func matches(pattern, text string) (found []string) {
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// promtool runs Prometheus's own checker.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	testenv.NeedProgram(t, "promtool")
	if out, err := exec.Command("promtool", args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestAlertRules(t *testing.T) {
	promtool(t, "check", "rules", "--lint-fatal", alertRules)
	promtool(t, "test", "rules", alertRuleTests)
}

// TestScrapeConfig: what operate.md has Prometheus scrape by is right, with the rules and
// the token in files of this host, and has the job that the rules are about.
func TestScrapeConfig(t *testing.T) {
	configs := matches("(?s)\n```yaml\n(.*?)\n```\n", readText(t, operatePage))
	if len(configs) != 1 {
		t.Fatalf("operate.md has %d configs for Prometheus", len(configs))
	}
	rules, err := filepath.Abs(alertRules)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	here := strings.NewReplacer("/etc/prometheus/keeptrack.rules.yml", rules, "/etc/prometheus/", dir+"/").Replace(configs[0])
	for name, text := range map[string]string{"keeptrack.token": "secret", "prometheus.yml": here} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	promtool(t, "check", "config", filepath.Join(dir, "prometheus.yml"))
	jobs := matches(`job="(\w+)"`, readText(t, alertRules))
	if got := matches(`job_name: (\w+)`, configs[0]); len(jobs) == 0 || !slices.Equal(got, jobs) {
		t.Errorf("operate.md has the jobs %q, the rules are about %q", got, jobs)
	}
}

// TestEveryAlertIsTestedAndExplained holds that each alert has a test in which
// it fires and a section on what to do, and that nothing else has.
func TestEveryAlertIsTestedAndExplained(t *testing.T) {
	alerts := matches(`- alert: (\w+)`, readText(t, alertRules))
	if len(alerts) == 0 {
		t.Fatal("no alerts")
	}
	for what, names := range map[string][]string{
		"tested":    matches(`alertname: (\w+)\n\s+eval_time: \w+\n\s+exp_alerts:\n\s+- exp_labels`, readText(t, alertRuleTests)),
		"explained": matches(`(?m)^### (Keeptrack\w+)$`, readText(t, operatePage)),
	} {
		if !slices.Equal(names, alerts) {
			t.Errorf("there are the alerts %v\n%s are %v", alerts, what, names)
		}
	}
}

// TestWatchersUseMetricsThatExist holds that the dashboard and the rules name
// metrics of docs/metrics.md only, and that the dashboard's expressions make
// sense to Prometheus.
func TestWatchersUseMetricsThatExist(t *testing.T) {
	listed := metricsPage(t)
	for _, path := range []string{alertRules, alertRuleTests, dashboard} {
		names := matches(`(keeptrack_\w+)`, readText(t, path))
		if len(names) == 0 {
			t.Errorf("%s uses none", path)
		}
		for _, name := range names {
			if _, ok := listed[name]; !ok {
				t.Errorf("%s uses %s", path, name)
			}
		}
	}
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(readText(t, dashboard)), &d); err != nil {
		t.Fatal(err)
	}
	var rules strings.Builder
	rules.WriteString("groups:\n- name: dashboard\n  rules:\n")
	variables := strings.NewReplacer("$__rate_interval", "5m", "$job", "keeptrack", "$instance", ".*")
	for i, p := range d.Panels {
		for j, target := range p.Targets {
			fmt.Fprintf(&rules, "  - record: panel:%d:%d\n    expr: %q\n", i, j, variables.Replace(target.Expr))
		}
	}
	path := filepath.Join(t.TempDir(), "dashboard.rules.yml")
	if err := os.WriteFile(path, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", path)
}

// spans are the times that alerts are written about with, in words.
var spans = regexp.MustCompile(`(an|one|two|five|ten|fifteen|\d+) (minute|hour)s?\b`)

// duration returns the time that two words stand for, such as "fifteen minutes".
func duration(number, unit string) time.Duration {
	n, ok := map[string]int{"an": 1, "one": 1, "two": 2, "five": 5, "ten": 10, "fifteen": 15}[number]
	if !ok {
		n, _ = strconv.Atoi(number) // spans takes digits alone
	}
	if unit == "hour" {
		return time.Duration(n) * time.Hour
	}
	return time.Duration(n) * time.Minute
}

// timesOf returns the times that decide over an alert: how long it waits, the
// ranges of its expression, and what a number of seconds is compared with.
func timesOf(t *testing.T, rule string) (times []time.Duration) {
	t.Helper()
	for _, text := range slices.Concat(matches(`for: (\w+)`, rule), matches(`\[(\w+)\]`, rule)) {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, d)
	}
	for _, text := range matches(`seconds\)? > (\d+)`, rule) {
		n, _ := strconv.Atoi(text)
		times = append(times, time.Duration(n)*time.Second)
	}
	return times
}

// TestAlertsSayWhatTheyMean holds the times in the text of each alert, and in what
// operate.md says that it means, to those in its rule.
func TestAlertsSayWhatTheyMean(t *testing.T) {
	page := readText(t, operatePage)
	checked := 0
	for _, rule := range strings.Split(readText(t, alertRules), "- alert: ")[1:] {
		name, rule, _ := strings.Cut(rule, "\n")
		condition, summary, _ := strings.Cut(rule, "summary: ")
		explained := matches(`(?s)\n### `+name+`\n\n(.+?)\n\n`, page)
		times := timesOf(t, condition)
		for _, text := range append(explained, summary) {
			for _, m := range spans.FindAllStringSubmatch(text, -1) {
				checked++
				if !slices.Contains(times, duration(m[1], m[2])) {
					t.Errorf("%s says %q, its rule has %v:\n%s", name, m[0], times, text)
				}
			}
		}
	}
	if checked < 8 {
		t.Errorf("%d times found", checked)
	}
}

// TestSysctlGrantsWhatIsAskedFor holds the limit that packaging sets to the
// default of udp.receive_buffer.
func TestSysctlGrantsWhatIsAskedFor(t *testing.T) {
	text := readText(t, filepath.Join("..", "..", "packaging", "sysctl.d", "keeptrack.conf"))
	want := fmt.Sprint(config.Default().UDP.ReceiveBuffer)
	if got := matches(`(?m)^net\.core\.rmem_max = (\d+)$`, text); !slices.Equal(got, []string{want}) {
		t.Errorf("net.core.rmem_max is %q, want %s", got, want)
	}
}
