package store

import (
	"runtime"
	"testing"

	"keeptrack/tracker"
)

// TestCheckpointMemory holds a full batch to the memory that a checkpoint may take, by
// what it allocates.
func TestCheckpointMemory(t *testing.T) {
	const records = 200_000
	for _, limit := range []int64{1 << 20, 8 << 20, 2 * maxBatch * changeBytes} {
		for _, partial := range []bool{false, true} {
			s, _ := openLoaded(t, testPath(t))
			src := newBenchSource(records)
			checkpoint(t, s, src)
			s.LimitMemory(limit)
			for range 50 { // a long journal
				src.change(100)
				checkpoint(t, s, src)
			}
			full := &takenOnce{Source: new(merger)}
			for i := range s.limits.batch {
				r := src.records[i*(records/s.limits.batch)]
				r.LastAnnounce++
				full.changes = append(full.changes, tracker.Change{Record: r, Partial: partial})
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			res := checkpoint(t, s, full)
			runtime.ReadMemStats(&after)
			most := max(limit, 3<<20)
			if took := int64(after.TotalAlloc - before.TotalAlloc); took > most || res.Records != s.limits.batch {
				t.Errorf("%d changes of %d (partial: %v) took %d bytes, %d at most", res.Records, s.limits.batch, partial, took, most)
			}
		}
	}
}
