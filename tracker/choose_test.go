package tracker

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// fixed makes the draws of a tracker's shards the same in every run.
func (b *rig) fixed() *rig {
	for i := range b.shards {
		b.shards[i].rng = *rand.NewPCG(1, uint64(i))
	}
	return b
}

// chiSquare checks that what was observed may come from equally likely
// categories; a fair choice exceeds the bound once in a million times. scale
// makes up for draws that are not independent.
func chiSquare(t *testing.T, what string, observed []int, scale float64) {
	t.Helper()
	sum := 0
	for _, n := range observed {
		sum += n
	}
	expected, x := float64(sum)/float64(len(observed)), 0.0
	for _, n := range observed {
		x += (float64(n) - expected) * (float64(n) - expected) / expected
	}
	df := float64(len(observed) - 1)
	// The quantile of the chi-square distribution by Wilson and Hilferty.
	bound := df * math.Pow(1-2/(9*df)+4.75*math.Sqrt(2/(9*df)), 3)
	if x *= scale; x > bound || expected < 5 {
		t.Errorf("%s: chi-square %.0f with %.0f degrees of freedom, bound %.0f, %.0f expected of each", what, x, df, bound, expected)
	}
}

// swarmOf is a swarm for the tests of choice.
type swarmOf struct {
	leechers, seeders [2]int // by family
}

// fill announces the swarm's peers and returns them with their numbers, the
// leechers first.
func (s swarmOf) fill(b *rig) map[Peer]int {
	number := make(map[Peer]int)
	for f := range s.leechers {
		for i := range s.leechers[f] {
			p := peerN(Family(f), i)
			b.leech(hashA, p)
			number[p] = len(number)
		}
	}
	for f := range s.seeders {
		for i := range s.seeders[f] {
			p := peerN(Family(f), 100_000+i)
			b.seed(hashA, p)
			number[p] = len(number)
		}
	}
	return number
}

// TestChoiceOfEachPeer counts how often each peer is chosen.
func TestChoiceOfEachPeer(t *testing.T) {
	const draws = 4_000
	for _, c := range []struct {
		name    string
		swarm   swarmOf
		seeder  bool // the requester
		both    bool
		numWant int
		among   int // peers that may be chosen
	}{
		{"inline", swarmOf{leechers: [2]int{2, 0}}, false, false, 1, 2},
		{"inline and leechers for a seeder", swarmOf{leechers: [2]int{3, 0}, seeders: [2]int{1, 0}}, true, false, 2, 3},
		{"a block", swarmOf{leechers: [2]int{30, 0}, seeders: [2]int{30, 0}}, false, false, 7, 60},
		{"a block, leechers for a seeder", swarmOf{leechers: [2]int{30, 0}, seeders: [2]int{30, 0}}, true, false, 7, 30},
		{"all but one of a block", swarmOf{leechers: [2]int{30, 0}}, false, false, 29, 30},
		{"a large block", swarmOf{leechers: [2]int{400, 0}, seeders: [2]int{300, 0}}, false, false, 50, 700},
		{"most of a large block", swarmOf{leechers: [2]int{150, 0}, seeders: [2]int{150, 0}}, false, false, 200, 300},
		{"both families, small", swarmOf{leechers: [2]int{1, 2}, seeders: [2]int{1, 2}}, false, true, 3, 6},
		{"both families, large", swarmOf{leechers: [2]int{300, 20}, seeders: [2]int{100, 280}}, false, true, 50, 700},
		{"both families, leechers for a seeder", swarmOf{leechers: [2]int{90, 300}, seeders: [2]int{50, 50}}, true, true, 40, 390},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, nil).fixed()
			number := c.swarm.fill(b)
			observed := make([]int, c.among)
			requester := peer4(90_000)
			for range draws {
				r := b.announce(hashA, requester, func(a *Announce) {
					a.NumWant, a.BothFamilies, a.Left = c.numWant, c.both, 1
					if c.seeder {
						a.Left = 0
					}
				})
				for _, p := range r.peers(t) {
					observed[number[p]]++
				}
			}
			// A peer is drawn at most once a reply, which makes the counts
			// vary less than independent draws would.
			n, k := float64(c.among), float64(c.numWant)
			chiSquare(t, "peers", observed, (n-1)/(n-k))
		})
	}
}

