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

// drain takes positions out of the set, of the first words words from the last to
// the first, and calls fn with each until that returns false. It looks at no more
// than limit words and returns the number of those that are left.
func (b *bitmap) drain(words, limit int, fn func(i uint32) bool) (left int) {
	left = min(words, len(b.words))
	if b.n == 0 {
		return 0
	}
	for ; left > 0 && limit > 0; left, limit = left-1, limit-1 {
		w := left - 1
		for b.words[w] != 0 {
			at := bits.Len64(b.words[w]) - 1
			b.words[w] &^= 1 << at
			b.n--
			if !fn(uint32(w*64 + at)) {
				return left
			}
		}
	}
	return left
}
