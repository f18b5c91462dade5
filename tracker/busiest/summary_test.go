package busiest

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// check compares a summary with the exact counts of what was added to it.
func check(t *testing.T, s *summary, exact map[uint64]uint32, total uint32) {
	t.Helper()
	seen := map[uint64]bool{}
	var sum uint32
	for i, e := range s.entries[:s.n] {
		if i > 0 && s.entries[i-1].count < e.count {
			t.Fatalf("entry %d has more than the one before", i)
		}
		if seen[e.key] {
			t.Fatalf("%x is there twice", e.key)
		}
		seen[e.key] = true
		sum += e.count
		if at := s.slot(e.key); int(s.index[at]) != i+1 {
			t.Fatalf("the index has %x at %d, it is at %d", e.key, int(s.index[at])-1, i)
		}
		if truly := exact[e.key]; e.count < truly || e.count-e.over > truly {
			t.Fatalf("%x: %d, over %d, truly %d", e.key, e.count, e.over, exact[e.key])
		}
		if e.over > total/capacity {
			t.Fatalf("%x may be over by %d of %d", e.key, e.over, total)
		}
	}
	if sum != total {
		t.Fatalf("the counts add up to %d, %d were added", sum, total)
	}
	for key, n := range exact {
		if n > total/capacity && !seen[key] {
			t.Fatalf("%x is missing with %d of %d", key, n, total)
		}
	}
	used := 0
	for _, i := range s.index {
		if i != 0 {
			used++
		}
	}
	if used != s.n {
		t.Fatalf("%d slots for %d entries", used, s.n)
	}
}

// TestSummaryAgainstExactCounts with few keys, many of equal weight, some heavy among
// many, and a stream in which every key is new.
func TestSummaryAgainstExactCounts(t *testing.T) {
	for name, draw := range map[string]func(r *rand.Rand, i int) uint64{
		"few":      func(r *rand.Rand, _ int) uint64 { return r.Uint64N(capacity) },
		"many":     func(r *rand.Rand, _ int) uint64 { return r.Uint64N(20 * capacity) },
		"heavy":    func(r *rand.Rand, _ int) uint64 { return uint64(1) << uint(min(r.ExpFloat64()*4, 62)) },
		"all new":  func(_ *rand.Rand, i int) uint64 { return uint64(i) },
		"in turns": func(_ *rand.Rand, i int) uint64 { return uint64(i % (capacity + 1)) },
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			s := summary{seed: r.Uint64()}
			exact := map[uint64]uint32{}
			for i := range 100_000 {
				key := draw(r, i)
				s.add(key)
				exact[key]++
				if i%9973 == 0 {
					check(t, &s, exact, uint32(i+1))
				}
			}
			check(t, &s, exact, 100_000)
			s.clear()
			check(t, &s, nil, 0)
		})
	}
}

// TestHalve: the order and the index stay right.
func TestHalve(t *testing.T) {
	s := summary{seed: 7}
	for key := range uint64(300) {
		for range key + 1 {
			s.add(key)
		}
	}
	for s.n > 0 {
		before := s.n
		s.halve()
		exact := map[uint64]uint32{}
		var total uint32
		for _, e := range s.entries[:s.n] {
			exact[e.key] = e.count
			total += e.count
		}
		check(t, &s, exact, total)
		if s.n > before {
			t.Fatalf("%d entries after %d", s.n, before)
		}
	}
}

// FuzzSummary adds keys of few values, so that they meet, and halves in between.
func FuzzSummary(f *testing.F) {
	f.Add(uint64(1), []byte{1, 0, 2, 0, 1, 0})
	f.Fuzz(func(t *testing.T, seed uint64, stream []byte) {
		s := summary{seed: seed}
		exact := map[uint64]uint32{}
		var total uint32
		for ; len(stream) >= 2; stream = stream[2:] {
			key := uint64(binary.LittleEndian.Uint16(stream)) % (2 * capacity)
			s.add(key)
			exact[key]++
			total++
		}
		check(t, &s, exact, total)
		s.halve()
		if s.n > 0 && s.entries[s.n-1].count == 0 {
			t.Fatal("an entry without a count")
		}
	})
}
