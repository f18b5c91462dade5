package daemon

import (
	"encoding/binary"
	"testing"
	"time"

	"keeptrack/tracker"
)

// TestRecordLoader: all that was given is taken in or left in the file once it is
// closed, whatever comes in which order.
func TestRecordLoader(t *testing.T) {
	for name, c := range map[string]struct {
		n    int
		fits func(i int) bool
	}{
		"nothing":     {0, nil},
		"one":         {1, func(int) bool { return true }},
		"a batch":     {loadTogether, func(int) bool { return true }},
		"many fit":    {10*loadTogether + 1, func(int) bool { return true }},
		"none fits":   {3*loadTogether + 1, func(int) bool { return false }},
		"some do not": {5*loadTogether + 7, func(i int) bool { return i%3 > 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			tr := tracker.New(tracker.Options{PeerTimeout: time.Hour}, now)
			l := newRecordLoader(tr, tr.Instant(now))
			fit := 0
			for i := range c.n {
				r := tracker.Record{LastAnnounce: uint32(now.Unix() / 60), Downloaded: 1}
				binary.BigEndian.PutUint32(r.InfoHash[:], uint32(i)*2654435761)
				if c.fits(i) {
					fit++
				}
				l.add(r, c.fits(i))
			}
			l.close()
			if tr.Torrents() != fit || tr.InFileAlone() != c.n-fit {
				t.Errorf("%d torrents, %d in the file alone; want %d of %d", tr.Torrents(), tr.InFileAlone(), fit, c.n)
			}
		})
	}
}
