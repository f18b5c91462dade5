package tracker

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
)

// counting is a tracker with parts, of which one origin is its own.
type counting struct {
	*rig
	parts  *Parts
	ledger *toldLedger
	own    Origin
}

func newCounting(t testing.TB, load ...Record) *counting {
	c := &counting{rig: newRig(t, nil), ledger: newToldLedger(t), own: NewOrigin()}
	c.LoadAll(c.now(), load)
	c.parts = c.CountParts(c.ledger, false)
	c.parts.Begin(c.own)
	return c
}

// wantParts wants a torrent's total, nobody's part and that of this instance.
func (c *counting) wantParts(h InfoHash, total, nobody, own uint64) {
	c.t.Helper()
	got := [3]uint64{c.scrape(h).Downloaded, c.parts.Part(Nobody, &h), c.parts.Part(c.own, &h)}
	if want := [3]uint64{total, nobody, own}; got != want {
		c.t.Errorf("total, nobody's and own part are %d, want %d", got, want)
	}
	if v := c.ledger.values[subjectOf{Nobody, h}]; v != nobody {
		c.t.Errorf("told that nobody's part is %d, is %d", v, nobody)
	}
}

// TestPartsAtTheirLimits: what cannot rise is refused, or counts as nobody's.
func TestPartsAtTheirLimits(t *testing.T) {
	now := newRig(t, nil).now().minute()
	c := newCounting(t, Record{hashA, now, MaxDownloaded}, Record{hashB, now, MaxDownloaded - 10})
	raise := func(o Origin, h InfoHash, n uint64, want PartResult) {
		t.Helper()
		if got := c.parts.Raise(c.time, o, PartRecord{InfoHash: h, Value: n}); got != want {
			t.Errorf("%d of %v: %d, want %d", n, h, got, want)
		}
	}
	c.complete(hashA, peer4(1))
	c.wantParts(hashA, MaxDownloaded, MaxDownloaded, 0)
	other := NewOrigin()
	raise(other, hashA, 1, PartRefused)
	raise(other, hashB, 11, PartRefused)
	raise(other, hashB, 10, PartRaised)
	c.wantParts(hashB, MaxDownloaded, MaxDownloaded-10, 0)

	third := hashN(3, 3)
	raise(c.own, third, maxPart+1, PartRefused)
	raise(c.own, third, maxPart, PartRaised)
	c.published = nil
	c.complete(third, peer4(1))
	c.wantParts(third, maxPart+1, 1, maxPart)
	if len(c.published) != 1 || c.published[0].Counted {
		t.Errorf("published %+v", c.published)
	}
	if c.parts.RaiseFloor(c.time, PartRecord{InfoHash: third, Value: math.MaxUint64}); c.scrape(third).Downloaded != MaxDownloaded {
		t.Errorf("%d shown after a floor of all that can be told", c.scrape(third).Downloaded)
	}
	c.wantParts(third, MaxDownloaded, 1, maxPart) // with an excess of more than a row has room for
	raise(Nobody, third, 1<<40, PartRaised)
	c.wantParts(third, MaxDownloaded, 1<<40, maxPart)
	c.parts.EndFloors()
	c.wantParts(third, MaxDownloaded, MaxDownloaded-maxPart, maxPart)

	fourth := hashN(4, 4)
	for range maxParts {
		raise(NewOrigin(), fourth, 1, PartRaised)
	}
	raise(NewOrigin(), fourth, 1, PartRefused)
	c.complete(fourth, peer4(1))
	c.wantParts(fourth, maxParts+1, 1, 0)
	if n := c.parts.Count(); n != maxParts+2 {
		t.Errorf("%d parts", n)
	}
}

// TestPartsRefused: what the access list refuses, and what there is no room for.
func TestPartsRefused(t *testing.T) {
	c := newCounting(t)
	r := PartRecord{InfoHash: hashA, Value: 3}
	c.SetAccess(&Access{Mode: AccessDeny, List: hashSet(hashA)})
	if got := c.parts.Raise(c.time, NewOrigin(), r); got != PartRefused || c.parts.RaiseFloor(c.time, r) {
		t.Errorf("a refused torrent: %d", got)
	}
	c.SetAccess(&Access{})
	c.budget.torrents.init(1)
	c.leech(hashB, peer4(1))
	if got := c.parts.Raise(c.time, NewOrigin(), r); got != PartRefused || c.parts.RaiseFloor(c.time, r) {
		t.Errorf("one torrent too many: %d", got)
	}
	if n := c.Torrents(); n != 1 {
		t.Errorf("%d torrents", n)
	}
}

