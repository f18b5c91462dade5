package tracker

import "math/bits"

// bitmap is a set of positions that says quickly where it is empty.
type bitmap struct {
	words []uint64
	n     int // positions in the set
}

// grow makes room for n positions.
func (b *bitmap) grow(n int) {
	for len(b.words)*64 < n {
		b.words = append(b.words, 0)
	}
}

func (b *bitmap) has(i uint32) bool { return b.words[i/64]>>(i%64)&1 != 0 }

func (b *bitmap) set(i uint32) {
	if !b.has(i) {
		b.words[i/64] |= 1 << (i % 64)
		b.n++
	}
}

func (b *bitmap) clear(i uint32) {
	if b.has(i) {
		b.words[i/64] &^= 1 << (i % 64)
		b.n--
	}
}

func (b *bitmap) copyBit(to, from uint32) {
	if b.has(from) {
		b.set(to)
	} else {
		b.clear(to)
	}
}

// drain calls fn with every position and empties the set.
func (b *bitmap) drain(fn func(i uint32)) {
	for w := range b.words {
		for b.words[w] != 0 {
			fn(uint32(w*64 + bits.TrailingZeros64(b.words[w])))
			b.words[w] &= b.words[w] - 1
		}
	}
	b.n = 0
}
