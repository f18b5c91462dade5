package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"keeptrack/cmd/internal/bench"
	"keeptrack/cmd/testenv"
	"keeptrack/livesync/transport/nats/natstest"
)

// The tests in this file print what exact counts cost; with -long at full size.

// sentBytes returns the bytes that host i has sent over its interface eth0, with all
// headers.
func (l *lan) sentBytes(i int) int {
	l.t.Helper()
	out, err := exec.Command("ip", "netns", "exec", l.hosts[i], "cat", "/sys/class/net/eth0/statistics/tx_bytes").Output()
	if err != nil {
		l.t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		l.t.Fatal(err)
	}
	return n
}

// TestExactFigureIdle prints what an instance sends in an interval in which nothing
// happens, after a load that all agree on.
func TestExactFigureIdle(t *testing.T) {
	for _, hosts := range testenv.Pick([]int{3}, []int{3, 5}) {
		t.Run(fmt.Sprintf("%d hosts", hosts), func(t *testing.T) {
			t.Parallel()
			torrents, rate, stretch := exactLoad()
			g := newCluster(t, hosts, torrents, sealed(t, groupKey("a")))
			g.during(rate, func() {
				g.accept(stretch)
				g.restart(0)
				g.accept(stretch / 2)
			})
			g.waitExact("load")
			g.traffic(3) // what is left to be said
			intervals, bytes := testenv.Pick(2, 30), 0
			for i := range g.hosts {
				bytes -= g.sentBytes(i)
			}
			packets := g.traffic(intervals)
			for i := range g.hosts {
				bytes += g.sentBytes(i)
			}
			each := bytes / hosts / intervals
			t.Logf("%d bytes an instance and interval with all headers; packets of all in %d intervals: %v", each, intervals, packets)
			if testenv.Long() && each > 2<<10 {
				t.Error("that is more than 2 KiB")
			}
			g.waitExact("and still")
			g.end()
		})
	}
}

// loadAll puts a load on all instances at once and returns their use of the CPU in
// microseconds for each good reply, user and system, and the number of those.
func (c *cluster) loadAll(rate int, duration time.Duration) (cpu float64, good uint64) {
	c.t.Helper()
	path, err := plain()
	if err != nil {
		c.t.Fatal(err)
	}
	type run struct {
		cmd *exec.Cmd
		out bytes.Buffer
	}
	runs := make([]run, len(c.hosts))
	for i := range runs {
		r := &runs[i]
		r.cmd = exec.Command("ip", "netns", "exec", c.hosts[i], path, "bench", "--json", "--seed", strconv.Itoa(i+1), "--rate", strconv.Itoa(rate/len(c.hosts)),
			"--duration", duration.String(), "--timeout", "10s", "--pid", strconv.Itoa(c.all[i].Cmd.Process.Pid), "udp://"+clientAddress)
		r.cmd.Stdout = &r.out
		if err := r.cmd.Start(); err != nil {
			c.t.Fatal(err)
		}
	}
	for i := range runs {
		var report bench.Report
		if err := firstError(runs[i].cmd.Wait(), json.Unmarshal(runs[i].out.Bytes(), &report)); err != nil {
			c.t.Fatal(err)
		}
		if report.Good == 0 || report.Tracker == nil {
			c.t.Fatalf("host %d: %+v", i, report)
		}
		cpu += report.Tracker.CPU * float64(report.Good)
		good += report.Good
		if lost := report.Lost + report.Unsent; lost > report.Sent/100 {
			c.t.Logf("host %d: %d lost and %d not sent, of %d", i, report.Lost, report.Unsent, report.Sent)
		}
	}
	return cpu / float64(good), good
}

// median returns the middle of an odd number of figures.
func median(figures []float64) float64 {
	slices.Sort(figures)
	return figures[len(figures)/2]
}

// cost is what a load was to a cluster.
type cost struct {
	cpu     float64 // microseconds of an instance for each reply
	server  float64 // and of the NATS servers
	traffic float64 // bytes a second that an instance sends to the others, all headers included
}

// costOf returns what a load costs a cluster whose live sync is over one of carriers, or off.
func costOf(t *testing.T, hosts int, over func(*cluster) []*natstest.Server, rate int, duration time.Duration) cost {
	g := newEmptyCluster(t, hosts, 1, settings{"livesync.max_delay": `"1s"`})
	g.build = plain
	servers := over(g)
	for i := range g.all {
		g.start(i)
	}
	sent := 0
	for i := range g.all {
		sent -= g.sentBytes(i)
	}
	began := time.Now()
	var c cost
	var good uint64
	c.cpu, good = g.loadAll(rate, duration)
	for i := range g.all {
		sent += g.sentBytes(i)
	}
	c.traffic = float64(sent) / time.Since(began).Seconds() / float64(hosts)
	for _, d := range g.all {
		d.kill()
	}
	for _, s := range servers {
		s.Stop()
		c.server += float64(s.Used.Microseconds()) / float64(good)
	}
	return c
}