// TestChoiceOfTheFirst counts how often each peer comes first in a reply: clients may begin
// with that one, so it must not depend on the order in which peers came.
func TestChoiceOfTheFirst(t *testing.T) {
	for _, c := range []struct{ among, numWant, draws int }{{60, 50, 3_000}, {200, 50, 5_000}, {700, 50, 10_000}} {
		t.Run(fmt.Sprint(c.numWant, " of ", c.among), func(t *testing.T) {
			b := newRig(t, nil).fixed()
			number := swarmOf{leechers: [2]int{c.among, 0}}.fill(b)
			observed := make([]int, c.among)
			for range c.draws {
				r := b.announce(hashA, peer4(90_000), func(a *Announce) { a.NumWant, a.Left = c.numWant, 1 })
				observed[number[r.peers(t)[0]]]++
			}
			chiSquare(t, "first peers", observed, 1)
		})
	}
}

// TestChoiceOfSets counts how often each set of three peers out of ten is
// chosen, wherever in its list the requester is.
func TestChoiceOfSets(t *testing.T) {
	for requester := range 11 {
		t.Run(fmt.Sprint("requester ", requester), func(t *testing.T) {
			b := newRig(t, nil).fixed()
			number := swarmOf{leechers: [2]int{6, 5}}.fill(b)
			self := Peer{}
			for p, n := range number {
				if n == requester {
					self = p
				}
			}
			observed := make(map[[3]int]int)
			for range 6000 {
				r := b.announce(hashA, self, func(a *Announce) { a.NumWant, a.BothFamilies = 3, true })
				var set [3]int
				for i, p := range r.peers(t) {
					set[i] = number[p]
				}
				slices.Sort(set[:])
				observed[set]++
			}
			if len(observed) != 120 {
				t.Fatalf("%d sets of 3 out of 10, there are 120", len(observed))
			}
			var counts []int
			for _, n := range observed {
				counts = append(counts, n)
			}
			chiSquare(t, "sets", counts, 1)
		})
	}
}

// TestChoiceOfPairs counts how often two peers of a large list are chosen
// together. The peers are taken together in groups by their number, so that
// neighbours in the list are in one group.
func TestChoiceOfPairs(t *testing.T) {
	const peers, groups, draws = 600, 30, 60_000
	b := newRig(t, nil).fixed()
	number := swarmOf{leechers: [2]int{300, 100}, seeders: [2]int{100, 100}}.fill(b)
	var apart, together []int
	observed := make(map[[2]int]int)
	for range draws {
		r := b.announce(hashA, peer4(90_000), func(a *Announce) { a.NumWant, a.BothFamilies = 2, true })
		got := r.peers(t)
		pair := [2]int{number[got[0]] * groups / peers, number[got[1]] * groups / peers}
		slices.Sort(pair[:])
		observed[pair]++
	}
	for i := range groups {
		together = append(together, observed[[2]int{i, i}])
		for j := range i {
			apart = append(apart, observed[[2]int{j, i}])
		}
	}
	chiSquare(t, "pairs apart", apart, 1)
	chiSquare(t, "pairs together", together, 1)
	sum := 0
	for _, n := range together {
		sum += n
	}
	// Of the pairs, 19 in 599 are within a group of 20.
	chance := float64(peers/groups-1) / (peers - 1)
	if d := math.Abs(float64(sum) - draws*chance); d > 5*math.Sqrt(draws*chance) {
		t.Errorf("%d of %d pairs are within a group, want %.0f", sum, draws, draws*chance)
	}
}

// BenchmarkChoose draws 50 peers of a swarm of one family.
func BenchmarkChoose(b *testing.B) {
	for _, n := range []uint32{30, 60, 100, 200, 500, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := choice{self: 0, want: 50}
			p4 := peers[key4]{counts: counts{n: n, leechers: n}, list: make([]entry[key4], n)}
			r := Reply{Peers4: make([]byte, 0, 4096)}
			rng := rand.NewPCG(1, 2)
			for b.Loop() {
				r.Peers4 = r.Peers4[:0]
				c.choose(rng, &p4, &peers[key6]{}, &r)
			}
		})
	}
}
