package daemon

import (
	"fmt"

	"github.com/rs/zerolog"

	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/internal/memory"
)

// Budget is the memory that torrents and peers may take.
type Budget struct {
	// Bytes is 0 if there is no limit.
	Bytes int64
	// Remark says where it comes from, on one line; empty if the config names it.
	Remark string
}

// MemoryBudget returns what a tracker.max_memory amounts to here and now.
func MemoryBudget(configured int64) Budget {
	if configured != config.AutoMemory {
		return Budget{Bytes: configured}
	}
	return autoBudget(memory.Find())
}

// autoBudget returns the budget of a process that may use as much as l says, in
// whole mebibytes.
func autoBudget(l memory.Limit, err error) Budget {
	if err != nil {
		return Budget{Remark: fmt.Sprintf("no limit: %v", err)}
	}
	const mebibyte = 1 << 20
	half := max(l.Bytes/2/mebibyte, 1)
	return Budget{
		Bytes:  int64(half * mebibyte),
		Remark: fmt.Sprintf("%dMiB, half of %dMiB (%s)", half, l.Bytes/mebibyte, l.Source),
	}
}

// RuntimeBytes returns how many bytes the Go runtime may hold so that resident memory
// stays within what an idle daemon takes and 1.35 times the budget; 0 is no limit.
func (b Budget) RuntimeBytes() int64 {
	const idle = 2 << 20
	if b.Bytes == 0 {
		return 0
	}
	return idle + b.Bytes/4*5
}

// logBudget writes what torrents and peers may take.
func logBudget(b Budget, configured int64, log zerolog.Logger) {
	line := log.Info()
	if b.Bytes == 0 && configured == config.AutoMemory {
		line = log.Warn()
	}
	if b.Remark != "" {
		line = line.Str("auto", b.Remark)
	}
	line.Int64("max_memory", b.Bytes).Msg("memory for torrents and peers")
}
