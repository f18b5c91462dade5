package tracker

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
)

// HashSet is a set of info hashes: 20 to 21 bytes each in a sorted array, with
// an index by their first bits. It holds no pointers for the garbage collector
// to follow, and does not change once it is made. The nil set is empty.
type HashSet struct {
	hashes []InfoHash
	// index[p] is where the hashes begin whose first bits are p, index[p+1]
	// where they end.
	index []uint32
	shift uint8 // of the first 32 bits, to get at the first bits
}

// perIndexed is the number of hashes to each element of the index, if they are
// spread evenly: they lie on two or three cache lines.
const perIndexed = 8

// NewHashSet makes a set of hashes, which it keeps and sorts.
func NewHashSet(hashes []InfoHash) *HashSet { return newHashSet(hashes, func() {}) }

// newHashSet is NewHashSet for many hashes: it calls rest after the work on
// every restAfter of them.
func newHashSet(hashes []InfoHash, rest func()) *HashSet {
	sortHashes(hashes, rest)
	hashes = slices.Compact(hashes)
	if len(hashes) < cap(hashes)-cap(hashes)/8 {
		hashes = slices.Clone(hashes)
	}
	s := &HashSet{hashes: hashes}
	indexBits := max(bits.Len(uint(len(hashes)/perIndexed)), 1)
	s.shift = uint8(32 - indexBits)
	s.index = make([]uint32, 1<<indexBits+1)
	for i := range hashes {
		s.index[s.prefix(&hashes[i])+1]++
	}
	for p := range 1 << indexBits {
		s.index[p+1] += s.index[p]
	}
	return s
}

// Len returns the number of info hashes.
func (s *HashSet) Len() int {
	if s == nil {
		return 0
	}
	return len(s.hashes)
}

// Has says whether h is in the set.
func (s *HashSet) Has(h *InfoHash) bool {
	if s == nil {
		return false
	}
	p := s.prefix(h)
	low, high := s.index[p], s.index[p+1]
	for low < high {
		mid := (low + high) / 2
		switch c := compareHashes(&s.hashes[mid], h); {
		case c == 0:
			return true
		case c < 0:
			low = mid + 1
		default:
			high = mid
		}
	}
	return false
}

func (s *HashSet) prefix(h *InfoHash) uint32 { return binary.BigEndian.Uint32(h[:]) >> s.shift }

// compareHashes is bytes.Compare, faster because most differ within a word.
func compareHashes(a, b *InfoHash) int {
	x, y := binary.BigEndian.Uint64(a[:]), binary.BigEndian.Uint64(b[:])
	if x != y {
		return cmp.Compare(x, y)
	}
	return bytes.Compare(a[8:], b[8:])
}

// sortHashes sorts by the first byte and then each part by itself, so that it
// can rest in between.
func sortHashes(hashes []InfoHash, rest func()) {
	work := shift{rest: rest}
	var next, end [256]int
	for i := range hashes {
		end[hashes[i][0]]++
	}
	for b := 1; b < 256; b++ {
		next[b], end[b] = end[b-1], end[b]+end[b-1]
	}
	begin := next
	for b := range 256 {
		for next[b] < end[b] {
			h := &hashes[next[b]]
			if int(h[0]) != b {
				to := &hashes[next[h[0]]]
				next[h[0]]++
				*h, *to = *to, *h
			} else {
				next[b]++
			}
		}
		work.did(end[b] - begin[b])
	}
	for b := range 256 {
		slices.SortFunc(hashes[begin[b]:end[b]], func(a, b InfoHash) int { return compareHashes(&a, &b) })
		work.did(end[b] - begin[b])
	}
}

// restAfter is the number of info hashes that are worked on without a rest: a
// fraction of a millisecond's worth, or a millisecond where the work has larger
// parts.
const restAfter = 1024

// shift is work with rests in between.
type shift struct {
	rest func()
	done int // since the last rest
}

// did takes note of work on n info hashes, and rests if it is time for that.
func (s *shift) did(n int) {
	if s.done += n; s.done >= restAfter {
		s.done = 0
		s.rest()
	}
}
