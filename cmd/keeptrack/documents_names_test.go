package main

import (
	"flag"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"keeptrack/cmd/internal/config"
)

// TestDocumentsNameKeysThatExist: what documents name in code style like a key of the
// config, or like a variable of the environment for one, is a key.
func TestDocumentsNameKeysThatExist(t *testing.T) {
	keys := matches(`(?m)^### (\w+\.\w+)$`, config.Reference())
	var tables []string
	for _, key := range keys {
		table, _, _ := strings.Cut(key, ".")
		tables = append(tables, table)
	}
	named := "`((?:" + strings.Join(slices.Compact(slices.Sorted(slices.Values(tables))), "|") + `)\.[a-z_]+[a-z])\b[^.(/*…]`
	firstCell := regexp.MustCompile(`(?m)^\|[^|]*\|`)
	variable := regexp.MustCompile(`[A-Z]+_`)
	for _, name := range documents(t) {
		if name == "CHANGELOG.md" || name == "CONTRIBUTING.md" { // have names of the past, and of packages
			continue
		}
		text := readText(t, filepath.Join(root, name))
		if name == "docs/migrate.md" { // its first columns have keys of other trackers
			text = firstCell.ReplaceAllString(text, "|")
		}
		for _, key := range matches(named, text) {
			if !slices.Contains(keys, key) {
				t.Errorf("%s names the key %s, which does not exist", name, key)
			}
		}
		for _, v := range matches("`KEEPTRACK_([A-Z_]+)=", text) {
			table := variable.FindString(v)
			key := strings.ToLower(strings.TrimSuffix(table, "_") + "." + strings.TrimPrefix(v, table))
			if !slices.Contains(keys, key) {
				t.Errorf("%s names the variable KEEPTRACK_%s, which sets no key", name, v)
			}
		}
	}
}

// TestDocumentsNameMetricsThatExist: metrics that documents name in full are listed in
// docs/metrics.md.
func TestDocumentsNameMetricsThatExist(t *testing.T) {
	listed := metricsPage(t)
	for _, name := range documents(t) {
		for _, metric := range matches("`(keeptrack_[a-z0-9_]+[a-z])(?:`|\\{)", readText(t, filepath.Join(root, name))) {
			if _, ok := listed[metric]; !ok {
				t.Errorf("%s names the metric %s, which does not exist", name, metric)
			}
		}
	}
}

var askLinks = flag.Bool("links", false, "ask for every page on other hosts that the documents link to")

// TestDocumentsLinkToPagesThatAnswer asks, with -links, for pages on other hosts.
func TestDocumentsLinkToPagesThatAnswer(t *testing.T) {
	if !*askLinks {
		return
	}
	client := http.Client{Timeout: 30 * time.Second}
	for _, name := range documents(t) {
		for _, link := range matches(`\]\((https?://[^)\s]+)\)`, readText(t, filepath.Join(root, name))) {
			resp, err := client.Get(link)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("%s links to %s: %s", name, link, resp.Status)
			}
		}
	}
}
