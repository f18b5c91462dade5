package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestBackupGivesWay looks at every thread of a backup that waits for a daemon.
func TestBackupGivesWay(t *testing.T) {
	started := make(chan int, 1)
	daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pid := <-started
		threads, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "task"))
		if err != nil || len(threads) == 0 {
			t.Errorf("%d threads, %v", len(threads), err)
		}
		for _, thread := range threads {
			id, _ := strconv.Atoi(thread.Name())
			if p, err := unix.Getpriority(unix.PRIO_PROCESS, id); err != nil || 20-p < niceness {
				t.Errorf("thread %d has niceness %d, %v", id, 20-p, err)
			}
		}
		http.Error(w, "not today", http.StatusServiceUnavailable)
	}))
	t.Cleanup(daemon.Close)
	dir := t.TempDir()
	cmd := program(t, dir, "backup", "--admin", daemon.URL, filepath.Join(dir, "copy.db"))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	started <- cmd.Process.Pid
	if err := cmd.Wait(); err == nil || !strings.Contains(stderr.String(), "not today") {
		t.Errorf("ended with %v: %s", err, &stderr)
	}
}
