//go:build linux && (amd64 || arm64)

package memory

import (
	"testing"

	"github.com/prometheus/procfs"
)

// TestReleaseProgram: the process has fewer pages of files, and runs on.
func TestReleaseProgram(t *testing.T) {
	before := filePages(t)
	if err := ReleaseProgram(); err != nil {
		t.Fatal(err)
	}
	if after := filePages(t); after >= before {
		t.Errorf("%d KiB of files in memory before, %d after", before>>10, after>>10)
	}
}

// filePages returns the bytes of files that are in the process's memory.
func filePages(t *testing.T) uint64 {
	t.Helper()
	self, err := procfs.Self()
	if err != nil {
		t.Fatal(err)
	}
	status, err := self.NewStatus()
	if err != nil {
		t.Fatal(err)
	}
	return status.RssFile
}
