package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
)

// sent returns the metric of live sync packets of a type that an instance has sent.
func sent(kind string) string {
	return fmt.Sprintf("keeptrack_livesync_packets_total{direction=\"out\",type=%q}", kind)
}

// traffic waits for so many intervals and returns how many packets of each type the
// instances have sent meanwhile, all together.
func (c *cluster) traffic(intervals int) map[string]float64 {
	c.t.Helper()
	packets := make(map[string]float64)
	add := func(factor float64) {
		for _, d := range c.all {
			for name, n := range d.metrics() {
				if rest, ok := strings.CutPrefix(name, `keeptrack_livesync_packets_total{direction="out",type="`); ok {
					packets[strings.TrimSuffix(rest, `"}`)] += factor * n
				}
			}
		}
	}
	add(-1)
	beacons := make([]float64, len(c.all))
	for i, d := range c.all {
		beacons[i] = d.metric(sent("beacon"))
	}
	for i, d := range c.all {
		end := time.Now().Add(patience + 2*time.Duration(intervals)*exactInterval)
		for d.metric(sent("beacon")) < beacons[i]+float64(intervals) {
			if time.Now().After(end) {
				c.t.Fatalf("host %d sends no beacons", i)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	add(1)
	maps.DeleteFunc(packets, func(_ string, n float64) bool { return n == 0 })
	return packets
}

// repairs returns how many packets of traffic are questions about counts, and answers.
func repairs(packets map[string]float64) (n float64) {
	for kind, k := range packets {
		if strings.HasPrefix(kind, "count_") && kind != "count_hello" && kind != "count_parts" {
			n += k
		}
	}
	return n
}

// TestUnlikeAccessLists: one of three instances refuses a third of the torrents, which the
// others count. That holds up nothing and is soon asked for no more.
func TestUnlikeAccessLists(t *testing.T) {
	t.Parallel()
	torrents, rate, stretch := exactLoad()
	g := newEmptyCluster(t, 3, torrents, nil)
	var list strings.Builder
	for k := 0; k < torrents; k += 3 {
		fmt.Fprintln(&list, g.hashes[k])
	}
	path := filepath.Join(t.TempDir(), "refused")
	if err := os.WriteFile(path, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	g.own[2] = settings{"access.mode": `"deny"`, "access.file": fmt.Sprintf("%q", path)}
	g.refuses = func(host, torrent int) bool { return host == 2 && torrent%3 == 0 }
	for i := range g.all {
		g.start(i)
	}
	g.watch()
	g.during(rate, func() {
		g.accept(stretch)
		g.restart(0) // so that there are origins that have ended, too
		g.accept(stretch / 2)
	})
	g.waitExact("but for what one refuses")
	const intervals = 4
	for k := 1; ; k++ {
		packets := repairs(g.traffic(intervals))
		t.Logf("%g questions and answers in the intervals %d to %d, of three instances together", packets, (k-1)*intervals, k*intervals-1)
		if packets <= intervals {
			break
		}
		if k == testenv.Pick(6, 30) {
			t.Fatalf("%g questions and answers in %d intervals are more than next to nothing", packets, intervals)
		}
	}
	g.waitExact("and still")
	g.unwatch()
}
