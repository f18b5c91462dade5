package tracker

import (
	"sync/atomic"
	"testing"
)

// TestOneEmptyPageIsKept, so that a torrent that comes and goes at the end of a page
// costs no allocation each time.
func TestOneEmptyPageIsKept(t *testing.T) {
	var bytes atomic.Int64
	s := slab{bytes: &bytes}
	for i := range 2*pageTorrents + 1 {
		h := hashN(1, i)
		s.add(&h)
	}
	for _, want := range []struct{ torrents, pages int }{
		{2*pageTorrents + 1, 3}, {2 * pageTorrents, 3}, {pageTorrents + 1, 3}, {pageTorrents, 2}, {1, 2}, {0, 1},
	} {
		for int(s.n) > want.torrents {
			s.removeLast()
		}
		if len(s.pages) != want.pages || bytes.Load() != int64(want.pages)*pageBytes {
			t.Errorf("%d torrents: %d pages, %d bytes, want %d pages", s.n, len(s.pages), bytes.Load(), want.pages)
		}
	}
}
