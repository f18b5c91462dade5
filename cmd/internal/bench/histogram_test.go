package bench

import (
	"math"
	"testing"
)

func TestBucketsHaveNoGaps(t *testing.T) {
	for i := range buckets {
		end := bucketEnd(i)
		if got := bucket(uint64(end)); got != i {
			t.Fatalf("the end %d of bucket %d is in bucket %d", end, i, got)
		}
		if end == math.MaxInt64 {
			return
		}
		if got := bucket(uint64(end) + 1); got != i+1 {
			t.Fatalf("%d comes after bucket %d and is in bucket %d", end+1, i, got)
		}
		if next := bucketEnd(i + 1); float64(next-end) > max(1, float64(next)/subBuckets) {
			t.Fatalf("bucket %d, from %d to %d, is too wide", i+1, end+1, next)
		}
	}
	t.Error("the last bucket does not end with the largest value")
}

func TestQuantiles(t *testing.T) {
	var h histogram
	if h.quantile(0.5) != 0 || h.quantile(1) != 0 {
		t.Error("without values there are quantiles")
	}
	h.add(-5) // clocks
	for v := range int64(100_000) {
		h.add(v)
	}
	for _, q := range []float64{0, 0.001, 0.5, 0.9, 0.99, 0.999, 1} {
		want := q * 100_000
		if got := float64(h.quantile(q)); got < want-2 || got > want*(1+1./subBuckets)+2 {
			t.Errorf("quantile %g is %g, want %g", q, got, want)
		}
	}
	if h.quantile(1) != 99_999 || h.max != 99_999 {
		t.Errorf("the largest is %d and %d, want 99999", h.quantile(1), h.max)
	}
}

func TestHistogramTakesTheLargestValue(t *testing.T) {
	var h histogram
	h.add(math.MaxInt64)
	if got := h.quantile(0.5); got != math.MaxInt64 {
		t.Errorf("got %d", got)
	}
}
