package tracker

import (
	"runtime"
	"testing"
	"time"
)

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestMemoryComesBack fills a tracker, lets all of it time out and looks at
// what is left.
func TestMemoryComesBack(t *testing.T) {
	const torrents = 200_000
	b := newRig(t, nil)
	b.PublishTo(nil)
	empty := heapInUse()
	for i := range torrents {
		h := hashN(byte(i), i)
		b.leech(h, peer4(i))
		if i%4 == 0 {
			b.seed(h, peer6(i))
		}
	}
	for i := range 3000 {
		b.leech(hashA, peer4(i))
		b.leech(hashB, peer4(i%300))
		b.seed(hashB, peer6(i))
	}
	full := heapInUse()
	for range 2 { // the last announce was at the end of its minute
		b.advance(b.opts.PeerTimeout + time.Minute)
		b.sweepAll()
	}
	if s := b.Stats(); s.Torrents != 0 || s.Peers != [2]uint64{} || s.Seeders != [2]uint64{} {
		t.Errorf("%+v", s)
	}
	for i := range b.shards {
		s := &b.shards[i]
		if len(s.torrents.pages) > 1 || len(s.index.directory) > 1 || len(s.index.directory[0].slots) > minTableSlots {
			t.Errorf("shard %d: %d pages, index %v", i, len(s.torrents.pages), s.index)
		}
		checkEmptyArena(t, &s.arena4)
		checkEmptyArena(t, &s.arena6)
	}
	if left := int64(heapInUse()) - int64(empty); left > int64(full-empty)/5 {
		t.Errorf("%d bytes are left of %d", left, full-empty)
	}
}

func checkEmptyArena[K key](t *testing.T, a *arena[K]) {
	t.Helper()
	for i := range a.classes {
		if c := &a.classes[i]; c.n != 0 || cap(c.pages) > 0 {
			t.Errorf("class %d: %d blocks, room for %d pages", i, c.n, cap(c.pages))
		}
	}
	for i := range a.large {
		if a.large[i] != nil {
			t.Errorf("large block %d is left", i)
		}
	}
}