// TestExactFigureCPU prints what an announce costs an instance of three and of five, alone
// and over each transport with a key, at 20,000 requests a second over all, and how much
// the instances send each other.
func TestExactFigureCPU(t *testing.T) {
	rounds, rate, duration := testenv.Pick(1, 3), testenv.Pick(3_000, 20_000), testenv.Pick(time.Second, 15*time.Second)
	alone := func(g *cluster) []*natstest.Server {
		g.more = g.more.with(settings{"livesync.enabled": "false"})
		return nil
	}
	for _, hosts := range testenv.Pick([]int{3}, []int{3, 5}) {
		t.Run(fmt.Sprintf("%d hosts", hosts), func(t *testing.T) {
			carriers := carriers
			if hosts > 3 {
				carriers = carriers[:2] // there are three sites
			}
			figures := map[string][]cost{}
			for range rounds {
				figures["alone"] = append(figures["alone"], costOf(t, hosts, alone, rate, duration))
				figures["no key"] = append(figures["no key"], costOf(t, hosts, (*cluster).withoutKey, rate, duration))
				for _, via := range carriers {
					figures[via.name] = append(figures[via.name], costOf(t, hosts, via.over, rate, duration))
				}
			}
			of := func(name string, figure func(cost) float64) (all []float64) {
				for _, c := range figures[name] {
					all = append(all, figure(c))
				}
				return all
			}
			cpu := func(c cost) float64 { return c.cpu }
			off := median(of("alone", cpu))
			t.Logf("alone: %.2f µs a reply (rounds: %.2f); multicast without a key: %.2f", off, of("alone", cpu), of("no key", cpu))
			for _, via := range carriers {
				on := median(of(via.name, cpu))
				t.Logf("%s: %.2f µs a reply, %+.0f %% (rounds: %.2f), NATS servers %.2f; %.0f kB/s from each instance", via.name, on, 100*(on/off-1), of(via.name, cpu),
					median(of(via.name, func(c cost) float64 { return c.server })), median(of(via.name, func(c cost) float64 { return c.traffic }))/1000)
			}
		})
	}
}

// completeAll has a peer of its own complete each torrent at the instance on host i, from
// an address.
func (c *cluster) completeAll(i int, from string) {
	w := &wire{t: c.t, conn: c.tapOn(i, from).conn}
	w.connect()
	w.complete(c.hashes, func(int) int { return 1 })
}

// checkpoint has the instance write what has changed.
func (d *instance) checkpoint() (c struct {
	Records, Bytes int
	TookSeconds    float64 `json:"took_seconds"`
}) {
	d.t.Helper()
	if err := json.Unmarshal([]byte(d.mustAPI(http.MethodPost, "checkpoint")), &c); err != nil {
		d.t.Fatal(err)
	}
	return c
}

// heap returns the bytes that the process has in use, once garbage is collected.
func (d *instance) heap() float64 {
	d.t.Helper()
	if status, text := d.ask(http.MethodGet, "/debug/pprof/heap?gc=1"); status != http.StatusOK {
		d.t.Fatalf("the heap: %d %s", status, text)
	}
	return d.metric("go_memstats_heap_alloc_bytes")
}

// TestExactFigureMemory prints memory and checkpoints of an instance with parts of three
// origins in each torrent, beside those of one that is alone and has as many peers.
func TestExactFigureMemory(t *testing.T) {
	torrents := testenv.Pick(20_000, 1_000_000)
	measure := func(enabled string, hosts int) {
		g := newEmptyCluster(t, hosts, torrents, settings{
			"livesync.enabled": enabled, "store.checkpoint_interval": `"1h"`, "livesync.max_delay": `"1s"`, "livesync.beacon_interval": `"10s"`,
		})
		g.build = plain
		for i := range g.all {
			g.start(i)
		}
		var clients sync.WaitGroup
		for k := range 3 {
			clients.Go(func() { g.completeAll(k%hosts, fmt.Sprintf("127.3.0.%d", 1+k)) })
		}
		clients.Wait()
		for k := range g.hashes {
			g.issued[k].Store(3)
			g.accepted[k].Store(3)
		}
		g.waitExact("all completed at " + strconv.Itoa(hosts))
		d := g.all[0]
		heap, resident := d.heap()/mebibyte, d.memoryOf("RssAnon:")/mebibyte
		first := d.checkpoint()
		g.completeAll(0, "127.3.1.1")
		second := d.checkpoint()
		t.Logf("%d instances: heap %.0f MiB, resident without the file %d MiB, after checkpoints %d MiB, file %.0f MiB; checkpoint of all %d records: %d bytes in %.2f s, once more: %d records, %d bytes in %.2f s",
			hosts, heap, resident, d.memoryOf("RssAnon:")/mebibyte, d.metric("keeptrack_database_bytes")/mebibyte,
			first.Records, first.Bytes, first.TookSeconds, second.Records, second.Bytes, second.TookSeconds)
		for _, d := range g.all {
			d.kill()
		}
	}
	measure("false", 1)
	measure("true", 3)
}
