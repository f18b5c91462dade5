package store

import (
	"os"
	"testing"
	"time"

	"keeptrack/tracker"
)

func TestInspect(t *testing.T) {
	path := testPath(t)
	s, src := openLoaded(t, path)
	s.limits.cutting = cutting{target: 4, most: 5}
	before := time.Now().Add(-time.Minute)
	for i := range 1000 {
		r := record(i, uint32(5000+i))
		r.Downloaded = uint64(i / 2)
		src.put(r)
	}
	checkpoint(t, s, src)
	src.put(tracker.Record{InfoHash: testHash(3, 3), LastAnnounce: 9000, Downloaded: 77})
	checkpoint(t, s, src)
	closeStore(t, s)

	info, err := Inspect(path, 3)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	all := src.all()
	var downloads uint64
	for _, r := range all {
		downloads += r.Downloaded
	}
	switch {
	case info.Version != newest || info.Created.Before(before) || info.Created.After(time.Now()):
		t.Errorf("version %d, created %v", info.Version, info.Created)
	case info.Size != file.Size() || int64(info.Pages)*int64(info.PageSize) > info.Size || info.Pages == 0:
		t.Errorf("size %d of %d, %d pages of %d", info.Size, file.Size(), info.Pages, info.PageSize)
	case info.Torrents != len(all) || info.Downloads != downloads || info.JournalEntries != 1:
		t.Errorf("%d torrents, %d downloads, %d journal entries", info.Torrents, info.Downloads, info.JournalEntries)
	case info.Oldest != 5000 || info.Newest != 9000:
		t.Errorf("announced from %d to %d", info.Oldest, info.Newest)
	}
	// 998 and 999 have 499 downloads, 996 and 997 have 498.
	want := []tracker.InfoHash{record(998, 0).InfoHash, record(999, 0).InfoHash, record(996, 0).InfoHash}
	if len(info.Top) != len(want) {
		t.Fatalf("%d torrents listed, want %d", len(info.Top), len(want))
	}
	for i, h := range want {
		if r := info.Top[i]; r != all[h] {
			t.Errorf("place %d: %+v, want %+v", i, r, all[h])
		}
	}
}

func TestInspectNothing(t *testing.T) {
	path := testPath(t)
	closeStore(t, openStore(t, path))
	info, err := Inspect(path, 10)
	if err != nil {
		t.Fatal(err)
	}
	if info.Torrents != 0 || info.Oldest != 0 || info.Newest != 0 || len(info.Top) != 0 {
		t.Errorf("%+v of an empty database", info)
	}
}

// TestInfoBounds: sums do not wrap, the list does not grow, the first torrent
// counts even if it was announced at minute 0.
func TestInfoBounds(t *testing.T) {
	var i Info
	for n := range 100 {
		i.add(tracker.Record{InfoHash: testHash(0, n), LastAnnounce: uint32(n), Downloaded: tracker.MaxDownloaded - 2}, 5)
	}
	if i.Downloads != tracker.MaxDownloaded || len(i.Top) != 5 || cap(i.Top) > 16 || i.Oldest != 0 || i.Newest != 99 {
		t.Errorf("%d downloads, %d listed in %d, %d to %d", i.Downloads, len(i.Top), cap(i.Top), i.Oldest, i.Newest)
	}
}
