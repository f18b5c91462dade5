package tracker

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPage gathers hashes of which some come twice, in chunks, and wants the
// first of them, in little room.
func TestPage(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		p := page{from: InfoHash{1, byte(rng.IntN(40))}, limit: 1 + rng.IntN(400)}
		var want []InfoHash
		for range rng.IntN(12) {
			p.room()
			for range rng.IntN(walkChunk + 1) {
				h := InfoHash{1, byte(rng.IntN(100)), byte(rng.IntN(30))}
				p.add(&h)
				if compareHashes(&h, &p.from) >= 0 {
					want = append(want, h)
				}
			}
		}
		if room := cap(p.hashes); room > 2*(2*p.limit+2*walkChunk) {
			t.Fatalf("room for %d where %d are wanted", room, p.limit)
		}
		p.cut()
		slices.SortFunc(want, func(a, b InfoHash) int { return compareHashes(&a, &b) })
		want = slices.Compact(want)
		if !slices.Equal(p.hashes, want[:min(p.limit, len(want))]) {
			t.Fatalf("the first %d are %v, want %v", p.limit, p.hashes, want)
		}
		if next, more := p.next(); more != (len(want) >= p.limit) || more && compareHashes(&next, &p.hashes[p.limit-1]) <= 0 {
			t.Fatalf("goes on at %v (%v) after %d of %d", next, more, p.limit, len(want))
		}
	}
}

// TestPagesWhileOthersComeAndGo holds that every torrent that stays is in one of
// the pages, and in one only, while the sweep moves others about.
func TestPagesWhileOthersComeAndGo(t *testing.T) {
	b := newRig(t, nil)
	hashes := b.hashesIn(3, 20*walkChunk)
	for i, h := range hashes {
		b.Load(b.now(), Record{InfoHash: h, LastAnnounce: b.now().minute(), Downloaded: uint64(i % 2)})
	}
	for _, limit := range []int{1000, 100, 7000, 10_000} {
		b.advance(2 * b.opts.PeerTimeout)
		swept := make(chan struct{})
		go func() {
			defer close(swept)
			b.sweep(3, b.now())
		}()
		told := make(map[InfoHash]int)
		var all []Record
		from, more := InfoHash{}, true
		for more {
			all, from, more = b.ServedPage(3, from, limit, all)
		}
		<-swept
		if !slices.IsSortedFunc(all, func(a, b Record) int { return compareHashes(&a.InfoHash, &b.InfoHash) }) {
			t.Error("not in order")
		}
		for _, r := range all {
			told[r.InfoHash]++
		}
		for i, h := range hashes {
			if n := told[h]; n > 1 || n != 1 && i%2 == 1 {
				t.Fatalf("torrent %d is in the pages %d times", i, n)
			}
			if i%2 == 0 {
				b.leech(h, peer4(i)) // comes again
			}
		}
	}
}
