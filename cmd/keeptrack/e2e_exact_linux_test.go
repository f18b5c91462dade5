package main

import (
	"fmt"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/livesync/transport/nats/natstest"
)

// exactLoad returns the load of a cluster: torrents, downloaders a second, and the
// completions of one stretch of it.
func exactLoad() (torrents, rate, stretch int) {
	return testenv.Pick(300, 2000), testenv.Pick(200, 500), testenv.Pick(600, 10_000)
}

// TestExactOverALossyNetwork: clients go from instance to instance, and each host loses a
// share of the packets that come to it. Every completion is counted, once and everywhere.
func TestExactOverALossyNetwork(t *testing.T) {
	for _, c := range []struct {
		hosts, loss int
		name        string
		over        func(*cluster) []*natstest.Server
		long        bool
	}{
		{3, 0, "multicast without a key", (*cluster).withoutKey, false},
		{3, 5, "multicast without a key", (*cluster).withoutKey, true},
		{3, 20, "multicast", (*cluster).overMulticast, false},
		{5, 5, "multicast", (*cluster).overMulticast, false},
		{5, 20, "multicast without a key", (*cluster).withoutKey, true},
		{3, 20, "unicast", (*cluster).overUnicast, false},
		{3, 5, "nats", (*cluster).natsSites, true},
	} {
		if c.long && !testenv.Long() {
			continue
		}
		t.Run(fmt.Sprintf("%d hosts, %d percent lost, %s", c.hosts, c.loss, c.name), func(t *testing.T) {
			t.Parallel()
			torrents, rate, stretch := exactLoad()
			g := newEmptyCluster(t, c.hosts, torrents, nil)
			c.over(g)
			for i := range g.hosts {
				g.start(i)
			}
			g.watch()
			if c.loss > 0 {
				g.lose(c.loss)
			}
			g.during(rate, func() { g.accept(2 * stretch) })
			g.waitExact("the load has ended")
			g.end()
		})
	}
}

// TestExactAfterAPartition: the network is cut for a while, and clients complete on all
// sides. It heals under load, or once that has ended.
func TestExactAfterAPartition(t *testing.T) {
	for _, c := range []struct {
		hosts, apart int
		healsLoaded  bool
	}{{3, 1, false}, {5, 2, true}} {
		t.Run(fmt.Sprintf("%d hosts", c.hosts), func(t *testing.T) {
			t.Parallel()
			torrents, rate, stretch := exactLoad()
			g := newCluster(t, c.hosts, torrents, nil)
			heal := func() {
				if _, exact := g.compare([]int{0, c.hosts - 1}); exact {
					t.Error("the network was not cut")
				}
				for i := range c.apart {
					g.attach(i)
				}
			}
			g.during(rate, func() {
				g.accept(stretch / 3)
				for i := range c.apart { // each on its own
					g.detach(i)
				}
				began := time.Now()
				for time.Since(began) < testenv.Pick(5*time.Second, 30*time.Second) {
					g.accept(rate)
				}
				if c.healsLoaded {
					heal()
					g.accept(stretch / 3)
				}
			})
			if !c.healsLoaded {
				heal()
			}
			g.waitExact("the network has healed")
			g.during(rate, func() { g.accept(stretch / 3) })
			g.waitExact("more has come")
			g.end()
		})
	}
}

// TestExactAfterAKill: an instance is killed and started again while clients go on with
// the others. What it accepted is not in its file, and it had told it.
func TestExactAfterAKill(t *testing.T) {
	t.Parallel()
	torrents, rate, stretch := exactLoad()
	g := newCluster(t, 3, torrents, settings{"store.checkpoint_interval": `"1h"`})
	g.during(rate, func() {
		g.accept(stretch)
		g.drain(0)
		g.accept(rate) // for a second
		g.kill(0, 0)
		g.accept(stretch)
		g.start(0)
		g.accept(stretch / 3)
	})
	g.waitExact("kill")
	g.end()
}

// TestEqualAfterKillsUnderLoad: each of three instances is killed in the midst of its
// clients. They agree afterwards, and lack at most what one accepted in its last second.
func TestEqualAfterKillsUnderLoad(t *testing.T) {
	t.Parallel()
	torrents, rate, stretch := exactLoad()
	g := newCluster(t, 3, torrents, settings{"store.checkpoint_interval": `"1s"`})
	g.during(rate, func() {
		for i := range g.all {
			g.accept(stretch / 2)
			g.kill(i, time.Second)
			g.accept(stretch / 2)
			g.start(i)
		}
		g.accept(stretch / 3)
	})
	g.waitExact("kills")
	t.Logf("%d completions were at risk, %d unanswered", total(g.atRisk), total(g.unsure))
	g.end()
}

// TestExactAfterRestartsUnderLoad: each of three instances is stopped and started again
// with its clients waiting, twice. Nothing is missing and nothing counted twice.
func TestExactAfterRestartsUnderLoad(t *testing.T) {
	t.Parallel()
	torrents, rate, stretch := exactLoad()
	g := newCluster(t, 3, torrents, nil)
	g.during(rate, func() {
		for k := range 6 {
			g.accept(stretch / 3)
			g.restart(k % 3)
		}
		g.accept(stretch / 3)
	})
	g.waitExact("restarts")
	g.end()
}

// restart stops the instance on host i and starts it again.
func (c *cluster) restart(i int) {
	c.t.Helper()
	c.stop(i)
	c.start(i)
}

// drain lets no more clients in to host i and waits until none is there.
func (c *cluster) drain(i int) {
	c.doors[i].set(false)
	c.doors[i].inside.Wait()
}

// kill ends the instance on host i with SIGKILL. The clients there do not know what became
// of their requests. What the instance accepted within a while before is at risk.
func (c *cluster) kill(i int, while time.Duration) {
	c.t.Helper()
	d := c.doors[i]
	d.set(false)
	c.lives[i].Add(1)
	c.all[i].kill()
	killed := time.Now()
	d.end()
	d.inside.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range d.accepted {
		if killed.Sub(a.at) < while {
			c.atRisk[a.torrent].Add(1)
		}
	}
}
