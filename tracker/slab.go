package tracker

import (
	"sync/atomic"
	"unsafe"
)

// slab holds a shard's torrents side by side without gaps, in pages so that
// growing copies nothing.
type slab struct {
	pages []*torrent // the first of each
	n     uint32
	bytes *atomic.Int64 // to which the pages are added
}

const (
	pageTorrents = 64
	pageBytes    = int64(unsafe.Sizeof([pageTorrents]torrent{})) + pointerBytes
	pointerBytes = int64(unsafe.Sizeof(uintptr(0)))
)

// at returns the torrent at position i, which must be below n. It does not look at memory
// of the page, as indexing an array by a pointer would: that might have to be waited for.
func (s *slab) at(i uint32) *torrent {
	first := s.pages[i/pageTorrents]
	return (*torrent)(unsafe.Add(unsafe.Pointer(first), uintptr(i%pageTorrents)*unsafe.Sizeof(*first)))
}

func (s *slab) add(h *InfoHash) uint32 {
	i := s.n
	if int(i/pageTorrents) == len(s.pages) {
		s.pages = append(s.pages, &new([pageTorrents]torrent)[0])
		s.bytes.Add(pageBytes)
	}
	s.n++
	*s.at(i) = torrent{hash: *h}
	return i
}

// removeLast gives up the last torrent. One empty page is kept.
func (s *slab) removeLast() {
	s.n--
	used := int(s.n+pageTorrents-1) / pageTorrents
	if last := len(s.pages) - 1; last > used {
		s.pages[last] = nil
		s.pages = shrink(s.pages[:last])
		s.bytes.Add(-pageBytes)
	}
}
