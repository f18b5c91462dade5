package store

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"keeptrack/tracker"
)

// TestWithTrackerShortOfRoom has completed torrents leave a tracker and come back,
// while checkpoints are written of which some fail, and looks for downloads that are
// lost or counted twice.
func TestWithTrackerShortOfRoom(t *testing.T) {
	const torrents, room, evictions = 4000, 1000, 500
	s, _ := openLoaded(t, testPath(t))
	s.limits = limits{batch: 60, entries: 1024, cutting: cutting{target: 5, most: 8}}
	tr := tracker.New(tracker.Options{PeerTimeout: time.Hour, AllowPrivate: true, MaxTorrents: room}, time.Now())
	ctx, cancel := context.WithCancel(t.Context())
	var background, announcing sync.WaitGroup
	background.Go(func() {
		if err := tr.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	background.Go(func() {
		rng, update := rand.New(rand.NewPCG(1, 1)), s.update
		for ctx.Err() == nil {
			if s.update = update; rng.IntN(4) == 0 {
				failAfter(s, rng.IntN(3), rng.IntN(2) == 0)
			}
			_, _ = s.Checkpoint(tr, Along{}) // one that fails is made good by the next
			time.Sleep(time.Millisecond)     // nothing leaves memory while a change is on its way
		}
		s.update = update
	})
	var mu sync.Mutex
	counted, completed := make(map[tracker.InfoHash]uint64), 0
	evicted := func() uint64 { return tr.Stats().Evicted[tracker.EvictedRecords] }
	for n := range uint32(2) {
		announcing.Go(func() {
			rng := rand.New(rand.NewPCG(2, uint64(n)))
			for i := uint32(0); evicted() < evictions; i++ {
				h := testHash(rng.IntN(4), rng.IntN(torrents/4))
				var address [4]byte
				binary.BigEndian.PutUint32(address[:], (10+n)<<24+i)
				a := tracker.Announce{InfoHash: h, Peer: tracker.MakePeer4(address, 1), Event: tracker.EventCompleted}
				var reply tracker.Reply
				if tr.Announce(tr.Instant(time.Now()), &a, &reply); reply.Seeders > 0 {
					mu.Lock()
					counted[h]++
					completed++
					mu.Unlock()
				}
				a.Event = tracker.EventStopped
				tr.Announce(tr.Instant(time.Now()), &a, &reply)
			}
		})
	}
	announcing.Wait()
	cancel()
	background.Wait()
	checkpoint(t, s, tr)
	got := walked(t, s)
	for h, n := range counted {
		if got[h].Downloaded != n {
			t.Fatalf("%s: %d in the file, want %d", h, got[h].Downloaded, n)
		}
	}
	if len(got) != len(counted) || tr.InFileAlone() != len(got)-tr.Torrents() {
		t.Errorf("%d records of %d, %d in memory, %d in the file alone", len(got), len(counted), tr.Torrents(), tr.InFileAlone())
	}
	t.Logf("%d torrents completed %d times, %d evicted", len(counted), completed, evicted())
}
