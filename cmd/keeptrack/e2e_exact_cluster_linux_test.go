package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keeptrack/tracker"
)

// exactInterval is the beacon interval of a cluster, and exactDelay how long a record
// waits at most until it is sent.
const (
	exactInterval = 2 * time.Second
	exactDelay    = 200 * time.Millisecond
)

// clientAddress is where the daemon of each host answers clients: every host has a
// loopback interface of its own.
const clientAddress = "127.0.0.1:6969"

// exactSettings have live sync go thirty times as fast as by default, but for max_delay.
var exactSettings = settings{
	"livesync.id":                      `""`,
	"livesync.first_beacon_delay":      `"1s"`,
	"livesync.beacon_interval":         fmt.Sprintf("%q", exactInterval),
	"livesync.renew_after":             `"20s"`,
	"livesync.max_delay":               fmt.Sprintf("%q", exactDelay),
	"udp.listen":                       fmt.Sprintf("[%q]", clientAddress),
	"udp.workers":                      "1",
	"http.listen":                      "[]",
	"tracker.max_peers_per_address":    "0",
	"tracker.max_torrents_per_address": "0",
}

// cluster is a group of instances, one on each host of a network, and what clients know
// of the completions there.
type cluster struct {
	*lan
	*truth
	more  settings // of every instance
	own   []settings
	dirs  []string
	all   []*instance // the last on each host
	doors []*door
	lives []atomic.Uint64 // instances that were on each host; odd while one runs
	build func() (path string, err error)
	// refuses says that the access list on a host refuses a torrent.
	refuses func(host, torrent int) bool

	ctx         context.Context // done when the test is over, or fails
	giveUp      context.CancelFunc
	downloaders atomic.Uint64
	taps        []*tap
	unwatch     func()
}

// newCluster makes a network of n hosts and starts an instance on each. Until the test
// ends, no count is seen anywhere above what clients have completed.
func newCluster(t *testing.T, n, torrents int, more settings) *cluster {
	t.Helper()
	c := newEmptyCluster(t, n, torrents, more)
	for i := range n {
		c.start(i)
	}
	c.watch()
	return c
}

// newEmptyCluster is newCluster without instances.
func newEmptyCluster(t *testing.T, n, torrents int, more settings) *cluster {
	t.Helper()
	c := &cluster{
		lan: newLAN(t, n), truth: newTruth(torrents), more: more, unwatch: func() {}, build: built, refuses: func(int, int) bool { return false },
		own: make([]settings, n), all: make([]*instance, n), lives: make([]atomic.Uint64, n),
	}
	c.ctx, c.giveUp = context.WithCancel(t.Context())
	for i := range n {
		c.dirs = append(c.dirs, t.TempDir())
		c.doors = append(c.doors, &door{})
		c.taps = append(c.taps, c.tapOn(i, "127.1.0.1"))
	}
	return c
}

// settings returns the config of the instance on host i.
func (c *cluster) settings(i int) settings {
	return c.config(i, c.dirs[i], exactSettings.with(c.more).with(c.own[i]))
}

// start starts the instance on host i and lets clients in.
func (c *cluster) start(i int) {
	c.t.Helper()
	path, err := c.build()
	if err != nil {
		c.t.Fatal(err)
	}
	c.startBuild(path, i)
}

// startBuild is start with the program at path.
func (c *cluster) startBuild(path string, i int) {
	c.t.Helper()
	c.all[i] = c.startProgram(path, i, c.settings(i))
	d := c.doors[i]
	d.mu.Lock()
	if d.life == nil || d.life.Err() != nil {
		d.life, d.end = context.WithCancel(c.ctx)
	}
	d.accepted = d.accepted[:0]
	d.mu.Unlock()
	c.lives[i].Add(1)
	d.set(true)
}

// stop ends the instance on host i with SIGTERM, with clients inside: they ask on until
// the next one answers.
func (c *cluster) stop(i int) {
	c.t.Helper()
	c.lives[i].Add(1)
	c.all[i].stop()
}

// counts returns the counts that the instance on host i shows.
func (c *cluster) counts(i int) []uint64 {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	counts, err := c.taps[i].counts(ctx, c.hashes)
	if err != nil {
		c.t.Fatalf("host %d: %v", i, err)
	}
	return counts
}

