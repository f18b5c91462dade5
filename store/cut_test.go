package store

import (
	"math/rand/v2"
	"slices"
	"testing"

	"keeptrack/tracker"
)

// TestLoadMost compares with sorting.
func TestLoadMost(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct {
		name  string
		count func() uint64
		last  func() uint32
	}{
		{"all the same", func() uint64 { return 1 }, func() uint32 { return 29_000_000 }},
		{"few counts", func() uint64 { return rng.Uint64N(3) }, func() uint32 { return 29_000_000 + rng.Uint32N(100_000) }},
		{"many counts", func() uint64 { return rng.Uint64N(5000) }, func() uint32 { return 29_000_000 + rng.Uint32N(3) }},
		{"counts of all sizes", func() uint64 { return rng.Uint64() >> (1 + rng.IntN(63)) }, rng.Uint32},
		{"large counts", func() uint64 { return 1<<40 + rng.Uint64N(4) }, func() uint32 { return rng.Uint32N(2) << 16 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, src := openLoaded(t, testPath(t))
			for i := range 2000 {
				src.put(tracker.Record{InfoHash: testHash(rng.IntN(256), i), LastAnnounce: c.last(), Downloaded: c.count()})
			}
			checkpoint(t, s, src)
			var sorted []tracker.Record
			for _, r := range src.all() {
				sorted = append(sorted, r)
			}
			slices.SortFunc(sorted, func(a, b tracker.Record) int {
				if a.Downloaded != b.Downloaded || a.LastAnnounce != b.LastAnnounce {
					if a.Downloaded > b.Downloaded || a.Downloaded == b.Downloaded && a.LastAnnounce > b.LastAnnounce {
						return -1
					}
					return 1
				}
				return compareRecords(a, b)
			})
			for _, limit := range []int{1, 2, 700, 1999, 2000, 2001, 0} {
				want := map[tracker.InfoHash]tracker.Record{}
				for _, r := range sorted[:min(len(sorted), max(limit, 2000*oneIf(limit == 0)))] {
					want[r.InfoHash] = r
				}
				got, rest := map[tracker.InfoHash]tracker.Record{}, 0
				loaded, left, err := s.LoadMost(limit, func(r tracker.Record, fits bool) {
					if fits {
						got[r.InfoHash] = r
					} else {
						rest++
					}
				})
				if err != nil || loaded != len(want) || left != 2000-len(want) || rest != left {
					t.Fatalf("limit %d: %d loaded, %d left, %v", limit, loaded, left, err)
				}
				wantRecords(t, got, want)
			}
		})
	}
}

func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestRank: ranks are in order of counts, then of last announces.
func TestRank(t *testing.T) {
	digits := func(r tracker.Record) (d []uint16) {
		for i := range rankDigits {
			d = append(d, rankDigit(r, i))
		}
		return d
	}
	counts := []uint64{0, 1, 1023, 1024, 1025, 2047, 2048, 1 << 20, 1<<20 + 1, 1 << 40, 1<<63 - 1, 1<<64 - 1}
	var last []uint16
	for _, n := range counts {
		for _, minute := range []uint32{0, 1, 1 << 16, 1<<32 - 1} {
			d := digits(tracker.Record{LastAnnounce: minute, Downloaded: n})
			if last != nil && slices.Compare(last, d) >= 0 {
				t.Errorf("count %d, minute %d: %v is not above %v", n, minute, d, last)
			}
			last = d
		}
	}
}
