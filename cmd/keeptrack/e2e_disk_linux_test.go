package main

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
)

// smallDisk returns a folder with a file system of its own of 16 MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	testenv.NeedRoot(t)
	dir := t.TempDir()
	testenv.Need(t, "mount a file system", syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"))
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// status returns the HTTP status of a path on the admin address.
func (d *instance) status(path string) int {
	d.t.Helper()
	status, _ := d.ask(http.MethodGet, path)
	return status
}

// TestFullDisk: announces go on while the disk is full, readiness and metrics
// tell of it, and once there is room everything is written.
func TestFullDisk(t *testing.T) {
	dir := smallDisk(t)
	s := testSettings(dir).with(settings{"store.checkpoint_interval": `"100ms"`})
	hashes := torrentList(40_000)
	once := func(int) int { return 1 }
	d := start(t, s)
	w := connectWire(t, d.udp4)
	w.complete(hashes[:100], once)
	d.waitMetric("keeptrack_checkpoint_total", d.metric("keeptrack_checkpoint_total")+2)

	ballast := filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if closeErr := f.Close(); !errors.Is(err, syscall.ENOSPC) || closeErr != nil {
		t.Fatal(err, closeErr)
	}
	w.complete(hashes[100:], once)
	d.waitMetric("keeptrack_checkpoint_failures_total", 3)
	if status := d.status("/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d on a full disk", status)
	}
	if status := d.status("/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d on a full disk", status)
	}
	want := slices.Repeat([]uint64{1}, len(hashes))
	if !slices.Equal(downloads(t, d, hashes), want) {
		t.Error("announces were lost on a full disk")
	}

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "/readyz with room on the disk", func() bool { return d.status("/readyz") == http.StatusOK })
	d.kill() // nothing but that checkpoint may be needed
	if got := recordsOf(t, dir); len(got) != len(hashes) {
		t.Errorf("%d torrents in the database, want %d", len(got), len(hashes))
	}
	if text := strings.Join(d.log, "\n"); !strings.Contains(text, "checkpoint failed: it will be tried again") ||
		!strings.Contains(text, "checkpoints are written again") {
		t.Errorf("the log does not tell: %s", text)
	}
}

// TestSnapshotOnAFullDisk: announces and checkpoints go on, the stop has status 0 and
// says that the peers were not saved, and those of the snapshot before are there at
// the next start.
func TestSnapshotOnAFullDisk(t *testing.T) {
	dir := smallDisk(t)
	set := testSettings(dir).with(settings{"store.peers_interval": `"100ms"`, "store.checkpoint_interval": `"100ms"`})
	s := newSwarms(t, 200, 10)
	d := start(t, set)
	s.announce(d)
	before := s.look(d)
	d.waitMetric("keeptrack_snapshot_total", d.metric("keeptrack_snapshot_total")+2)
	d.waitMetric("keeptrack_checkpoint_total", d.metric("keeptrack_checkpoint_total")+2)

	fillDisk(t, filepath.Join(dir, "ballast"), 3<<20) // room for checkpoints and some peers
	more := &swarms{t, torrentList(4_000)[2_000:], 60}
	more.announce(d)
	d.waitMetric("keeptrack_snapshot_failures_total", 2)
	if status := d.status("/readyz"); status != http.StatusOK {
		t.Errorf("/readyz: %d when peers cannot be saved", status)
	}
	announceTo(t, d.urls()["udp IPv4"], hashOf("goes on"), 6881, 1, tracker.EventStarted)
	d.stop()
	if d.logged("peers not saved: the next start") != 1 || d.logged("no space left on device") == 0 {
		t.Error("the log does not say that the peers were not saved")
	}
	if _, err := os.Stat(snapshotPath(dir) + ".part"); err == nil {
		t.Error("a part of a snapshot is left on the full disk")
	}
	d = start(t, set.with(settings{"store.peers_interval": `"0"`}))
	s.wantSame("after a stop on a full disk", s.look(d), before)
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	more.announce(d)
	d.stop()
	d = start(t, set)
	s.wantSame("after a stop with room", s.look(d), before)
	more.wantSome(d)
}

// wantSome expects peers of all torrents.
func (s *swarms) wantSome(d *instance) {
	s.t.Helper()
	for _, r := range scrapeOf(s.t, d.urls()["udp IPv4"], s.hashes...) {
		if r.Seeders+r.Leechers != uint64(s.each) {
			s.t.Fatalf("%+v, want %d peers", r, s.each)
		}
	}
}

// fillDisk writes to a file until the disk has no more room than that.
func fillDisk(t *testing.T, path string, room int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	info, statErr := f.Stat()
	if !errors.Is(err, syscall.ENOSPC) || statErr != nil {
		t.Fatal(err, statErr)
	}
	if err := f.Truncate(info.Size() - room); err != nil {
		t.Fatal(err)
	}
}

// TestSnapshotInAReadOnlyFolder: as on a full disk. The folder of the database is one
// to which nothing can be added; the database itself can be written.
func TestSnapshotInAReadOnlyFolder(t *testing.T) {
	e := newEstate(t)
	set := testSettings(e.folder).with(settings{"store.peers_interval": `"100ms"`, "store.checkpoint_interval": `"100ms"`})
	s := newSwarms(t, 50, 10)
	d := start(t, set)
	s.announce(d)
	before := s.look(d)
	d.waitMetric("keeptrack_snapshot_total", d.metric("keeptrack_snapshot_total")+2)
	if err := os.Chmod(e.folder, 0o555); err != nil {
		t.Fatal(err)
	}
	d.waitMetric("keeptrack_snapshot_failures_total", 2)
	more := newSwarms(t, 100, 10)
	more.announce(d)
	d.waitMetric("keeptrack_checkpoint_total", d.metric("keeptrack_checkpoint_total")+2)
	if status := d.status("/readyz"); status != http.StatusOK {
		t.Errorf("/readyz: %d when peers cannot be saved", status)
	}
	d.stop()
	if d.logged("peers not saved: the next start") != 1 || d.logged("permission denied") == 0 {
		t.Error("the log does not say that the peers were not saved")
	}
	d = start(t, set)
	s.wantSame("after a stop in a read-only folder", s.look(d), before)
	d.waitMetric("keeptrack_snapshot_failures_total", 1)
	if err := os.Chmod(e.folder, 0o755); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "peers to be saved again", func() bool { return d.logged("peers are saved again") == 1 })
	e.wantOwned(t)
}
