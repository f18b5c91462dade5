package tracker

import (
	"math/rand/v2"
	"sync"
	"testing"
)

// aheadOf returns announces of torrents and peers that are there and that are
// not, of both families.
func aheadOf(torrents, peers int) []Ahead {
	var out []Ahead
	for i := range 2 * torrents {
		h := loadHash(i)
		for p := range 3 {
			f := Family(p % 2)
			out = append(out, Ahead{InfoHash: &h, Peer: peerN(f, i*peers+p)})
		}
	}
	return out
}

// TestPrefetchChangesNothing does so for torrents of every kind of location.
func TestPrefetchChangesNothing(t *testing.T) {
	for _, peers := range []int{1, 3, 20, 2000} {
		for _, f := range []Family{IPv4, IPv6} {
			tr, _ := loaded(20, peers, f)
			before := tr.Stats()
			announces := aheadOf(20, peers)
			tr.Prefetch(announces)
			tr.Prefetch(nil)
			if after := tr.Stats(); after != before {
				t.Errorf("%v became %v", before, after)
			}
			checkInvariants(t, tr)
			if n := testing.AllocsPerRun(10, func() { tr.Prefetch(announces) }); n != 0 {
				t.Errorf("%v allocations", n)
			}
		}
	}
}

// TestPrefetchDoesNotWait holds that it passes over a shard in use.
func TestPrefetchDoesNotWait(t *testing.T) {
	tr, _ := loaded(20, 3, IPv4)
	for i := range tr.shards {
		tr.shards[i].mu.Lock()
		defer tr.shards[i].mu.Unlock()
	}
	tr.Prefetch(aheadOf(20, 3))
}

// TestPrefetchAmongAnnounces has torrents come, move and go meanwhile.
func TestPrefetchAmongAnnounces(t *testing.T) {
	tr := New(testOptions(), epoch)
	now := tr.Instant(epoch)
	done := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		defer close(done)
		var r Reply
		for round := range 6 {
			for i := range 100 {
				for p := range 20 {
					a := Announce{InfoHash: loadHash(i), Peer: peer4(p), Left: 1}
					if round%2 == 1 {
						a.Event = EventStopped
					}
					tr.Announce(now, &a, &r)
				}
			}
			for i := range ShardCount {
				tr.sweep(i, now)
			}
		}
	})
	announces := aheadOf(100, 20)
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			tr.Prefetch(announces)
		}
	}
	all.Wait()
	checkInvariants(t, tr)
}

// BenchmarkAnnounceAhead is BenchmarkAnnounce in batches, the way that UDP
// takes it.
func BenchmarkAnnounceAhead(b *testing.B) {
	for _, c := range []struct {
		name            string
		torrents, peers int
	}{{"cold1Mx1", 1_000_000, 1}, {"cold500kx4", 500_000, 4}, {"cold10kx100", 10_000, 100}} {
		b.Run(c.name, func(b *testing.B) {
			tr, now := loaded(c.torrents, c.peers, IPv4)
			rng := rand.New(rand.NewPCG(1, 2))
			r := Reply{Peers4: make([]byte, 0, 4096)}
			var announces [64]Announce
			var ahead [64]Ahead
			b.ReportAllocs()
			for k := 0; b.Loop(); k = (k + 1) % len(announces) {
				if k == 0 {
					for k := range announces {
						i, p := rng.IntN(c.torrents), rng.IntN(c.peers)
						announces[k] = Announce{
							InfoHash: loadHash(i), Peer: peer4(i*c.peers + p), Left: uint64((i + p) % 4),
							NumWant: 50, Limit: maxChoice,
						}
						ahead[k] = Ahead{InfoHash: &announces[k].InfoHash, Peer: announces[k].Peer}
					}
					tr.Prefetch(ahead[:])
				}
				r.Peers4 = r.Peers4[:0]
				tr.Announce(now, &announces[k], &r)
			}
		})
	}
}
