package tracker

import (
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/metrics"
	"slices"
	"sort"
	"strconv"
	"testing"
	"time"
)

// loaded returns a tracker with so many torrents of so many peers each, one in
// four of them a seeder.
func loaded(torrents, peers int, f Family) (*Tracker, Instant) {
	o := testOptions()
	tr := New(o, epoch)
	now := tr.Instant(epoch)
	var r Reply
	for i := range torrents {
		h := loadHash(i)
		for p := range peers {
			a := Announce{InfoHash: h, Peer: peerN(f, i*peers+p), Left: uint64((i + p) % 4)}
			tr.Announce(now, &a, &r)
		}
	}
	return tr, now
}

// zipf returns a tracker with so many torrents, of which the k-th has a k-th of
// the first one's peers, at least one, and the time of the load.
func zipf(torrents, first int) (*Tracker, Instant) {
	tr := New(testOptions(), epoch)
	now := tr.Instant(epoch)
	var r Reply
	for i := range torrents {
		h := loadHash(i)
		for p := range max(first/(i+1), 1) {
			a := Announce{InfoHash: h, Peer: peer4(i + p), Left: uint64((i + p) % 4)}
			tr.Announce(now, &a, &r)
		}
	}
	return tr, now
}

// loadHash returns the i-th info hash of a load, spread over all shards.
func loadHash(i int) InfoHash { return hashN(byte(uint32(i)*0x9e3779b1>>24), i) }

func BenchmarkAnnounce(b *testing.B) {
	for _, c := range []struct {
		name            string
		torrents, peers int
		family          Family
	}{
		{"inline", 1000, 3, IPv4},
		{"medium", 1000, 40, IPv4},
		{"medium6", 1000, 40, IPv6},
		{"block", 1000, 200, IPv4},
		{"block6", 1000, 200, IPv6},
		{"large", 20, 10_000, IPv4},
		{"one100", 1, 100, IPv4},
		{"one1M", 1, 1_000_000, IPv4},
		{"cold1Mx1", 1_000_000, 1, IPv4},
		{"cold500kx4", 500_000, 4, IPv4},
		{"cold10kx100", 10_000, 100, IPv4},
	} {
		b.Run(c.name, func(b *testing.B) {
			tr, now := loaded(c.torrents, c.peers, c.family)
			rng := rand.New(rand.NewPCG(1, 2))
			r := Reply{Peers4: make([]byte, 0, 4096), Peers6: make([]byte, 0, 4096)}
			b.ReportAllocs()
			for b.Loop() {
				i, p := rng.IntN(c.torrents), rng.IntN(c.peers)
				r.Peers4, r.Peers6 = r.Peers4[:0], r.Peers6[:0]
				a := Announce{
					InfoHash: loadHash(i), Peer: peerN(c.family, i*c.peers+p), Left: uint64((i + p) % 4),
					NumWant: 50, Limit: maxChoice,
				}
				tr.Announce(now, &a, &r)
			}
		})
	}
}

// BenchmarkGrowth reports how long the slowest announce takes while torrents, or the peers
// of one torrent, come, and while they stop in the same order. They come and go several
// times in the same way, and of each the shortest time counts, so that other processes
// count for little.
func BenchmarkGrowth(b *testing.B) {
	for _, c := range []struct {
		name            string
		torrents, peers int
	}{{"1Mx1", 1_000_000, 1}, {"1x100k", 1, 100_000}, {"1x1M", 1, 1_000_000}} {
		b.Run(c.name, func(b *testing.B) {
			shortest := func() []time.Duration {
				return slices.Repeat([]time.Duration{time.Hour}, c.torrents*c.peers)
			}
			coming, going := shortest(), shortest()
			for b.Loop() {
				tr := New(testOptions(), epoch)
				tr.seed = 0x9d8a7c3f5e1b2046 // as good as one that is drawn
				for i := range tr.shards {
					tr.shards[i].init(tr.seed, &tr.budget.bytes.used)
				}
				now := tr.Instant(epoch)
				var r Reply
				announce := func(i int, event Event, best []time.Duration) {
					a := Announce{InfoHash: loadHash(i / c.peers), Peer: peer4(i), Left: uint64(i % 4), Event: event}
					began := time.Now()
					tr.Announce(now, &a, &r)
					best[i] = min(best[i], time.Since(began))
				}
				for i := range coming {
					announce(i, EventStarted, coming)
				}
				for i := range going {
					announce(i, EventStopped, going)
				}
			}
			b.ReportMetric(float64(slices.Max(coming).Microseconds()), "µs-slowest-coming")
			b.ReportMetric(float64(slices.Max(going).Microseconds()), "µs-slowest-going")
		})
	}
}

