package bench

import (
	"math"
	"math/bits"
)

// Every power of two is divided into 64 buckets, so that a value is known to
// 1/64 of itself.
const (
	subBucketBits = 6
	subBuckets    = 1 << subBucketBits
	// buckets is enough for every int64 that is not negative.
	buckets = (63 - subBucketBits + 1) * subBuckets
)

// histogram counts values, nanoseconds here, in buckets whose width grows with
// the value.
type histogram struct {
	counts [buckets]uint64
	n      uint64
	max    int64
}

// add counts a value; a negative one counts as 0.
func (h *histogram) add(v int64) {
	v = max(v, 0)
	h.counts[bucket(uint64(v))]++
	h.n++
	h.max = max(h.max, v)
}

// quantile returns the value that a share q of the values does not exceed, to
// the precision of the buckets and never too small; 0 if there are none.
func (h *histogram) quantile(q float64) int64 {
	rank := uint64(math.Ceil(q * float64(h.n)))
	var seen uint64
	for i, n := range h.counts {
		if seen += n; n > 0 && seen >= rank {
			return min(bucketEnd(i), h.max)
		}
	}
	return h.max
}

// bucket returns the bucket of v. The first two powers' worth of buckets hold
// one value each; bucket numbers go on from there without gaps.
func bucket(v uint64) int {
	shift := max(bits.Len64(v)-subBucketBits-1, 0)
	return shift<<subBucketBits + int(v>>shift)
}

// bucketEnd returns the largest value in a bucket.
func bucketEnd(i int) int64 {
	if i < 2*subBuckets {
		return int64(i)
	}
	shift := i>>subBucketBits - 1
	return int64(uint64(i-shift<<subBucketBits+1)<<shift - 1)
}
