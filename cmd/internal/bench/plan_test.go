package bench

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"keeptrack/tracker"
)

// requests returns the first n requests of a load.
func requests(l Load, n int) []Request {
	p := NewPlan(l)
	all := make([]Request, n)
	for k := range all {
		p.Request(uint64(k), p.Source(uint64(k)), &all[k])
	}
	return all
}

func TestPlanFollowsFromItsSeed(t *testing.T) {
	l := DefaultOptions().Load
	first, again := requests(l, 500), requests(l, 500)
	l.Seed++
	other := requests(l, 500)
	if !reflect.DeepEqual(first, again) {
		t.Error("the same load gives other requests the second time")
	}
	if reflect.DeepEqual(first, other) {
		t.Error("another seed gives the same requests")
	}
}

// near says whether n of all is a share, but for what chance explains.
func near(n, all int, share float64) bool {
	sigma := math.Sqrt(float64(all) * share * (1 - share))
	return math.Abs(float64(n)-share*float64(all)) <= 5*sigma+1
}

func TestPlanKeepsTheShares(t *testing.T) {
	l := DefaultOptions().Load
	const n = 100_000
	var kindCount [kinds]int
	var events [len(Events{})]int
	oldIDs, seeders, scraped := 0, 0, map[int]int{}
	for _, r := range requests(l, n) {
		kindCount[r.Kind]++
		if r.OldID {
			oldIDs++
		}
		switch r.Kind {
		case Announce:
			events[r.Event]++
			if r.Seeder {
				seeders++
			}
		case Scrape:
			scraped[len(r.InfoHashes)/20]++
		}
	}
	announces := kindCount[Announce]
	for _, c := range []struct {
		name   string
		n, all int
		share  float64
	}{
		{"connects", kindCount[Connect], n, 0.23},
		{"announces", announces, n, 0.75},
		{"scrapes", kindCount[Scrape], n, 0.02},
		{"seeders", seeders, announces, 0.6},
		{"old ids", oldIDs, n, 0.15},
		{"started", events[tracker.EventStarted], announces, 0.05},
		{"stopped", events[tracker.EventStopped], announces, 0.02},
		{"completed", events[tracker.EventCompleted], seeders, 0.02},
		{"paused", events[tracker.EventPaused], announces, 0},
	} {
		if !near(c.n, c.all, c.share) {
			t.Errorf("%s: %d of %d, want a share of %g", c.name, c.n, c.all, c.share)
		}
	}
	if len(scraped) != maxScrape || scraped[0] != 0 {
		t.Errorf("sizes of scrapes are %v, want each from 1 to %d", scraped, maxScrape)
	}
}

func TestPeersKeepTheirRole(t *testing.T) {
	l := DefaultOptions().Load
	l.Torrents, l.Peers, l.Sources, l.Mix = 10, 4, 8, Mix{Announce: 1}
	type peer struct {
		hash, id string
		port     uint16
	}
	roles := map[peer]bool{}
	seeders := 0
	for _, r := range requests(l, 20_000) {
		p := peer{string(r.InfoHashes), string(r.PeerID[:]), r.Port}
		if was, ok := roles[p]; ok && was != r.Seeder {
			t.Fatalf("%+v changes between seeder and leecher", p)
		} else if !ok && r.Seeder {
			seeders++
		}
		roles[p] = r.Seeder
		if r.Event == tracker.EventCompleted && !r.Seeder {
			t.Fatalf("%+v has completed and is no seeder", p)
		}
	}
	if want := 10 * 4 * 8; len(roles) != want || !near(seeders, want, l.Seeders) {
		t.Errorf("%d peers, %d of them seeders, want %d and a share of %g", len(roles), seeders, want, l.Seeders)
	}
}

func TestFillAnnouncesEachPeerOnce(t *testing.T) {
	l := DefaultOptions().Load
	l.Torrents, l.Peers, l.Fill = 300, 5, true
	seen := map[string]bool{}
	for _, r := range requests(l, 300*5) {
		if r.Kind != Announce || r.Event != tracker.EventStarted {
			t.Fatalf("a fill has %+v", r)
		}
		seen[fmt.Sprintf("%x %d", r.InfoHashes, r.Port)] = true
	}
	if len(seen) != 300*5 {
		t.Errorf("%d peers, want %d", len(seen), 300*5)
	}
}

func TestWriteHashesWritesThoseOfTheLoad(t *testing.T) {
	l := DefaultOptions().Load
	l.Torrents = 50
	var b strings.Builder
	if err := WriteHashes(&b, l); err != nil {
		t.Fatal(err)
	}
	written := map[string]bool{}
	for line := range strings.Lines(b.String()) {
		h, err := tracker.ParseInfoHash(strings.TrimSuffix(line, "\n"))
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		written[string(h[:])] = true
	}
	if len(written) != l.Torrents {
		t.Errorf("%d hashes, want %d", len(written), l.Torrents)
	}
	for _, r := range requests(l, 2000) {
		for h := r.InfoHashes; len(h) > 0; h = h[20:] {
			if !written[string(h[:20])] {
				t.Fatalf("%x is asked for and was not written", h[:20])
			}
		}
	}
}

// TestPopularityIsZipf adds up what each torrent has of the columns.
func TestPopularityIsZipf(t *testing.T) {
	for _, c := range []struct {
		torrents int
		exponent float64
	}{{1, 0.8}, {2, 1}, {10, 0.5}, {1000, 0.8}, {1000, 1.5}, {5000, 10}, {3000, 0.001}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			p := newPopularity(c.torrents, c.exponent)
			got := make([]float64, c.torrents)
			for i, column := range p.columns {
				own := float64(column.height) / math.MaxUint32
				got[i] += own
				got[column.other] += 1 - own
			}
			var sum float64
			for i := range c.torrents {
				sum += math.Pow(float64(i+1), -c.exponent)
			}
			for i, g := range got {
				want := math.Pow(float64(i+1), -c.exponent) / sum
				if math.Abs(g/float64(c.torrents)-want) > 1e-8 {
					t.Fatalf("torrent %d is drawn in a share of %g, want %g", i, g/float64(c.torrents), want)
				}
			}
		})
	}
}

func TestPopularityDraws(t *testing.T) {
	for _, exponent := range []float64{0, 1} {
		p := newPopularity(4, exponent)
		var counts [4]int
		rng := newRandom(1, 1)
		const n = 100_000
		for range n {
			counts[p.draw(&rng)]++
		}
		for i, got := range counts {
			share := 0.25
			if exponent == 1 {
				share = 1 / float64(i+1) / (1 + 1./2 + 1./3 + 1./4)
			}
			if !near(got, n, share) {
				t.Errorf("exponent %g: torrent %d is drawn %d times of %d, want a share of %g", exponent, i, got, n, share)
			}
		}
	}
}

func TestPlanAllocatesNothing(t *testing.T) {
	p := NewPlan(DefaultOptions().Load)
	r := Request{InfoHashes: make([]byte, 0, maxScrape*20)}
	k := uint64(0)
	if n := testing.AllocsPerRun(1000, func() { p.Request(k, p.Source(k), &r); k++ }); n != 0 {
		t.Errorf("%g allocations a request", n)
	}
}

func BenchmarkPlan(b *testing.B) {
	p := NewPlan(DefaultOptions().Load)
	var r Request
	for k := uint64(0); b.Loop(); k++ {
		p.Request(k, p.Source(k), &r)
	}
}
