package tracker

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
)

// TestIndex fills an index far beyond one table and empties it again, with
// positions that move as those of a list do.
func TestIndex(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	x := index{bytes: new(atomic.Int64)}
	var hashes []uint64
	hashAt := func(i uint32) uint64 { return hashes[i] }
	for _, target := range []int{10, 5000, 4000, 60_000, 50_000, 65_000, 20_000, 3000, 100, 0} {
		for len(hashes) < target {
			hashes = append(hashes, rng.Uint64())
			i := uint32(len(hashes) - 1)
			x.insert(hashes[i], i, hashAt)
			if i > 0 && i%16 == 0 {
				j := rng.Uint32N(i)
				x.exchange(hashes[i], i, hashes[j], j)
				hashes[i], hashes[j] = hashes[j], hashes[i]
			}
		}
		for len(hashes) > target {
			i, last := rng.Uint32N(uint32(len(hashes))), uint32(len(hashes)-1)
			hash := hashes[i]
			x.remove(hash, i, hashAt)
			if i != last {
				x.repoint(hashes[last], last, i)
				hashes[i] = hashes[last]
			}
			hashes = hashes[:last]
			x.shrink(hash, hashAt)
		}
		checkIndex(t, &x, uint32(len(hashes)), hashAt)
		if got, want := x.bytes.Load(), indexBytes(&x); got != want {
			t.Errorf("%d bytes with %d entries, said to be %d", want, target, got)
		}
	}
	if len(x.directory) != 1 || len(x.directory[0].slots) != minTableSlots {
		t.Errorf("%d tables are left, the first with %d slots", len(x.directory), len(x.directory[0].slots))
	}
}

// TestIndexOfOneTable is about hashes that all come to the same place of the
// directory, whatever its size.
func TestIndexOfOneTable(t *testing.T) {
	x := index{bytes: new(atomic.Int64)}
	hashAt := func(i uint32) uint64 { return uint64(i)*2654435761&0xffffff | uint64(i)<<48 }
	const n = 4 * maxTableSlots
	for i := range uint32(n) {
		x.insert(hashAt(i), i, hashAt)
	}
	if len(x.directory) > 1<<maxDepth {
		t.Errorf("directory of %d", len(x.directory))
	}
	table, found := x.table(0), make(map[uint32]bool)
	table.each(hashAt, func(_ uint64, i uint32) { found[i] = true })
	if len(found) != n || table.used != n || len(table.slots) != 2*n {
		t.Errorf("%d of %d entries in %d slots, said to be %d", len(found), n, len(table.slots), table.used)
	}
}
