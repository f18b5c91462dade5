package tracker

import (
	"slices"
	"testing"

	"keeptrack/cmd/testenv"
)

// maxHold is the most torrents, peers and entries of an index that may be touched
// in one hold of a shard's lock, whatever was sent. At half a microsecond each, for
// one or two waits for memory, that makes a millisecond.
const maxHold = 2048

// holds notes how much is done in the longest lock hold.
type holds struct {
	*rig
	longest int
}

func newHolds(t *testing.T) *holds {
	// The limits are too high to be met, but what there is is counted for them.
	h := &holds{rig: newRig(t, func(o *Options) { o.MaxMemory, o.MaxTorrents = 1<<40, 1<<30 })}
	h.PublishTo(nil)
	before := held
	held = h.held
	t.Cleanup(func() { held = before })
	return h
}

func (h *holds) held(work int) { h.longest = max(h.longest, work) }

// in does something with torrent and counts what moves in its shard's index and
// in the indexes of its peers.
func (h *holds) in(torrent InfoHash, do func()) {
	s := h.shard(&torrent)
	moved := func() uint64 {
		n := s.index.moved
		if i, ok := s.find(&torrent, hashTorrent(&torrent, s.seed)); ok {
			n += movedIn(&s.arena4, s.torrents.at(i).location4()) + movedIn(&s.arena6, s.torrents.at(i).location6())
		}
		return n
	}
	before := moved()
	do()
	h.held(int(moved() - before))
}

func movedIn[K key](a *arena[K], l location[K]) uint64 {
	if p := view(a, l); p.large != nil {
		return p.large.index.moved
	}
	return 0
}

// goThrough has everything done that goes through all torrents.
func (h *holds) goThrough() {
	for len(h.TakeChanges(nil, 65536)) == 65536 {
	}
	for shard := range ShardCount {
		var from InfoHash
		for more := true; more; {
			_, from, more = h.ServedPage(shard, from, 1000, nil)
		}
	}
	for range h.ScrapeAll() {
	}
	h.From(InfoHash{9}, 100)
	h.Top(ByPeers, 100)
	h.sweepAll()
}

// check wants what was done since the last check in holds of bounded work.
func (h *holds) check(of string) {
	h.t.Helper()
	if h.longest > maxHold {
		h.t.Errorf("%s: %d entries in one lock hold, at most %d may be", of, h.longest, maxHold)
	}
	h.t.Logf("%s: at most %d entries in one lock hold", of, h.longest)
	h.longest = 0
}

// checkSome is check for what cannot have been done with less work in one hold than
// a chunk has torrents.
func (h *holds) checkSome(of string) {
	h.t.Helper()
	if h.longest < walkChunk {
		h.t.Errorf("%s: only %d entries are said to be touched in one lock hold", of, h.longest)
	}
	h.check(of)
}

// TestHoldsWithOneFirstByte sends torrents whose info hashes all begin with the
// same byte.
func TestHoldsWithOneFirstByte(t *testing.T) {
	h, n := newHolds(t), testenv.Pick(100_000, 1_000_000)
	for i := range n {
		hash := hashN(7, i)
		h.in(hash, func() { h.leech(hash, peer4(i)) })
	}
	h.check("torrents that come")
	for i := range h.shards {
		if got := int(h.shards[i].torrents.n); got > 2*n/ShardCount {
			t.Errorf("shard %d has %d of %d torrents", i, got, n)
		}
	}
	h.goThrough()
	h.checkSome("walks")
	h.advance(2 * h.opts.PeerTimeout)
	h.sweepAll()
	if h.Torrents() != 0 {
		t.Errorf("%d torrents are left", h.Torrents())
	}
	for len(h.TakeChanges(nil, 65536)) == 65536 {
	}
	h.check("torrents that go")
}

// TestHoldsWithOneTorrent sends a torrent's peers, half of which go by themselves
// and half by timeout.
func TestHoldsWithOneTorrent(t *testing.T) {
	h, n := newHolds(t), testenv.Pick(100_000, 1_000_000)
	for i := range n {
		h.in(hashA, func() { h.announce(hashA, peerN(Family(i%2), i), func(a *Announce) { a.Left = uint64(i % 3) }) })
	}
	h.checkSome("peers that come")
	h.goThrough()
	h.checkSome("walks")
	for i := range n / 2 {
		h.in(hashA, func() { h.stop(hashA, peerN(Family(i%2), i)) })
	}
	h.check("peers that go")
	h.advance(h.opts.PeerTimeout)
	h.sweepAll()
	if got := h.Stats().Peers; got != [2]uint64{} {
		t.Errorf("%d peers are left", got)
	}
	h.checkSome("peers that time out")
}

// TestHoldsOfOneShard has all torrents in one shard, as if the secret were known:
// what is done in one lock hold does not grow with the shard.
func TestHoldsOfOneShard(t *testing.T) {
	h := newHolds(t)
	hashes := h.hashesIn(5, 40*walkChunk)
	for i, hash := range hashes {
		h.in(hash, func() { h.complete(hash, peer4(i)) })
	}
	h.check("torrents that come")
	h.goThrough()
	h.checkSome("walks")
	h.expireAll()
	h.check("torrents that go")
	if changes := h.TakeChanges(nil, len(hashes)+1); len(changes) != len(hashes) || slices.ContainsFunc(changes, func(c Change) bool { return !c.Removed }) {
		t.Errorf("%d changes, not of %d removed torrents", len(changes), len(hashes))
	}
	h.check("their removal")
}

// TestHoldsOfEviction has room made in torrents of all sizes, be it for memory or for
// torrents.
func TestHoldsOfEviction(t *testing.T) {
	fill := func(h *holds, n int) {
		for i := range n {
			h.leech(hashN(7, i), peer4(0))
			h.announce(hashN(8, i/2), peerN(Family(i%2), i), func(a *Announce) { a.Left = uint64(i % 3) })
			h.announce(hashN(9, i/400), peerN(Family(i%2), i%1000), nil)
			h.announce(hashA, peerN(Family(i%2), i), nil)
		}
	}
	for name, lower := range map[string]func(b *budget){
		"memory":   func(b *budget) { b.bytes.init(b.bytes.used.Load() / 4 * 3) },
		"torrents": func(b *budget) { b.torrents.init(b.torrents.used.Load() / 4) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHolds(t)
			fill(h, testenv.Pick(25_000, 250_000))
			h.longest = 0
			lower(&h.budget)
			for runs := 0; !h.makeRoom(); runs++ { // what a survey misses comes with the next
				if runs == 10 {
					t.Fatalf("not enough room: %+v", h.Stats())
				}
				select {
				case <-h.budget.wake:
				default:
					t.Error("the evictor does not go on by itself")
				}
			}
			h.checkSome("making room")
		})
	}
}

// TestHoldsOfARestart takes over records and peers.
func TestHoldsOfARestart(t *testing.T) {
	h, n := newHolds(t), testenv.Pick(25_000, 250_000)
	var records []Record
	for i := range n {
		records = append(records, Record{InfoHash: hashN(7, i), Downloaded: 1})
		h.announce(hashN(7, i%100), peerN(Family(i%2), i), nil)
		h.announce(hashA, peerN(Family(i%2), i), nil)
	}
	h.longest = 0
	states := h.states()
	h.checkSome("peers that are saved")
	next := newRig(t, nil)
	next.LoadAll(next.now(), records)
	h.check("records that are loaded")
	if r := next.RestorePeers(next.now(), states); r.Stored != uint64(2*n) {
		t.Errorf("%+v of %d", r, 2*n)
	}
	h.checkSome("peers that are restored")
}
