package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/prometheus/procfs"
)

// tick is the unit of CPU times in /proc, the same on every Linux.
const tick = 10 * time.Millisecond

// usage is what a process has used so far, and the memory it has now.
type usage struct {
	user, system time.Duration
	resident     int64 // bytes
}

// readUsage reads the usage of a process from /proc, which only Linux has.
func readUsage(pid int) (usage, error) {
	stat, err := statOf(pid)
	if errors.Is(err, fs.ErrNotExist) {
		return usage{}, fmt.Errorf("there is no process %d in /proc", pid)
	}
	if err != nil {
		return usage{}, fmt.Errorf("statistics of process %d: %w", pid, err)
	}
	return usage{
		user:     time.Duration(stat.UTime) * tick,
		system:   time.Duration(stat.STime) * tick,
		resident: int64(stat.ResidentMemory()),
	}, nil
}

func statOf(pid int) (procfs.ProcStat, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return procfs.ProcStat{}, err
	}
	return p.Stat()
}
