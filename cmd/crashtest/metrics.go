package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// watchEvery is how often the metrics are looked at.
const watchEvery = 25 * time.Millisecond

// The metrics that are looked at.
const (
	metricCheckpoints = "keeptrack_checkpoint_total"
	metricFailures    = "keeptrack_checkpoint_failures_total"
	metricMemory      = "process_resident_memory_bytes"
)

// client is for the admin address.
var client = &http.Client{Timeout: patience}

// get fetches a page of the admin address.
func (l *life) get(ctx context.Context, path string) (status int, body []byte, err error) {
	return l.ask(ctx, http.MethodGet, path)
}

// page fetches a page of the admin address that has to be there.
func (l *life) page(ctx context.Context, path string) ([]byte, error) {
	status, body, err := l.get(ctx, path)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%d %s", status, body)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return body, nil
}

// ask sends a request to the admin address.
func (l *life) ask(ctx context.Context, method, path string) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, l.admin+path, nil)
	if err != nil {
		return 0, nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	return res.StatusCode, body, err
}

// ready waits until the daemon says that it is ready, which it does at once
// after it has logged that it serves.
func (l *life) ready(ctx context.Context) error {
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		status, body, err := l.get(ctx, "/readyz")
		if err != nil || status == http.StatusOK {
			return err
		}
		if time.Since(began) > patience {
			return fmt.Errorf("/readyz says %d %s", status, body)
		}
	}
}

// watch tells the book of completed checkpoints until ctx is done.
func (l *life) watch(ctx context.Context) error {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	progress := time.Now()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		at := time.Now()
		body, err := l.page(ctx, "/metrics")
		if err != nil {
			return err
		}
		seen := parseMetrics(body)
		if n := seen[metricFailures]; n > 0 {
			return fmt.Errorf("%g checkpoints have failed", n)
		}
		l.h.report.memory = max(l.h.report.memory, int64(seen[metricMemory]))
		n := uint64(seen[metricCheckpoints])
		l.h.book.looked(at, n)
		if n > l.checkpoints {
			l.checkpoints, progress = n, at
		} else if at.Sub(progress) > patience {
			return fmt.Errorf("no checkpoint in %v", patience)
		}
	}
}

// parseMetrics reads the metrics without labels.
func parseMetrics(text []byte) map[string]float64 {
	all := map[string]float64{}
	for line := range bytes.Lines(text) {
		name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
		if v, err := strconv.ParseFloat(string(value), 64); err == nil {
			all[string(name)] = v
		}
	}
	return all
}
