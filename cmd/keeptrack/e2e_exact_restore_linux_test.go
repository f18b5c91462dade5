package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
)

// databaseIn returns the path of the database in dir.
func databaseIn(dir string) string { return filepath.Join(dir, "keeptrack.db") }

// TestExactWithOlderFiles: one instance is restored from a backup from before most
// completions, one has its disk set back by as much, and one begins with an empty disk,
// which is soon as useful as the others.
func TestExactWithOlderFiles(t *testing.T) {
	t.Parallel()
	torrents, rate, stretch := exactLoad()
	g := newCluster(t, 3, torrents, settings{"store.checkpoint_interval": `"2s"`})
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) {
		t.Helper()
		args = append([]string{"netns", "exec", g.hosts[0], path}, args...)
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v: %s", args[3:], err, out)
		}
	}
	backup, earlier := filepath.Join(t.TempDir(), "backup.db"), filepath.Join(t.TempDir(), "earlier.db")
	g.during(rate, func() {
		g.accept(stretch / 3)
		run("backup", "--admin", "http://"+g.all[0].admin, backup)
		g.stop(1)
		copyFile(t, earlier, databaseIn(g.dirs[1]))
		g.start(1)
		g.accept(2 * stretch)

		g.stop(0)
		run("restore", "--config", g.settings(0).write(t), backup)
		g.start(0)
		g.accept(stretch / 3)

		// The disk is set back under an instance that was killed: it did not stop well.
		g.drain(1)
		g.accept(rate)
		g.kill(1, 0)
		copyFile(t, databaseIn(g.dirs[1]), earlier)
		g.start(1)
		g.accept(stretch / 3)
	})
	g.waitExact("restored and set back")

	g.drain(2)
	g.stop(2)
	g.dirs[2] = t.TempDir()
	g.during(rate, func() {
		began := time.Now()
		g.start(2)
		peers := func(i int) float64 { return g.all[i].metric(storedPeers) }
		waitFor(t, "the newcomer's peers", func() bool { return peers(2) >= 0.99*peers(0) })
		t.Logf("%g of %g peers %s after the newcomer's start", peers(2), peers(0), time.Since(began).Round(time.Millisecond))
		g.accept(stretch / 3)
	})
	g.waitExact("and one new")
	g.end()
}

// TestExactWhenTorrentsReturn: torrents are let go after their counts were folded, and
// come back. They begin at nothing everywhere, and count exactly.
func TestExactWhenTorrentsReturn(t *testing.T) {
	if !testenv.Long() {
		return // a torrent stays for minutes: the simulations of livesync/exact and livesync have this
	}
	t.Parallel()
	_, rate, stretch := exactLoad()
	g := newEmptyCluster(t, 3, 300, settings{"tracker.torrent_timeout": `"5m"`, "tracker.peer_timeout": `"20s"`})
	for i := range g.all {
		g.start(i)
	}
	for round := range 3 {
		g.watch()
		g.during(rate, func() { g.accept(stretch / 10) })
		g.waitExact(fmt.Sprintf("round %d", round))
		g.unwatch()
		began := time.Now()
		for i, d := range g.all {
			end := time.Now().Add(20 * time.Minute)
			for d.metric("keeptrack_torrents") > 0 {
				if time.Now().After(end) {
					t.Fatalf("host %d keeps %g torrents", i, d.metric("keeptrack_torrents"))
				}
				time.Sleep(time.Second)
			}
		}
		t.Logf("all torrents were let go within %s", time.Since(began).Round(time.Second))
		g.forget()
	}
}

// forget begins to count anew, after all torrents were let go.
func (c *cluster) forget() {
	for k := range c.hashes {
		for _, n := range []*atomic.Uint64{&c.issued[k], &c.accepted[k], &c.unsure[k], &c.atRisk[k]} {
			n.Store(0)
		}
	}
}

// copyFile copies a file.
func copyFile(t *testing.T, to, from string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
