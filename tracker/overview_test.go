package tracker

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// everything returns a rig with torrents in a few shards and, in order of info
// hash, what there is to tell of each.
func everything(t *testing.T, torrents int) (*rig, []Overview) {
	b := newRig(t, nil)
	rng := rand.New(rand.NewPCG(3, 4))
	var all []Overview
	for i := range torrents {
		h := hashN(byte(rng.IntN(4)*80), i)
		o := Overview{InfoHash: h, LastAnnounce: b.now().minute()}
		o.Seeders, o.Leechers = rng.Uint32N(3), rng.Uint32N(4)
		o.Downloaders, o.Downloaded = o.Leechers, rng.Uint64N(3)
		b.Merge(b.now(), Record{h, o.LastAnnounce, o.Downloaded})
		for p := range o.Seeders {
			b.seed(h, peer4(int(p)))
		}
		for p := range o.Leechers {
			b.leech(h, peer6(int(p)))
		}
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b Overview) int { return compareHashes(&a.InfoHash, &b.InfoHash) })
	return b, all
}

func TestOverview(t *testing.T) {
	b, all := everything(t, 50)
	for _, want := range all {
		if got, ok := b.Overview(want.InfoHash); !ok || got != want {
			t.Errorf("%+v, %v, want %+v", got, ok, want)
		}
	}
	b.SetAccess(&Access{Mode: AccessAllow})
	if got, ok := b.Overview(all[0].InfoHash); !ok || !got.Refused || got.Counts != all[0].Counts {
		t.Errorf("refused: %+v, %v", got, ok)
	}
	if got, ok := b.Overview(hashB); ok || got != (Overview{InfoHash: hashB}) {
		t.Errorf("unknown: %+v, %v", got, ok)
	}
}

// TestFrom walks through all torrents in pages of every size.
func TestFrom(t *testing.T) {
	b, all := everything(t, 300)
	for _, limit := range []int{1, 2, 7, 100, len(all), 1000} {
		var got []Overview
		for from := (InfoHash{}); ; from[19]++ { // hashN's end is 0x55
			page := b.From(from, limit)
			if len(page) > limit {
				t.Fatalf("%d in a page of %d", len(page), limit)
			}
			if got = append(got, page...); len(page) < limit {
				break
			}
			from = page[len(page)-1].InfoHash
		}
		if !slices.Equal(got, all) {
			t.Errorf("in pages of %d: %d torrents, want %d", limit, len(got), len(all))
		}
	}
}

func TestTop(t *testing.T) {
	b, all := everything(t, 300)
	b.SetAccess(&Access{Mode: AccessDeny, List: hashSet(all[0].InfoHash)})
	all[0].Refused = true
	for _, by := range []Order{ByPeers, BySeeders, ByLeechers, ByDownloaded} {
		want := slices.DeleteFunc(slices.Clone(all), func(o Overview) bool { return o.by(by) == 0 })
		slices.SortStableFunc(want, func(a, b Overview) int { return cmp.Compare(b.by(by), a.by(by)) })
		for _, limit := range []int{1, 3, 50, 1000} {
			if got := b.Top(by, limit); !slices.Equal(got, want[:min(limit, len(want))]) {
				t.Errorf("order %d, %d: %+v", by, limit, got)
			}
		}
	}
}
