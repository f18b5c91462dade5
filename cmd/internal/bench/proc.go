package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is the unit of CPU times in /proc, the same on every Linux.
const tick = 10 * time.Millisecond

// usage is what a process has used so far, and the memory it has now.
type usage struct {
	user, system time.Duration
	resident     int64 // bytes
}

// Fields of /proc/PID/stat, counted from the one after the command's name.
const (
	statUser     = 11
	statSystem   = 12
	statResident = 21 // pages
)

// readUsage reads the usage of a process from /proc, which only Linux has.
func readUsage(pid int) (usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) {
		return usage{}, fmt.Errorf("there is no process %d in /proc", pid)
	}
	if err != nil {
		return usage{}, err
	}
	return parseStat(stat)
}

// parseStat reads /proc/PID/stat. The command's name, in parentheses, may hold
// anything.
func parseStat(stat []byte) (usage, error) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= statResident {
		return usage{}, fmt.Errorf("process statistics: only %d fields", len(fields))
	}
	var values [3]int64
	for i, f := range []int{statUser, statSystem, statResident} {
		v, err := strconv.ParseInt(string(fields[f]), 10, 64)
		if err != nil {
			return usage{}, fmt.Errorf("process statistics: %w", err)
		}
		values[i] = v
	}
	return usage{
		user:     time.Duration(values[0]) * tick,
		system:   time.Duration(values[1]) * tick,
		resident: values[2] * int64(os.Getpagesize()),
	}, nil
}
