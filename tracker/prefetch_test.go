package tracker

import (
	"testing"
	"unsafe"
)

// TestPrefetchLines holds that it returns for every size, for memory that is
// not mapped too, and changes nothing.
func TestPrefetchLines(t *testing.T) {
	data := make([]byte, 4096)
	for i := range data {
		data[i] = byte(i)
	}
	for _, at := range []int{0, 1, 63, 64, 4095} {
		for _, size := range []uintptr{0, 1, 63, 64, 65, 4096} {
			prefetchLines(unsafe.Pointer(&data[at]), size)
		}
	}
	prefetchLines(nil, 64)
	for i := range data {
		if data[i] != byte(i) {
			t.Fatalf("byte %d has changed", i)
		}
	}
}