// waitExact waits until every instance shows, of each torrent, what clients have
// completed, less only what a kill may have cost. Those who run are meant, or some.
func (c *cluster) waitExact(what string, hosts ...int) {
	c.t.Helper()
	if hosts == nil {
		for i := range c.all {
			hosts = append(hosts, i)
		}
	}
	began := time.Now()
	for end := began.Add(patience); ; time.Sleep(20 * time.Millisecond) {
		report, exact := c.compare(hosts)
		took := time.Since(began)
		if exact {
			c.t.Logf("%s: %d hosts exact with %d completions of %d torrents after %s, %.1f intervals",
				what, len(hosts), total(c.accepted), len(c.hashes), took.Round(time.Millisecond), took.Seconds()/exactInterval.Seconds())
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("%s: not exact after %s, %d completions accepted:\n%s", what, patience, total(c.accepted), report)
		}
	}
}

// compare returns whether hosts show the same counts and the right ones, and what is
// wrong.
func (c *cluster) compare(hosts []int) (report string, exact bool) {
	var first []uint64
	var text strings.Builder
	for _, i := range hosts {
		got := c.counts(i)
		if first == nil {
			first = got
		}
		var low, high, unlike int
		var missing, extra uint64
		for k, n := range got {
			if c.refuses(i, k) {
				continue
			}
			accepted := c.accepted[k].Load()
			least, most := accepted-c.atRisk[k].Load(), accepted+c.unsure[k].Load()
			if n < least {
				low, missing = low+1, missing+least-n
			}
			if n > most {
				high, extra = high+1, extra+n-most
			}
			if n != first[k] {
				unlike++
			}
		}
		if low+high+unlike > 0 {
			fmt.Fprintf(&text, "host %d: %d torrents lack %d, %d have %d more, %d unlike those of host %d\n", i, low, missing, high, extra, unlike, hosts[0])
		}
	}
	return text.String(), text.Len() == 0
}

// watch has the counts of all instances looked at until the test ends or unwatch is
// called: none is ever above what clients have sent, and none falls while its instance
// runs.
func (c *cluster) watch() {
	var watchers sync.WaitGroup
	ctx, cancel := context.WithCancel(c.ctx)
	samples := make([]int, len(c.hosts))
	for i := range c.hosts {
		p := c.tapOn(i, "127.1.0.2")
		watchers.Go(func() { samples[i] = c.follow(ctx, i, p) })
	}
	c.unwatch = sync.OnceFunc(func() {
		cancel()
		watchers.Wait()
		c.t.Logf("%d samples, none above the truth", samples)
		if !c.t.Failed() && slices.Max(samples) < 2 {
			c.t.Error("next to nothing was sampled")
		}
	})
	c.t.Cleanup(c.unwatch)
}

// follow looks at the counts on host i until ctx is done.
func (c *cluster) follow(ctx context.Context, i int, p *tap) (samples int) {
	var last []uint64
	var lastLife uint64
	for wrong := 0; ctx.Err() == nil && wrong < 5; {
		life := c.lives[i].Load()
		got, err := p.counts(ctx, c.hashes)
		if err != nil {
			if ctx.Err() == nil {
				c.t.Errorf("host %d: %v", i, err)
				wrong++
			}
			continue
		}
		samples++
		for k, n := range got {
			if most := c.issued[k].Load(); n > most {
				c.t.Errorf("host %d shows %d completions of torrent %d, of %d that there were", i, n, k, most)
				wrong++
			}
			if last != nil && life == lastLife && life == c.lives[i].Load() && n < last[k] {
				c.t.Errorf("host %d shows %d completions of torrent %d after %d", i, n, k, last[k])
				wrong++
			}
		}
		last, lastLife = got, life
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return samples
}

// end stops all instances and expects the right counts in their files.
func (c *cluster) end() {
	c.t.Helper()
	c.unwatch()
	for i := range c.all {
		c.stop(i)
	}
	var first map[tracker.InfoHash]uint64
	for i, dir := range c.dirs {
		kept := make(map[tracker.InfoHash]uint64)
		for h, r := range recordsOf(c.t, dir) {
			if r.Downloaded > 0 {
				kept[h] = r.Downloaded
			}
		}
		if first == nil {
			first = kept
		}
		if !maps.Equal(kept, first) {
			c.t.Errorf("the file of host %d has other counts than that of host 0", i)
		}
		for k, h := range c.hashes {
			if n, accepted := kept[h], c.accepted[k].Load(); n < accepted-c.atRisk[k].Load() || n > accepted+c.unsure[k].Load() {
				c.t.Fatalf("the file of host %d has %d completions of torrent %d, accepted were %d", i, n, k, accepted)
			}
		}
	}
}
