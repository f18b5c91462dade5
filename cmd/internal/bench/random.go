package bench

import "math/bits"

// random is a sequence of numbers, splitmix64: small enough that every request
// has one of its own, which makes a request a function of its number.
type random uint64

// golden is 2^64 divided by the golden ratio, the step of splitmix64.
const golden = 0x9e3779b97f4a7c15

// newRandom returns the sequence that belongs to key under the seed.
func newRandom(seed, key uint64) random { return random(mix64(mix64(seed+golden) + key)) }

// next returns 64 evenly drawn bits.
func (r *random) next() uint64 {
	*r += golden
	return mix64(uint64(*r))
}

// below returns an evenly drawn number from 0 to n-1. The error for n much
// smaller than 2^64 is beyond measuring.
func (r *random) below(n uint64) uint64 {
	high, _ := bits.Mul64(r.next(), n)
	return high
}

// mix64 is a bijection that leaves no pattern of x visible.
func mix64(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
