// Package busiest finds who sends most requests, by network and by client program, in
// memory of a fixed size and from a sample, so that the packet path hardly notices.
//
// Each worker has a Sampler, which draws requests at random and notes them in a Sketch
// of the worker's own: two summaries, of networks and of peer id prefixes. Whoever asks
// gets the sum of all sketches.
package busiest

import "math/bits"

// The size of a summary. A key with more than one in capacity of all that is counted is
// always among them.
const (
	capacity  = 512
	indexSize = 4 * capacity // a power of two, sparse enough for short searches
)

// entry is a key with its count. The true count is at most count and at least
// count - over.
type entry struct {
	key         uint64
	count, over uint32
}

// summary counts the most frequent keys of a stream (space-saving: Metwally and others,
// "Efficient computation of frequent and top-k elements in data streams"): a key that is
// not there takes the place and the count of the one with the lowest count. The entries
// are in order of count, the highest first, so that the lowest is the last one, and a
// count of one more takes its entry to the first place among its equals.
type summary struct {
	seed    uint64 // of the index, a secret: keys are the clients' choice
	n       int
	entries [capacity]entry
	index   [indexSize]uint16 // 1 + the position of an entry, 0 for none; linear probing
}

// add counts a key once.
func (s *summary) add(key uint64) {
	at := s.slot(key)
	if s.index[at] == 0 {
		at = s.admit(key, at)
	}
	i := int(s.index[at]) - 1
	first := s.firstOf(s.entries[i].count)
	if first != i {
		s.index[at], s.index[s.slot(s.entries[first].key)] = uint16(first+1), uint16(i+1)
		s.entries[i], s.entries[first] = s.entries[first], s.entries[i]
	}
	s.entries[first].count++
}

// admit makes a place for a key that is to be at slot at, and returns its slot.
func (s *summary) admit(key uint64, at int) int {
	if s.n < capacity {
		s.entries[s.n] = entry{key: key}
		s.n++
	} else {
		last := &s.entries[capacity-1]
		s.forget(last.key)
		*last = entry{key, last.count, last.count}
		at = s.slot(key) // what was forgotten may have moved others
	}
	s.index[at] = uint16(s.n)
	return at
}

// firstOf returns the position of the first entry with a count that there is.
func (s *summary) firstOf(count uint32) int {
	low, high := 0, s.n
	for low < high {
		if middle := (low + high) / 2; s.entries[middle].count > count {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// slot returns the slot of the index that has a key, or the empty one where it belongs.
func (s *summary) slot(key uint64) int {
	for at := s.home(key); ; at = (at + 1) % indexSize {
		if i := s.index[at]; i == 0 || s.entries[i-1].key == key {
			return at
		}
	}
}

// home returns where the search for a key begins.
func (s *summary) home(key uint64) int {
	high, low := bits.Mul64(key^s.seed, 0x9e3779b97f4a7c15)
	return int((high ^ low) % indexSize)
}

// forget empties the slot of a key, and moves those up that it stood in the way of.
func (s *summary) forget(key uint64) {
	hole := s.slot(key)
	for at := (hole + 1) % indexSize; s.index[at] != 0; at = (at + 1) % indexSize {
		home := s.home(s.entries[s.index[at]-1].key)
		if (at-home+indexSize)%indexSize >= (at-hole+indexSize)%indexSize {
			s.index[hole] = s.index[at]
			hole = at
		}
	}
	s.index[hole] = 0
}

// halve halves all counts. Keys that have none left are forgotten.
func (s *summary) halve() {
	for i := range s.entries[:s.n] {
		s.entries[i].count /= 2
		s.entries[i].over /= 2
	}
	for ; s.n > 0 && s.entries[s.n-1].count == 0; s.n-- {
		s.forget(s.entries[s.n-1].key)
	}
}

// clear forgets everything.
func (s *summary) clear() { *s = summary{seed: s.seed} }
