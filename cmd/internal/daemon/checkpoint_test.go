package daemon

import (
	"context"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/store"
	"keeptrack/tracker"
)

// TestWantedCheckpoints asks for checkpoints all the time.
func TestWantedCheckpoints(t *testing.T) {
	for _, c := range []struct {
		name         string
		broken       bool
		done, failed [2]uint64 // at least and at most, in a minute and a half
	}{
		{"they come early", false, [2]uint64{100, 900}, [2]uint64{}},
		{"but not while they fail", true, [2]uint64{}, [2]uint64{2, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "test.db")
			synctest.Test(t, func(t *testing.T) {
				s, err := store.Open(path, zerolog.Nop())
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				if _, err := s.Load(func(tracker.Record) {}); err != nil {
					t.Fatal(err)
				}
				tr := tracker.New(tracker.Options{PeerTimeout: time.Hour}, time.Now())
				tr.Merge(tr.Instant(time.Now()), tracker.Record{Downloaded: 1, LastAnnounce: uint32(time.Now().Unix() / 60)})
				if c.broken {
					s.Close()
				}
				checkpoints := newCheckpointer(s, tr, time.Minute, zerolog.Nop())
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go checkpoints.Run(ctx)
				for range 900 {
					checkpoints.hasten()
					time.Sleep(100 * time.Millisecond)
				}
				stats := checkpoints.snapshot()
				if stats.done < c.done[0] || stats.done > c.done[1] || stats.failed < c.failed[0] || stats.failed > c.failed[1] {
					t.Errorf("%d done, %d failed", stats.done, stats.failed)
				}
			})
		})
	}
}
