package tracker

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crowd is what uses one tracker from many goroutines at once, on a few shards
// and with a clock that the announces move.
type crowd struct {
	*Tracker
	t     *testing.T
	start time.Time
	clock atomic.Int64 // nanoseconds since start
}

const crowdShards = 4

func TestConcurrent(t *testing.T) {
	o := testOptions()
	o.PeerTimeout = time.Second // a tick is a quarter of a millisecond
	o.MaxPeersPerAddress, o.MaxTorrentsPerAddress = 20, 300
	o.MaxTorrents, o.MaxMemory = 200, 8<<20
	var published atomic.Int64
	c := &crowd{Tracker: New(o, epoch), t: t, start: epoch}
	c.PublishTo(func(SyncRecord) { published.Add(1) })

	var working, helping sync.WaitGroup
	for i := range uint64(4) {
		working.Go(func() {
			rng := rand.New(rand.NewPCG(i, 0))
			for range 6_000 {
				c.announce(rng)
			}
		})
	}
	stop := make(chan struct{})
	for i, do := range []func(*rand.Rand){c.sync, c.scrape, c.sweepShards, c.checkpoint, c.evict} {
		helping.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 1))
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
	working.Wait()
	close(stop)
	helping.Wait()
	checkInvariants(t, c.Tracker)
	s := c.Stats()
	if published.Load() == 0 || s.Completed == 0 || s.PeersRejected[RejectedPeers] == 0 || s.PeersRejected[RejectedTorrents] == 0 ||
		s.PeersRejected[RejectedMaxTorrents] == 0 || s.Evicted[EvictedTorrents] == 0 {
		t.Errorf("published %d, %+v", published.Load(), s)
	}
}

func (c *crowd) now() Instant { return c.Instant(c.start.Add(time.Duration(c.clock.Load()))) }

// hash returns an info hash; a few are popular.
func (c *crowd) hash(rng *rand.Rand) InfoHash {
	n := min(rng.IntN(300), rng.IntN(300), rng.IntN(300))
	return hashN(byte(n%crowdShards), n)
}

func (c *crowd) peer(rng *rand.Rand) Peer { return peerN(Family(rng.IntN(2)), rng.IntN(1500)) }

func (c *crowd) announce(rng *rand.Rand) {
	a := Announce{
		InfoHash: c.hash(rng), Peer: c.peer(rng), Left: uint64(rng.IntN(2)),
		Event: Event(rng.IntN(5)), NumWant: 1 + rng.IntN(60), Limit: maxChoice, BothFamilies: true,
	}
	var r Reply
	c.Announce(c.now(), &a, &r)
	if got := r.peers(c.t); len(got) > a.NumWant || slices.Contains(got, a.Peer) {
		c.t.Errorf("announce %+v: %v", a, got)
	}
	c.clock.Add(int64(60 * time.Microsecond))
}

func (c *crowd) sync(rng *rand.Rand) {
	r := SyncRecord{InfoHash: c.hash(rng), Peer: c.peer(rng), Flags: SyncFlags(rng.IntN(8) << 5)}
	if res := c.ApplySync(c.now(), &r); res != SyncApplied && res != SyncFull {
		c.t.Errorf("sync: %v", res)
	}
}

func (c *crowd) scrape(rng *rand.Rand) {
	if got := c.Scrape(c.now(), c.hash(rng)); got.Downloaders > got.Leechers {
		c.t.Errorf("scraped %+v", got)
	}
	for got := range c.ScrapeAll() {
		if got.Counts.Downloaders > got.Counts.Leechers {
			c.t.Errorf("scraped %+v", got)
		}
	}
	c.SetAccess(&Access{})
	c.Stats()
}

func (c *crowd) sweepShards(*rand.Rand) {
	for i := range ShardCount {
		c.sweep(i, c.now())
	}
}

func (c *crowd) evict(*rand.Rand) { c.makeRoom() }

func (c *crowd) checkpoint(rng *rand.Rand) {
	changes := c.TakeChanges(nil, 1+rng.IntN(400))
	for r := range c.Records(InfoHash{}) {
		if r.InfoHash[19] != 0x55 {
			c.t.Errorf("a record of %v", r.InfoHash)
		}
	}
	if rng.IntN(2) == 0 {
		c.RestoreChanges(changes)
	} else {
		done := Settlement{Taken: len(changes)}
		for i := range changes {
			if changes[i].Partial {
				done.Partial = append(done.Partial, InFile{Record: Record{InfoHash: changes[i].InfoHash}})
			}
		}
		c.Settle(done)
	}
	c.Merge(c.now(), Record{c.hash(rng), c.now().minute(), rng.Uint64N(100)})
}
