package tracker

import (
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"unsafe"
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

// TestPrefetchFindsWhatIsThere: it takes every torrent that is there for the one
// that it is, and the memory that it asks for has the peer in it.
func TestPrefetchFindsWhatIsThere(t *testing.T) {
	const torrents = 20
	for _, c := range []struct {
		peers  int
		family Family
		bytes  func(a *Ahead, at unsafe.Pointer, bytes uintptr) bool // whether they are those of the peer
	}{
		{1, IPv4, isNothing}, {20, IPv4, hasPeer}, {2000, IPv4, isSlot},
		{1, IPv6, hasPeer}, {20, IPv6, hasPeer}, {2000, IPv6, isSlot},
	} {
		tr, _ := loaded(torrents, c.peers, c.family)
		var announces []Ahead
		for i := range torrents {
			h := loadHash(i)
			announces = append(announces, Ahead{InfoHash: &h, Peer: peerN(c.family, i*c.peers+c.peers/2)})
		}
		tr.Prefetch(announces)
		for i := range announces {
			a := &announces[i]
			s, hash := tr.find(a.InfoHash)
			if at, ok := s.find(a.InfoHash, hash); !ok || a.at != at+1 || s != &tr.shards[a.shard] {
				t.Fatalf("%d peers: torrent %d at %d is taken for the one at %d", c.peers, i, at, int(a.at)-1)
			}
			if at, bytes := s.peersAhead(a.at-1, &a.Peer); !c.bytes(a, at, bytes) {
				t.Errorf("%d %v peers: %d bytes are fetched, not those of the peer", c.peers, c.family, bytes)
			}
		}
	}
}

// isNothing reports that nothing is fetched beside the torrent's record.
func isNothing(_ *Ahead, at unsafe.Pointer, _ uintptr) bool { return at == nil }

// hasPeer reports whether the peer's address and port are in the memory.
func hasPeer(a *Ahead, at unsafe.Pointer, bytes uintptr) bool {
	addr := a.Peer.Addr().AsSlice()
	return at != nil && strings.Contains(unsafe.String((*byte)(at), bytes), string(append(addr, byte(a.Peer.Port()>>8), byte(a.Peer.Port()))))
}

// isSlot reports whether the memory is a slot in use of an index.
func isSlot(_ *Ahead, at unsafe.Pointer, bytes uintptr) bool {
	return at != nil && bytes == unsafe.Sizeof(uint32(0)) && *(*uint32)(at) != 0
}

// TestPrefetchDoesNotWait holds that it passes over a shard in use, when it looks
// for torrents and when it looks for their peers.
func TestPrefetchDoesNotWait(t *testing.T) {
	tr, _ := loaded(20, 300, IPv4)
	h := loadHash(1)
	announces := []Ahead{{InfoHash: &h, Peer: peer4(301)}}
	tr.prefetchTorrents(announces)
	found := announces[0].at
	for i := range tr.shards {
		tr.shards[i].mu.Lock()
		defer tr.shards[i].mu.Unlock()
	}
	tr.prefetchPeers(announces)
	tr.Prefetch(announces)
	if left := announces[0].at; found == 0 || left != 0 {
		t.Errorf("the torrent was found at %d, and with its shard in use at %d", found, left)
	}
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
	if got := tr.Stats().Peers; got != [2]uint64{} { // all have stopped
		t.Errorf("%d peers are left", got)
	}
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
