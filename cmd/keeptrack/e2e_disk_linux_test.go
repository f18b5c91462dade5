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

	"keeptrack/internal/testenv"
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
	resp, err := (&http.Client{Timeout: patience}).Get("http://" + d.admin + path)
	if err != nil {
		d.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
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
	if text := strings.Join(d.log, "\n"); !strings.Contains(text, "checkpoint failed, will be tried again") ||
		!strings.Contains(text, "checkpoints are written again") {
		t.Errorf("the log does not tell: %s", text)
	}
}
