package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/livesync/transport/nats/natstest"
)

// natsSites starts a NATS server on each host, joined by gateways, and has the instance
// there use it.
func (c *cluster) natsSites() {
	c.t.Helper()
	var gateways []string
	for i := range c.hosts {
		gateways = append(gateways, fmt.Sprintf(`{ name: site%d, url: "nats://%s:7222" }`, i, address(i)))
	}
	for i, host := range c.hosts {
		s := natstest.Start(c.t, fmt.Sprintf(`gateway { name: site%d, listen: "%s:7222", gateways: [ %s ] }`, i, address(i), strings.Join(gateways, ", ")),
			"ip", "netns", "exec", host, natsServer(c.t))
		c.own[i] = overNATS(s.Address).with(settings{"livesync.max_delay": fmt.Sprintf("%q", exactDelay)})
	}
}

// TestExactOverNATSSites: three sites have a NATS server each, and one of them is cut off
// for a while, with clients at all.
func TestExactOverNATSSites(t *testing.T) {
	torrents, rate, stretch := exactLoad()
	g := newEmptyCluster(t, 3, torrents, sealed(t, groupKey("a")))
	g.natsSites()
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
			t.Error("the site was not cut off")
		}
		g.attach(2)
		g.accept(stretch / 3)
	})
	g.waitExact("the load has ended")
	g.end()
}