// TestOriginNames: names are found again, come to an end, and are free when folded.
func TestOriginNames(t *testing.T) {
	var n originNames
	if _, ok := n.add(Nobody); ok {
		t.Error("nobody has an index")
	}
	all := make([]Origin, math.MaxUint16+1-firstOrigin)
	for i := range all {
		all[i] = NewOrigin()
		if index, ok := n.add(all[i]); !ok || n.name(index) != all[i] {
			t.Fatalf("origin %d has index %d, %v", i, index, ok)
		}
	}
	more := NewOrigin()
	if _, ok := n.add(more); ok {
		t.Error("there is room for one more")
	}
	index, _ := n.fold(all[7])
	n.free(all[7])
	if _, ok := n.add(all[7]); ok {
		t.Error("a folded origin is back")
	}
	if got, ok := n.add(more); !ok || got != index || n.name(got) != more {
		t.Errorf("index %d, want %d", got, index)
	}
}

// TestPartsWithoutAllocations: completions do not allocate once there is a part.
func TestPartsWithoutAllocations(t *testing.T) {
	b := newRig(t, nil)
	b.PublishTo(func(SyncRecord) {})
	b.CountParts(silent{}, false).Begin(NewOrigin())
	for i := range 1000 {
		b.leech(hashA, peer4(i))
	}
	next, now, r := 0, b.now(), Reply{Peers4: make([]byte, 0, 200*CompactSize4), Peers6: make([]byte, 0, 200*CompactSize6)}
	if n := testing.AllocsPerRun(500, func() {
		r.Peers4, r.Peers6 = r.Peers4[:0], r.Peers6[:0]
		b.Announce(now, &Announce{InfoHash: hashA, Peer: peer4(next), Event: EventCompleted, Limit: 50}, &r)
		next++
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if got := b.scrape(hashA).Downloaded; got != uint64(next) {
		t.Errorf("%d of %d counted", got, next)
	}
}

// silent is a Ledger that does nothing.
type silent struct{}

func (silent) Changed(Origin, *InfoHash, uint64, uint64) {}
func (silent) Counted(Origin, *InfoHash, uint64)         {}
func (silent) Created(*InfoHash)                         {}
func (silent) LeftOut(Origin, *InfoHash, uint64)         {}

// TestHoldsOfParts has many parts in one shard, as if the secret were known.
func TestHoldsOfParts(t *testing.T) {
	h := newHolds(t)
	hashes := h.hashesIn(5, 20*walkChunk)
	now := h.now().minute()
	for _, hash := range hashes {
		h.Load(h.now(), Record{hash, now, 1000})
	}
	p := h.CountParts(silent{}, true)
	origins := make([]Origin, 8)
	for i := range origins {
		origins[i] = NewOrigin()
		p.Begin(origins[i])
		for k, hash := range hashes {
			h.complete(hash, peer4(i*len(hashes)+k))
		}
	}
	h.longest = 0
	for len(h.TakeChanges(nil, 65536)) == 65536 {
	}
	h.checkSome("changes that are taken")
	if got, more := p.Page(h.time, origins[3], InfoHash{}, math.MaxUint16, 40, nil); len(got) != 40 || !more {
		t.Errorf("%d records", len(got))
	}
	h.checkSome("a page of an origin")
	p.Fold(origins[:4])
	h.checkSome("origins that are folded")
	p.Page(h.time, Nobody, InfoHash{}, math.MaxUint16, 40, nil)
	h.checkSome("a page of nobody's")
	p.EndFloors()
	h.checkSome("floors that end")
	if p.Floors() || p.Count() != 4*len(hashes) {
		t.Errorf("floors: %v, %d parts", p.Floors(), p.Count())
	}
	for _, hash := range hashes[:10] {
		if n := p.Part(Nobody, &hash); n != 1004 {
			t.Errorf("nobody's part is %d", n)
		}
	}
}

// TestPartsMemory: a part takes up less than 20 bytes.
func TestPartsMemory(t *testing.T) {
	const torrents = 1_000_000
	records := make([]Record, torrents)
	parts := make([]TorrentPart, torrents)
	o := NewOrigin()
	for i := range records {
		records[i] = Record{hashN(byte(i), i), 1, 1}
		parts[i] = TorrentPart{records[i].InfoHash, Part{o, 1}}
	}
	b := newRig(t, nil)
	b.LoadAll(b.now(), records)
	rand.Shuffle(torrents, func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	said, used := b.budget.bytes.used.Load(), heapInUse()
	b.LoadParts(parts)
	said, used = b.budget.bytes.used.Load()-said, heapInUse()-used
	runtime.KeepAlive(records)
	runtime.KeepAlive(parts)
	t.Logf("%.1f bytes a part, said to be %.1f", float64(used)/torrents, float64(said)/torrents)
	if used > 20*torrents || used < 12*torrents || float64(said) < 0.9*float64(used) {
		t.Errorf("%d bytes for %d parts, said to be %d", used, torrents, said)
	}
	p := b.CountParts(silent{}, false)
	if p.Count() != torrents {
		t.Errorf("%d parts of %d", p.Count(), torrents)
	}
	p.Fold([]Origin{o})
	if n := len(b.shards[0].parts.pages); p.Count() != 0 || n > 0 {
		t.Errorf("%d parts and %d pages are left", p.Count(), n)
	}
}

// TestPartsPages goes through a large subject as others do: many ranges at a time, a
// few records each, while the rest of the tracker changes.
func TestPartsPages(t *testing.T) {
	b, n := newRig(t, nil), testenv.Pick(60_000, 600_000)
	rng := rand.New(rand.NewPCG(1, 2))
	o := NewOrigin()
	records, parts := make([]Record, n), make([]TorrentPart, n)
	for i := range records {
		h := hashN(0, i)
		for k := range 4 {
			h[k] = byte(rng.Uint32())
		}
		records[i], parts[i] = Record{h, b.now().minute(), 3}, TorrentPart{h, Part{o, 1 + uint64(i%3)}}
	}
	b.LoadAll(b.now(), records)
	b.LoadParts(parts)
	p := b.CountParts(silent{}, false)
	walks := 0
	before := held
	held = func(int) { walks++ }
	t.Cleanup(func() { held = before })
	for _, o := range []Origin{o, Nobody} {
		seen := make(map[InfoHash]int)
		var open []InfoHash // where the next page of each block begins
		for block := 0; block < pageBlocks || len(open) > 0; {
			for len(open) < 64 && block < pageBlocks {
				open = append(open, InfoHash{byte(block)})
				block++
			}
			k := rng.IntN(len(open))
			from := open[k]
			page, more := p.Page(b.time, o, from, leafOf(&InfoHash{from[0], 0xff}), 40, nil)
			for _, r := range page {
				seen[r.InfoHash]++
			}
			if more {
				open[k], _ = page[len(page)-1].InfoHash.Next()
			} else {
				open = slices.Delete(open, k, k+1)
			}
			b.advance(time.Millisecond)
		}
		want := 0
		for i := range records {
			if o == Nobody && parts[i].Value == 3 {
				continue
			}
			if want++; seen[records[i].InfoHash] != 1 {
				t.Fatalf("torrent %v came %d times", records[i].InfoHash, seen[records[i].InfoHash])
			}
		}
		if len(seen) != want {
			t.Errorf("%d torrents, want %d", len(seen), want)
		}
	}
	if most := 2 * 20 * ShardCount * (1 + n/ShardCount/walkChunk*2); walks > most {
		t.Errorf("%d holds of locks, at most %d should do", walks, most)
	}
	t.Logf("%d holds of locks", walks)
}

// TestPartsWhileAllGoOn counts completions in several goroutines while origins begin and
// are folded, pages are read and changes are saved. In the end every one is there.
func TestPartsWhileAllGoOn(t *testing.T) {
	c := newCounting(t)
	c.PublishTo(func(SyncRecord) {})
	now, each := c.now(), testenv.Pick(5000, 50_000)
	var working, helping sync.WaitGroup
	var done atomic.Bool
	for g := range 3 {
		working.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(g), 3))
			var r Reply
			for i := range each {
				h := hashN(byte(rng.IntN(200)), 1)
				c.Announce(now, &Announce{InfoHash: h, Peer: peer4(g*each + i), Event: EventCompleted}, &r)
			}
		})
	}
	helping.Go(func() {
		for !done.Load() {
			all := c.TakeChanges(nil, 64)
			for i := range all {
				sum := uint64(0)
				for _, part := range all[i].Parts {
					sum += part.Value
				}
				if sum > all[i].Downloaded {
					t.Errorf("%d in the parts of %d", sum, all[i].Downloaded)
				}
			}
			c.Settle(Settlement{Taken: len(all)})
			c.sweepAll()
		}
	})
	helping.Go(func() {
		for own := c.own; !done.Load(); {
			next := NewOrigin()
			c.parts.Begin(next)
			c.ledger.end(own)
			c.parts.Page(c.time, own, InfoHash{}, math.MaxUint16, 40, nil)
			c.parts.Page(c.time, Nobody, InfoHash{}, math.MaxUint16, 40, nil)
			c.parts.Fold([]Origin{own})
			own = next
		}
	})
	working.Wait()
	done.Store(true)
	helping.Wait()
	sum := uint64(0)
	for _, v := range c.ledger.values {
		sum += v
	}
	total := uint64(0)
	for _, r := range c.records() {
		total += r.Downloaded
	}
	if total != uint64(3*each) || sum != total {
		t.Errorf("%d completions counted, the parts have %d, of %d", total, sum, 3*each)
	}
}
