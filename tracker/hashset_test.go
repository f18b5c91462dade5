package tracker

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// randomHashes returns n info hashes; those of few bits have only so many that
// are not 0, at their beginning or end.
func randomHashes(rng *rand.Rand, n, bits int, atEnd bool) []InfoHash {
	hashes := make([]InfoHash, n)
	for i := range hashes {
		at := 0
		if atEnd {
			at = len(hashes[i]) - 8
		}
		binary.BigEndian.PutUint64(hashes[i][at:], rng.Uint64()>>(64-bits)<<(rng.IntN(2)*(64-bits)))
	}
	return hashes
}

// TestHashSet compares with a map, for hashes spread evenly and badly.
func TestHashSet(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 2, 7, 100, 5000} {
		for _, bits := range []int{1, 8, 13, 64} {
			for _, atEnd := range []bool{false, true} {
				hashes := randomHashes(rng, n, bits, atEnd)
				want := map[InfoHash]bool{}
				for _, h := range hashes {
					want[h] = true
				}
				set := NewHashSet(slices.Clone(hashes))
				if set.Len() != len(want) {
					t.Errorf("%d of %d bits: %d in the set, want %d", n, bits, set.Len(), len(want))
				}
				for _, h := range append(hashes, randomHashes(rng, 1000, bits, atEnd)...) {
					if set.Has(&h) != want[h] {
						t.Fatalf("%d of %d bits: %s in the set: %v", n, bits, h, set.Has(&h))
					}
				}
			}
		}
	}
	if none := (*HashSet)(nil); none.Has(&hashA) || none.Len() != 0 {
		t.Error("the nil set is not empty")
	}
}

// TestHashSetMemory: a million take little more than their bytes, even when
// every one comes twice.
func TestHashSetMemory(t *testing.T) {
	const n = 1 << 20
	hashes := make([]InfoHash, 0, 2*n)
	for i := range 2 * n {
		hashes = append(hashes, loadHash(i%n))
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	set := NewHashSet(hashes)
	hashes = nil
	runtime.GC()
	runtime.ReadMemStats(&after)
	// The 40 MiB of the slice went, the set's came.
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc) + 40*n; grown > 22*n || set.Len() != n {
		t.Errorf("%d hashes take %d bytes", set.Len(), grown)
	}
	runtime.KeepAlive(set)
}

func BenchmarkHashSet(b *testing.B) {
	const n = 1_000_000
	hashes := randomHashes(rand.New(rand.NewPCG(1, 2)), n, 64, false)
	b.Run("make", func(b *testing.B) {
		for b.Loop() {
			NewHashSet(slices.Clone(hashes))
		}
	})
	set := NewHashSet(slices.Clone(hashes))
	b.Run("has", func(b *testing.B) {
		i := 0
		for b.Loop() {
			i = (i + 7919) % n
			set.Has(&hashes[i])
		}
	})
}
