package main

import (
	"testing"

	"keeptrack/cmd/testenv"
)

// exactLoad returns the load of a cluster: torrents, downloaders a second, and the
// completions of one stretch of it.
func exactLoad() (torrents, rate, stretch int) {
	return testenv.Pick(300, 2000), testenv.Pick(200, 500), testenv.Pick(600, 10_000)
}

// TestExactOverTheNetwork: clients go from instance to instance. Every completion is
// counted, once and everywhere.
func TestExactOverTheNetwork(t *testing.T) {
	torrents, rate, stretch := exactLoad()
	g := newCluster(t, 3, torrents, nil)
	g.during(rate, func() { g.accept(2 * stretch) })
	g.waitExact("nothing lost")
	g.end()
}
