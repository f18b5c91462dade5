//go:build linux

package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"keeptrack/cmd/internal/bench"
)

// load is a row of a table.
type load struct {
	name     string
	families []string // "IPv4", "IPv6" or both
	http     bool
	close    bool // a connection for each request
	rate     float64
	// torrents is their number. Each has peers before anything is measured, unless that
	// is 0.
	torrents, peers int
	duration        time.Duration
	memory          bool // what is measured is the memory after that
}

// fillSources is the number of addresses that the peers come from with which torrents are
// filled.
const fillSources = 16

// options are those of the load on a tracker.
func (l *load) options(url string, pid int) bench.Options {
	o := bench.DefaultOptions()
	o.URL, o.PID, o.Rate, o.Duration, o.Close = url, pid, l.rate, l.duration, l.close
	o.Torrents = l.torrents
	o.Mix = bench.Mix{bench.Announce: 1}
	if l.peers > 0 {
		o.Sources, o.Peers, o.Zipf = fillSources, l.peers, 0
	}
	return o
}

// fill has each torrent get its peers, and returns the memory that the server has then,
// in MiB.
func (l *load) fill(ctx context.Context, s *server) (resident float64, err error) {
	for i, url := range s.urls(l.http) {
		o := l.options(url, s.cmd.Process.Pid)
		o.Fill, o.Rate, o.Duration, o.Seed, o.NumWant = true, 0, 0, o.Seed+uint64(i), 0
		if l.peers == 0 { // nothing but a few, to see what an idle one has
			o.Torrents, o.Peers = 1, 1
		}
		b, err := bench.New(o)
		if err != nil {
			return 0, err
		}
		r, err := b.Run(ctx)
		if err != nil {
			return 0, err
		}
		resident = r.Tracker.Resident
	}
	return resident, nil
}

// figure is what came of one measurement.
type figure struct {
	cpu float64 // microseconds for each good reply
	p99 float64 // milliseconds
}

// measure puts the load on all addresses of a server at the same time.
func (l *load) measure(ctx context.Context, s *server) (f figure, err error) {
	urls := s.urls(l.http)
	reports, errs := make([]bench.Report, len(urls)), make([]error, len(urls))
	var all sync.WaitGroup
	for i, url := range urls {
		all.Go(func() {
			o := l.options(url, s.cmd.Process.Pid)
			o.Rate /= float64(len(urls))
			var b *bench.Bench
			if b, errs[i] = bench.New(o); errs[i] == nil {
				reports[i], errs[i] = b.Run(ctx)
			}
		})
	}
	all.Wait()
	// Each has seen all of the server's time, but only its own replies.
	var time, good float64
	for i, r := range reports {
		if errs[i] != nil {
			return f, fmt.Errorf("%s: %w", urls[i], errs[i])
		}
		time += r.Tracker.CPU * float64(r.Good) / float64(len(reports))
		good += float64(r.Good)
		f.p99 = max(f.p99, r.Latency.P99/1000)
	}
	f.cpu = time / good
	return f, nil
}

// table is a table of docs/performance.md.
type table struct {
	title string
	unit  string
	loads []load
}

// tables returns all of them. A measurement at a rate takes half as long again.
func tables(duration time.Duration) (all []table) {
	kinds := []struct {
		name     string
		families []string
	}{{"IPv4", []string{"IPv4"}}, {"IPv6", []string{"IPv6"}}, {"both", []string{"IPv4", "IPv6"}}}
	for _, k := range kinds {
		t := table{title: "UDP " + k.name, unit: "µs of CPU a reply", loads: []load{
			{name: "saturated, 10 k torrents", torrents: 10_000},
			{name: "saturated, 1 M torrents × 1 peer", torrents: 1_000_000, peers: 1},
			{name: "saturated, 500 k torrents × 4 peers", torrents: 500_000, peers: 4},
			{name: "20,000 a second", torrents: 10_000, rate: 20_000},
			{name: "5,000 a second", torrents: 10_000, rate: 5_000},
		}}
		for i := range t.loads {
			t.loads[i].families, t.loads[i].duration = k.families, duration
			if t.loads[i].rate > 0 {
				t.loads[i].duration = duration * 3 / 2
			}
		}
		all = append(all, t)
	}
	ipv4 := []string{"IPv4"}
	return append(all,
		table{title: "HTTP IPv4", unit: "µs of CPU a reply", loads: []load{
			{name: "one connection per request", families: ipv4, http: true, close: true, torrents: 10_000, duration: duration},
			{name: "keep-alive", families: ipv4, http: true, torrents: 10_000, duration: duration},
		}},
		table{title: "memory", unit: "MiB", loads: []load{
			{name: "idle", families: ipv4, torrents: 1, memory: true},
			{name: "10 k torrents × 100 peers", families: ipv4, torrents: 10_000, peers: 100, memory: true},
			{name: "500 k torrents × 4 peers", families: ipv4, torrents: 500_000, peers: 4, memory: true},
			{name: "1 M torrents × 1 peer", families: ipv4, torrents: 1_000_000, peers: 1, memory: true},
		}},
	)
}
