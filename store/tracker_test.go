package store

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"keeptrack/tracker"
)

var _ Source = (*tracker.Tracker)(nil)

// TestWithTracker has real trackers that take in a part of the file count
// downloads and hear of others' counts, with checkpoints that fail and restarts,
// and compares what they say and what is in the file with a plain map.
func TestWithTracker(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	now := time.Unix(1_800_000_000, 0)
	truth := map[tracker.InfoHash]uint64{}
	path := testPath(t)
	peers, failures, alone := uint32(0), 0, 0
	for range 30 {
		s := openStore(t, path)
		s.limits = limits{batch: 1 + rng.IntN(60), entries: 1024, cutting: cutting{target: 5, most: 8}}
		tr := tracker.New(tracker.Options{PeerTimeout: time.Hour, AllowPrivate: true}, now)
		instant := tr.Instant(now)
		_, left, err := s.LoadMost(rng.IntN(2)*(1+rng.IntN(150)), func(r tracker.Record, fits bool) {
			if fits {
				tr.Load(instant, r)
			} else {
				tr.LeaveInFile(instant, r)
			}
		})
		if err != nil || tr.InFileAlone() != left {
			t.Fatalf("%d of %d left in the file alone, %v", tr.InFileAlone(), left, err)
		}
		alone += left
		for range rng.IntN(6) {
			for range rng.IntN(80) {
				h := testHash(rng.IntN(4), rng.IntN(50))
				if rng.IntN(3) == 0 {
					n := truth[h] + rng.Uint64N(6) - min(truth[h], 3)
					tr.Merge(instant, tracker.Record{InfoHash: h, LastAnnounce: uint32(now.Unix() / 60), Downloaded: n})
					truth[h] = max(truth[h], n)
					continue
				}
				peers++
				var address [4]byte
				binary.BigEndian.PutUint32(address[:], 0x0a000000+peers)
				var reply tracker.Reply
				tr.Announce(instant, &tracker.Announce{InfoHash: h, Peer: tracker.MakePeer4(address, 1), Event: tracker.EventCompleted}, &reply)
				truth[h]++
			}
			update := s.update
			if rng.IntN(3) == 0 {
				failures++
				failAfter(s, rng.IntN(3), rng.IntN(2) == 0)
			}
			_, err := s.Checkpoint(tr, Along{})
			if s.update = update; err != nil {
				continue
			}
			for h, n := range truth { // whole again, or in the file alone
				if got := tr.Scrape(instant, h).Downloaded; got != n && got != 0 {
					t.Fatalf("%s: %d shown, want %d", h, got, n)
				}
			}
		}
		checkpoint(t, s, tr)
		got := walked(t, s)
		for h, n := range truth {
			if got[h].Downloaded != n {
				t.Fatalf("%s: %d in the file, want %d", h, got[h].Downloaded, n)
			}
		}
		if len(got) != len(truth) {
			t.Fatalf("%d records, want %d", len(got), len(truth))
		}
		if all := tr.Torrents() + tr.InFileAlone(); all != len(truth) {
			t.Fatalf("%d torrents in memory and %d in the file alone, want %d", tr.Torrents(), tr.InFileAlone(), len(truth))
		}
		closeStore(t, s)
	}
	if failures == 0 || alone == 0 {
		t.Errorf("%d failures, %d left: the test does not test", failures, alone)
	}
}
