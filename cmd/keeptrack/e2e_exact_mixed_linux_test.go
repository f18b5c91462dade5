package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"keeptrack/cmd/testenv"
	"keeptrack/store"
)

// TestExactBesideAStranger: two instances count beside one that speaks nothing but the
// original protocol. No count is above the truth anywhere. Then an instance starts in the
// stranger's place, on its file and under load: all is exact, and nothing doubled.
func TestExactBesideAStranger(t *testing.T) {
	t.Parallel()
	torrents, rate, stretch := exactLoad()
	g := newEmptyCluster(t, 3, torrents, settings{"store.checkpoint_interval": `"2s"`})
	ctx, end := context.WithCancel(g.ctx)
	s := g.newStranger(ctx, 2)
	g.start(0)
	g.start(1)
	g.watch()
	g.during(rate, func() {
		quit := make(chan struct{})
		var own sync.WaitGroup
		own.Go(func() { pace(rate/2, quit, func() { s.complete(g.downloaders.Add(1)) }) })
		for i := range 2 {
			g.accept(stretch / 2)
			g.restart(i)
			s.until("the stranger to be asked after the start of another", func() bool { return s.asked > i })
		}
		s.setDeaf(true)
		g.accept(stretch / 3)
		s.setDeaf(false)
		s.until("the stranger to be told what it missed", func() bool { return s.told > 0 })
		g.accept(stretch / 2)
		close(quit)
		own.Wait()
		end()
		s.done.Wait()
		s.library().saveFloors(t, g.dirs[2])
		g.start(2)
		g.accept(stretch)
	})
	t.Logf("the stranger answered %d inquiries and took in %d counts that it was told", s.asked, s.told)
	g.waitExact("the stranger upgraded")
	g.end()
}

// all returns the counts as they are now.
func all(counts []atomic.Uint64) []uint64 {
	now := make([]uint64, len(counts))
	for k := range counts {
		now[k] = counts[k].Load()
	}
	return now
}

// saveFloors writes the library into the database in dir as a migrated file has it: none
// of the totals is known to be of an origin.
func (l library) saveFloors(t *testing.T, dir string) {
	t.Helper()
	l.save(t, dir)
	f := openStore(t, dir)
	if err := firstError(f.SaveOrigins(store.Origins{Floors: true}), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// lastWithoutParts is the last version whose counts had no parts.
const lastWithoutParts = "679712a"

// olderBuild builds the program as of a commit and returns its path.
func olderBuild(t *testing.T, commit string) string {
	t.Helper()
	testenv.NeedProgram(t, "git")
	testenv.NeedProgram(t, "tar")
	dir := t.TempDir()
	archive := exec.Command("git", "archive", "--format=tar", "-o", filepath.Join(dir, "source.tar"), commit)
	archive.Dir = filepath.Join("..", "..")
	out, err := archive.CombinedOutput()
	if err != nil {
		testenv.Need(t, "have the source of "+commit+": "+string(out), err)
	}
	source := filepath.Join(dir, "source")
	if err := os.Mkdir(source, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"tar", "-xf", filepath.Join(dir, "source.tar"), "-C", source},
		{"go", "build", "-C", source, "-o", filepath.Join(dir, "keeptrack"), "./cmd/keeptrack"},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v: %s", args, err, out)
		}
	}
	return filepath.Join(dir, "keeptrack")
}

// TestExactAfterAnUpgrade: one of three instances is of the version before, and is
// upgraded under load, on its file.
func TestExactAfterAnUpgrade(t *testing.T) {
	if !testenv.Long() {
		return // it builds another version; TestExactBesideAStranger is the quick form
	}
	torrents, rate, stretch := exactLoad()
	older := olderBuild(t, lastWithoutParts)
	g := newEmptyCluster(t, 3, torrents, settings{"store.checkpoint_interval": `"2s"`})
	g.start(0)
	g.start(1)
	g.startBuild(older, 2)
	g.watch()
	g.during(rate, func() {
		for i := range 2 {
			g.accept(stretch / 2)
			g.restart(i)
		}
		g.accept(stretch / 2)
		g.stop(2)
		g.startBuild(older, 2)
		g.accept(stretch / 2)
		g.stop(2)
		g.start(2)
		g.accept(stretch / 2)
	})
	g.waitExact("upgraded")
	g.end()
}

// floors reports whether the instance has totals that may hold what members tell as well.
func (d *instance) floors() bool {
	d.t.Helper()
	var c struct{ Counting struct{ Floors bool } }
	if err := json.Unmarshal([]byte(d.mustAPI(http.MethodGet, "cluster")), &c); err != nil {
		d.t.Fatal(err)
	}
	return c.Counting.Floors
}

// TestEqualAfterARollingUpgrade: three instances of the version before are upgraded one
// after the other, under load. They agree in the end. What others count while the totals
// of the last one are floors may be taken for something that is in these totals.
func TestEqualAfterARollingUpgrade(t *testing.T) {
	if !testenv.Long() {
		return // it builds another version
	}
	torrents, rate, stretch := exactLoad()
	older := olderBuild(t, lastWithoutParts)
	g := newEmptyCluster(t, 3, torrents, settings{"store.checkpoint_interval": `"2s"`})
	for i := range g.all {
		g.startBuild(older, i)
	}
	g.watch()
	var before []uint64 // completions when the last one is upgraded
	g.during(rate, func() {
		for i := range g.all {
			g.accept(stretch / 2)
			if i == len(g.all)-1 {
				before = all(g.accepted)
			}
			g.stop(i)
			g.start(i)
		}
		for i, d := range g.all {
			waitFor(t, fmt.Sprintf("the floors of host %d to end", i), func() bool { return !d.floors() })
		}
		for k, n := range all(g.accepted) {
			g.atRisk[k].Store(n - before[k])
		}
		g.accept(stretch / 2)
	})
	g.waitExact("all upgraded")
	lost := total(g.accepted)
	for _, n := range g.counts(0) {
		lost -= n
	}
	t.Logf("%d of %d completions are lost; %d were accepted between the last upgrade and the end of floors", lost, total(g.accepted), total(g.atRisk))
	g.end()
}
