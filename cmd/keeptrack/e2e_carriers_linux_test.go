package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/livesync/transport/nats/natstest"
)

// overMulticast has the instances of a cluster seal what they send to the group.
func (c *cluster) overMulticast() []*natstest.Server {
	key := sealed(c.t, groupKey("a"))
	for i := range c.own {
		c.own[i] = key
	}
	return nil
}

// overUnicast gives all instances of a cluster the same list.
func (c *cluster) overUnicast() []*natstest.Server {
	var peers []string
	for i := range c.hosts {
		peers = append(peers, fmt.Sprintf("%q", address(i)+":9696"))
	}
	more := sealed(c.t, groupKey("a")).with(settings{
		"livesync.transport": `"unicast"`, "livesync.listen": `":9696"`, "livesync.peers": "[" + strings.Join(peers, ", ") + "]",
	})
	for i := range c.own {
		c.own[i] = more
	}
	return nil
}

// carriers have the instances of a cluster reach each other, with a key, in each way that
// there is. They return the NATS servers that it takes.
var carriers = []struct {
	name string
	over func(*cluster) []*natstest.Server
}{
	{"multicast", (*cluster).overMulticast},
	{"unicast", (*cluster).overUnicast},
	{"nats", (*cluster).natsSites},
}

// TestExactOverEachTransport: with clients at all instances, one is cut off for a while,
// one restarts and one is killed.
func TestExactOverEachTransport(t *testing.T) {
	for _, via := range carriers {
		t.Run(via.name, func(t *testing.T) {
			t.Parallel()
			torrents, rate, stretch := exactLoad()
			g := newEmptyCluster(t, 3, torrents, settings{"store.checkpoint_interval": `"1h"`})
			via.over(g)
			for i := range g.hosts {
				g.start(i)
			}
			g.watch()
			g.during(rate, func() {
				g.accept(stretch / 3)
				g.detach(2)
				for began := time.Now(); time.Since(began) < testenv.Pick(5*time.Second, time.Minute); {
					g.accept(rate)
				}
				if _, exact := g.compare([]int{0, 2}); exact {
					t.Error("the host was not cut off")
				}
				g.attach(2)
				g.accept(stretch / 3)
			})
			g.waitExact("one was cut off")
			g.during(rate, func() {
				g.accept(stretch / 3)
				g.restart(1)
				g.accept(stretch / 3)
				g.drain(0)
				g.accept(rate) // for a second
				g.kill(0, 0)
				g.accept(stretch / 3)
				g.start(0)
				g.accept(stretch / 3)
			})
			g.waitExact("one restarted and one was killed")
			g.wantPeersEverywhere()
			g.end()
		})
	}
}