// BenchmarkAnnounceCores has goroutines announce without sockets between, to torrents of
// which the most popular gets 2 % of all announces (the k-th in proportion to k^-0.7).
// contended is the share of the locks that somebody had to wait for, awaited how long that
// took for each announce.
func BenchmarkAnnounceCores(b *testing.B) {
	const torrents = 10_000
	var shares [torrents]float64
	total := 0.0
	for k := range shares {
		total += math.Pow(float64(k+1), -0.7)
		shares[k] = total
	}
	draws := make([]uint16, 1<<20)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range draws {
		draws[i] = uint16(sort.SearchFloat64s(shares[:], rng.Float64()*total))
	}
	tr, now := zipf(torrents, 20_000)
	defer runtime.SetMutexProfileFraction(runtime.SetMutexProfileFraction(1))
	for _, goroutines := range []int{1, 2, 8, 16, 32} {
		b.Run(strconv.Itoa(goroutines), func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(goroutines))
			waits, wait := mutexWaits()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				at := rand.Uint32()
				r := Reply{Peers4: make([]byte, 0, 4096)}
				for pb.Next() {
					at++
					i := int(draws[at%uint32(len(draws))])
					r.Peers4 = r.Peers4[:0]
					a := Announce{
						InfoHash: loadHash(i), Peer: peer4(i + int(at>>8)%max(20_000/(i+1), 1)), Left: uint64(at % 4),
						NumWant: 50, Limit: maxChoice,
					}
					tr.Announce(now, &a, &r)
				}
			})
			n, took := mutexWaits()
			b.ReportMetric(float64(n-waits)/float64(b.N), "contended/op")
			b.ReportMetric(float64((took-wait).Nanoseconds())/float64(b.N), "awaited-ns/op")
		})
	}
}

// mutexWaits returns how often somebody has waited for a lock, and for how long, since the
// process began.
func mutexWaits() (n int64, took time.Duration) {
	records := make([]runtime.BlockProfileRecord, 1000)
	k, _ := runtime.MutexProfile(records)
	for _, r := range records[:min(k, len(records))] {
		n += r.Count
	}
	sample := []metrics.Sample{{Name: "/sync/mutex/wait/total:seconds"}}
	metrics.Read(sample)
	return n, time.Duration(sample[0].Value.Float64() * float64(time.Second))
}

func BenchmarkScrape(b *testing.B) {
	for _, c := range []struct {
		name            string
		torrents, peers int
	}{{"warm", 1000, 40}, {"cold1M", 1_000_000, 1}} {
		b.Run(c.name, func(b *testing.B) {
			tr, now := loaded(c.torrents, c.peers, IPv4)
			rng := rand.New(rand.NewPCG(1, 2))
			b.ReportAllocs()
			for b.Loop() {
				tr.Scrape(now, loadHash(rng.IntN(c.torrents)))
			}
		})
	}
}

func BenchmarkApplySync(b *testing.B) {
	for _, c := range []struct {
		name            string
		torrents, peers int
		family          Family
	}{
		{"medium", 1000, 40, IPv4},
		{"medium6", 1000, 40, IPv6},
		{"cold1Mx1", 1_000_000, 1, IPv4},
	} {
		b.Run(c.name, func(b *testing.B) {
			tr, now := loaded(c.torrents, c.peers, c.family)
			rng := rand.New(rand.NewPCG(1, 2))
			b.ReportAllocs()
			for b.Loop() {
				i, p := rng.IntN(c.torrents), rng.IntN(c.peers)
				r := SyncRecord{InfoHash: loadHash(i), Peer: peerN(c.family, i*c.peers+p)}
				tr.ApplySync(now, &r)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrecords/s")
		})
	}
}

// BenchmarkSweep sweeps all shards; nothing times out.
func BenchmarkSweep(b *testing.B) {
	tr, now := loaded(1_000_000, 1, IPv4)
	for b.Loop() {
		for i := range ShardCount {
			tr.sweep(i, now)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1e6, "ns/torrent")
}

// BenchmarkMemory reports what torrents and their peers take up.
func BenchmarkMemory(b *testing.B) {
	for _, c := range []struct {
		name string
		fill func() (*Tracker, Instant)
	}{
		{"1Mx1", func() (*Tracker, Instant) { return loaded(1_000_000, 1, IPv4) }},
		{"500kx4", func() (*Tracker, Instant) { return loaded(500_000, 4, IPv4) }},
		{"10kx100", func() (*Tracker, Instant) { return loaded(10_000, 100, IPv4) }},
		{"500kx1IPv6", func() (*Tracker, Instant) { return loaded(500_000, 1, IPv6) }},
		{"zipf", func() (*Tracker, Instant) { return zipf(300_000, 30_000) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				before := heapInUse()
				tr, now := c.fill()
				for i := range ShardCount {
					tr.sweep(i, now)
				}
				used := float64(heapInUse() - before)
				b.ReportMetric(used/float64(tr.Torrents()), "B/torrent")
				b.ReportMetric(used/(1<<20), "MiB")
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				b.ReportMetric(float64(m.HeapSys-m.HeapReleased)/(1<<20), "heap-MiB")
				runtime.KeepAlive(tr)
			}
		})
	}
}

// BenchmarkChurn lets peers come, stay for a while and go, with the sweep
// running.
func BenchmarkChurn(b *testing.B) {
	o := testOptions()
	tr := New(o, epoch)
	rng := rand.New(rand.NewPCG(1, 2))
	var r Reply
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		now := tr.Instant(epoch.Add(time.Duration(n) * 20 * time.Millisecond))
		if n%800 == 0 {
			tr.sweep(n/800%ShardCount, now)
		}
		r.Peers4 = r.Peers4[:0]
		a := Announce{
			InfoHash: loadHash(min(rng.IntN(50_000), rng.IntN(50_000))), Peer: peer4(rng.IntN(1 << 24)),
			Left: rng.Uint64N(3), NumWant: 30, Limit: maxChoice,
		}
		tr.Announce(now, &a, &r)
	}
	b.ReportMetric(float64(tr.Torrents()), "torrents")
	b.ReportMetric(float64(tr.Stats().Peers[IPv4]), "peers")
}
