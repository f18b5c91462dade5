package tracker

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// TestScan holds that a peer is found at its place in lists of every length, among peers that
// differ from it in one bit only and whatever their flags and ticks, and that one that is
// not there is not found.
func TestScan(t *testing.T) {
	t.Run("IPv4", testScan[key4])
	t.Run("IPv6", testScan[key6])
}

func testScan[K key](t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var k K
	bytes := keyBytes(&k)
	for i := range bytes {
		bytes[i] = byte(rng.Uint32())
	}
	for length := range maxClassRoom + 1 {
		// What is around the list must not be looked at.
		around := make([]entry[K], length+2)
		for i := range around {
			around[i] = entry[K]{key: k, meta: uint16(rng.Uint32())}
		}
		list := around[1 : length+1]
		for i := range list {
			b := keyBytes(&list[i].key)
			bit := rng.IntN(8 * len(b))
			b[bit/8] ^= 1 << (bit % 8)
		}
		if at := scan(list, &k); at != -1 {
			t.Fatalf("of %d, found at %d what is not there", length, at)
		}
		for i := range list {
			was := list[i]
			list[i].key = k
			for _, meta := range []uint16{0, 0xffff, binary.LittleEndian.Uint16(bytes)} {
				list[i].meta = meta
				if at := scan(list, &k); at != i {
					t.Fatalf("of %d, found at %d, not %d", length, at, i)
				}
			}
			list[i] = was
		}
	}
}

// BenchmarkScan looks for each peer of a list in turn.
func BenchmarkScan(b *testing.B) {
	for _, length := range []int{8, 50, 100, 255} {
		b.Run(strconv.Itoa(length), func(b *testing.B) {
			list := make([]entry[key4], length)
			for i := range list {
				p := peer4(i)
				list[i].key = p.key4()
			}
			order := slices.Clone(list)
			rand.New(rand.NewPCG(1, 2)).Shuffle(length, func(i, j int) { order[i], order[j] = order[j], order[i] })
			for i := 0; b.Loop(); i = (i + 1) % length {
				scan(list, &order[i].key)
			}
		})
	}
}
