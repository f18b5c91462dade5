package tracker

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestConcurrent uses one tracker from many goroutines at once.
func TestConcurrent(t *testing.T) {
	const (
		announcers = 4
		announces  = 6_000 // each
	)
	o := testOptions()
	o.PeerTimeout = time.Second // a tick is a quarter of a millisecond
	var told atomic.Int64
	o.Tell = func(SyncRecord) { told.Add(1) }
	start := time.Now()
	tr := New(o, start)
	var clock atomic.Int64 // nanoseconds since start
	now := func() Instant { return tr.Instant(start.Add(time.Duration(clock.Load()))) }
	hash := func(rng *rand.Rand) InfoHash {
		// Few torrents are popular, the others small.
		n := min(rng.IntN(300), rng.IntN(300), rng.IntN(300))
		return hashN(byte(n%4), n)
	}
	peer := func(rng *rand.Rand) Peer { return peerN(Family(rng.IntN(2)), rng.IntN(1500)) }

	var working, helping sync.WaitGroup
	stop := make(chan struct{})
	for i := range announcers {
		working.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 0))
			var r Reply
			for range announces {
				a := Announce{
					InfoHash: hash(rng), Peer: peer(rng), Left: uint64(rng.IntN(2)),
					Event: Event(rng.IntN(5)), NumWant: rng.IntN(60), Limit: maxChoice, BothFamilies: true,
				}
				r.Peers4, r.Peers6 = r.Peers4[:0], r.Peers6[:0]
				tr.Announce(now(), &a, &r)
				if len(r.peers(t)) > a.NumWant || slices.Contains(r.peers(t), a.Peer) {
					t.Errorf("announce %+v: %v", a, r.peers(t))
				}
				clock.Add(int64(60 * time.Microsecond))
			}
		})
	}
	help := func(do func(rng *rand.Rand)) {
		helping.Go(func() {
			rng := rand.New(rand.NewPCG(99, 0))
			for {
				select {
				case <-stop:
					return
				default:
					do(rng)
				}
			}
		})
	}
	help(func(rng *rand.Rand) {
		r := SyncRecord{InfoHash: hash(rng), Peer: peer(rng), Flags: SyncFlags(rng.IntN(8) << 5)}
		if res := tr.ApplySync(now(), &r); res != SyncApplied {
			t.Errorf("sync: %v", res)
		}
	})
	help(func(rng *rand.Rand) {
		if c := tr.Scrape(now(), hash(rng)); c.Downloaders > c.Leechers {
			t.Errorf("scraped %+v", c)
		}
		tr.ScrapeShard(rng.IntN(4), nil)
		tr.SetAccess(&Access{})
		tr.Stats()
	})
	help(func(rng *rand.Rand) {
		for i := range 4 {
			tr.sweep(i, now())
		}
	})
	help(func(rng *rand.Rand) {
		var c Changes
		shard := rng.IntN(4)
		tr.TakeChanges(shard, &c)
		for _, r := range tr.Records(shard, c.Records) {
			if int(r.InfoHash[0]) != shard {
				t.Errorf("shard %d has a record of %v", shard, r.InfoHash)
			}
		}
		if rng.IntN(2) == 0 {
			tr.RestoreChanges(shard, &c)
		}
		tr.Merge(now(), Record{hash(rng), now().minute(), rng.Uint64N(100)})
	})
	working.Wait()
	close(stop)
	helping.Wait()
	checkInvariants(t, tr)
	if told.Load() == 0 || tr.Stats().Completed == 0 {
		t.Errorf("told %d, %+v", told.Load(), tr.Stats())
	}
}
