package tracker

import (
	"sync/atomic"
	"unsafe"
)

// slab holds a shard's torrents side by side without gaps, in pages so that
// growing copies nothing.
type slab struct {
	pages []*[pageTorrents]torrent
	n     uint32
	bytes *atomic.Int64 // to which the pages are added
}

const (
	pageTorrents = 64
	pageBytes    = int64(unsafe.Sizeof([pageTorrents]torrent{})) + pointerBytes
	pointerBytes = int64(unsafe.Sizeof(uintptr(0)))
)

func (s *slab) at(i uint32) *torrent { return &s.pages[i/pageTorrents][i%pageTorrents] }

func (s *slab) add(h *InfoHash) uint32 {
	i := s.n
	if int(i/pageTorrents) == len(s.pages) {
		s.pages = append(s.pages, new([pageTorrents]torrent))
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
