package tracker

import (
	"sync/atomic"
	"unsafe"
)

// removals are the info hashes of torrents that have been removed, in pages so
// that growing copies nothing. The last comes out first.
type removals struct {
	pages []*[pageRemovals]InfoHash
	n     int
	bytes *atomic.Int64 // to which the pages are added
}

const (
	pageRemovals      = 25 // close to a size that the allocator has
	pageRemovalsBytes = int64(unsafe.Sizeof([pageRemovals]InfoHash{})) + pointerBytes
)

func (r *removals) push(h *InfoHash) {
	if r.n/pageRemovals == len(r.pages) {
		r.pages = append(r.pages, new([pageRemovals]InfoHash))
		r.bytes.Add(pageRemovalsBytes)
	}
	r.pages[r.n/pageRemovals][r.n%pageRemovals] = *h
	r.n++
}

// pop takes out the last one. There must be one.
func (r *removals) pop() InfoHash {
	r.n--
	h := r.pages[r.n/pageRemovals][r.n%pageRemovals]
	if r.n%pageRemovals == 0 {
		last := len(r.pages) - 1
		r.pages[last] = nil
		r.pages = shrink(r.pages[:last])
		r.bytes.Add(-pageRemovalsBytes)
	}
	return h
}
