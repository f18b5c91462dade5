package tracker

import (
	"math"
	"testing"
)

var (
	hashA = hashN(1, 1)
	hashB = hashN(1, 2)
)

func TestRole(t *testing.T) {
	for _, c := range []struct {
		name string
		left uint64
		want Counts
	}{
		{"nothing left seeds", 0, Counts{Seeders: 1}},
		{"one byte left leeches", 1, Counts{Leechers: 1, Downloaders: 1}},
		{"a magnet link's 2^63-1 leeches", math.MaxInt64, Counts{Leechers: 1, Downloaders: 1}},
		{"2^64-1 leeches", math.MaxUint64, Counts{Leechers: 1, Downloaders: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, nil)
			b.announce(hashA, peer4(1), func(a *Announce) { a.Left = c.left })
			b.wantScrape(hashA, c.want)
		})
	}
}

func TestEveryEventButStoppedStores(t *testing.T) {
	for _, event := range []Event{EventNone, EventCompleted, EventStarted, EventPaused, 5, 255} {
		b := newRig(t, nil)
		r := b.announce(hashA, peer4(1), func(a *Announce) { a.Event = event })
		if r.Leechers != 1 || r.Seeders != 0 || r.Downloaded != 0 {
			t.Errorf("event %d: %+v", event, r)
		}
	}
}

func TestPeerIsAddressAndPort(t *testing.T) {
	b := newRig(t, nil)
	b.leech(hashA, peer4(0))
	b.leech(hashA, peer4(0))
	b.wantScrape(hashA, Counts{Leechers: 1, Downloaders: 1})
	if peer4(0).Addr() != peer4(1).Addr() {
		t.Fatal("the test's peers do not share an address")
	}
	b.leech(hashA, peer4(1))
	b.wantScrape(hashA, Counts{Leechers: 2, Downloaders: 2})
	b.leech(hashB, peer4(0))
	b.stop(hashA, peer4(0))
	b.wantScrape(hashA, Counts{Leechers: 1, Downloaders: 1})
	b.wantScrape(hashB, Counts{Leechers: 1, Downloaders: 1})
}

func TestRoleChange(t *testing.T) {
	b := newRig(t, nil)
	b.leech(hashA, peer4(1))
	b.seed(hashA, peer4(1))
	b.wantScrape(hashA, Counts{Seeders: 1})
	b.leech(hashA, peer4(1))
	b.wantScrape(hashA, Counts{Leechers: 1, Downloaders: 1})
}

func TestCompleted(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(b *rig)
		want uint64
	}{
		{"counts", func(b *rig) { b.leech(hashA, peer4(1)); b.complete(hashA, peer4(1)) }, 1},
		{"counts for a peer not seen before", func(b *rig) { b.complete(hashA, peer4(1)) }, 1},
		{"counts once", func(b *rig) { b.complete(hashA, peer4(1)); b.complete(hashA, peer4(1)) }, 1},
		{"counts once however the role changes", func(b *rig) {
			b.complete(hashA, peer4(1))
			b.leech(hashA, peer4(1))
			b.seed(hashA, peer4(1))
			b.complete(hashA, peer4(1))
		}, 1},
		{"counts for each peer", func(b *rig) { b.complete(hashA, peer4(1)); b.complete(hashA, peer6(1)) }, 2},
		{"counts again after a stop", func(b *rig) {
			b.complete(hashA, peer4(1))
			b.stop(hashA, peer4(1))
			b.complete(hashA, peer4(1))
		}, 2},
		{"does not count with bytes left", func(b *rig) {
			b.announce(hashA, peer4(1), func(a *Announce) { a.Event = EventCompleted })
		}, 0},
		{"counts once nothing is left", func(b *rig) {
			b.announce(hashA, peer4(1), func(a *Announce) { a.Event = EventCompleted })
			b.complete(hashA, peer4(1))
		}, 1},
		{"a seeder from the start does not count", func(b *rig) {
			b.announce(hashA, peer4(1), func(a *Announce) { a.Left, a.Event = 0, EventStarted })
			b.seed(hashA, peer4(1))
		}, 0},
		{"port 0 does not count", func(b *rig) {
			b.leech(hashA, peer4(1))
			b.complete(hashA, MakePeer(peer4(1).Addr(), 0))
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, nil)
			c.do(b)
			if got := b.scrape(hashA).Downloaded; got != c.want {
				t.Errorf("downloaded %d, want %d", got, c.want)
			}
			if got := b.Stats().Completed; got != c.want {
				t.Errorf("completed %d in all, want %d", got, c.want)
			}
		})
	}
}

// TestCountStops has a torrent completed at and beyond the largest count that
// clients read.
func TestCountStops(t *testing.T) {
	const most = 1<<63 - 1
	for _, c := range []struct {
		name          string
		loaded        uint64
		loads, counts uint64
	}{
		{"one below", most - 1, most - 1, most},
		{"the largest", most, most, most},
		{"beyond", most + 1, most, most},
		{"the largest of 64 bits", math.MaxUint64, most, most},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, nil)
			b.Load(b.now(), Record{InfoHash: hashA, LastAnnounce: b.now().minute(), Downloaded: c.loaded})
			b.wantScrape(hashA, Counts{Downloaded: c.loads})
			for port := 1; port <= 2; port++ {
				if r := b.complete(hashA, peer4(port)); r.Downloaded != c.counts {
					t.Errorf("an announce says %d, want %d", r.Downloaded, c.counts)
				}
			}
			b.sync(hashA, peer4(3), SyncSeeding|SyncComplete)
			b.wantScrape(hashA, Counts{Seeders: 3, Downloaded: c.counts})
			for _, r := range b.records() {
				if r.Downloaded != c.counts {
					t.Errorf("the record says %d, want %d", r.Downloaded, c.counts)
				}
			}
		})
	}
}

func TestStopped(t *testing.T) {
	for _, c := range []struct {
		name     string
		before   []Peer
		peer     Peer
		want     uint32 // leechers
		torrents int
	}{
		{"removes the peer", []Peer{peer4(1), peer4(2)}, peer4(1), 1, 1},
		{"leaves the torrent", []Peer{peer4(1)}, peer4(1), 0, 1},
		{"unknown peer", []Peer{peer4(1)}, peer4(2), 1, 1},
		{"unknown peer of the other family", []Peer{peer4(1)}, peer6(1), 1, 1},
		{"unknown torrent is not created", nil, peer4(1), 0, 0},
		{"port 0", []Peer{peer4(1)}, MakePeer(peer4(1).Addr(), 0), 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, nil)
			for _, p := range c.before {
				b.leech(hashA, p)
			}
			r := b.stop(hashA, c.peer)
			if r.Leechers != c.want || b.Torrents() != c.torrents {
				t.Errorf("%d leechers, %d torrents", r.Leechers, b.Torrents())
			}
			if len(r.Peers4)+len(r.Peers6) != 0 {
				t.Errorf("peers %v for a stopped client", r.peers(t))
			}
			if r.Interval < 300 {
				t.Errorf("interval %d", r.Interval)
			}
		})
	}
}

func TestPortZeroIsAnsweredNotStored(t *testing.T) {
	b := newRig(t, nil)
	b.leech(hashA, peer4(1))
	r := b.leech(hashA, MakePeer(peer4(7).Addr(), 0))
	r.wantPeers(t, peer4(1))
	if r.Leechers != 1 {
		t.Errorf("%d leechers", r.Leechers)
	}
	if b.leech(hashB, MakePeer(peer4(7).Addr(), 0)); b.Torrents() != 1 {
		t.Errorf("%d torrents", b.Torrents())
	}
}

func TestMappedAddressIsIPv4(t *testing.T) {
	b := newRig(t, nil)
	a := [16]byte{10: 0xff, 11: 0xff, 12: 8, 13: 8, 14: 8, 15: 8}
	b.leech(hashA, MakePeer6(a, 1))
	r := b.leech(hashA, peer4(1))
	r.wantPeers(t, MakePeer4([4]byte{8, 8, 8, 8}, 1))
}

func TestFamilies(t *testing.T) {
	for _, c := range []struct {
		name string
		peer Peer
		both bool
		want []Peer
	}{
		{"IPv4 gets IPv4", peer4(9), false, []Peer{peer4(1), peer4(2)}},
		{"IPv6 gets IPv6", peer6(9), false, []Peer{peer6(1), peer6(2)}},
		{"IPv4 gets both", peer4(9), true, []Peer{peer4(1), peer4(2), peer6(1), peer6(2)}},
		{"IPv6 gets both", peer6(9), true, []Peer{peer4(1), peer4(2), peer6(1), peer6(2)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, nil)
			for _, p := range []Peer{peer4(1), peer4(2), peer6(1), peer6(2)} {
				b.leech(hashA, p)
			}
			r := b.announce(hashA, c.peer, func(a *Announce) { a.BothFamilies = c.both })
			r.wantPeers(t, c.want...)
			if r.Leechers != 5 {
				t.Errorf("%d leechers, both families together are 5", r.Leechers)
			}
		})
	}
}

func TestNobodyGetsItself(t *testing.T) {
	b := newRig(t, nil)
	first, second := b.leech(hashA, peer4(1)), b.leech(hashA, peer4(2))
	first.wantPeers(t)
	second.wantPeers(t, peer4(1))
	again := b.leech(hashA, peer4(1))
	again.wantPeers(t, peer4(2))
}

func TestSeedersGetNoSeeders(t *testing.T) {
	b := newRig(t, nil)
	b.seed(hashA, peer4(1))
	b.leech(hashA, peer4(2))
	b.announce(hashA, peer4(3), func(a *Announce) { a.Event = EventPaused })
	seeder, leecher := b.seed(hashA, peer4(4)), b.leech(hashA, peer4(2))
	seeder.wantPeers(t, peer4(2), peer4(3))
	leecher.wantPeers(t, peer4(1), peer4(3), peer4(4))
}

func TestNumWant(t *testing.T) {
	b := newRig(t, nil)
	for i := range 300 {
		b.leech(hashA, peer4(i))
	}
	b.leech(hashB, peer4(1))
	for _, c := range []struct {
		name           string
		hash           InfoHash
		numWant, limit int
		want           int
	}{
		{"not said", hashA, -1, 255, 50},
		{"none, by a leecher", hashA, 0, 255, 50},
		{"one", hashA, 1, 255, 1},
		{"as many as the cap", hashA, 200, 255, 200},
		{"more than the cap", hashA, math.MaxInt32, 255, 200},
		{"more than the transport carries", hashA, 200, 66, 66},
		{"not said, and more than the transport carries", hashA, -1, 10, 10},
		{"the transport carries nothing", hashA, 200, 0, 0},
		{"most negative", hashA, math.MinInt32, 255, 50},
		{"more than there are", hashB, 200, 255, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := b.announce(c.hash, peer4(0), func(a *Announce) { a.NumWant, a.Limit = c.numWant, c.limit })
			if got := len(r.peers(t)); got != c.want {
				t.Errorf("%d peers, want %d", got, c.want)
			}
		})
	}
}

// TestNoPeersWanted has each kind of client ask for none.
func TestNoPeersWanted(t *testing.T) {
	b := newRig(t, nil)
	for i := 1; i <= 80; i++ {
		b.leech(hashA, peer4(i))
	}
	for _, c := range []struct {
		name  string
		left  uint64
		event Event
		want  int
	}{
		{"leecher", 1, EventNone, 50},
		{"leecher that starts", 1, EventStarted, 50},
		{"partial seed", 1, EventPaused, 50},
		{"leecher that says it completed", 1, EventCompleted, 50},
		{"leecher that stops", 1, EventStopped, 0},
		{"seeder", 0, EventNone, 0},
		{"seeder that starts", 0, EventStarted, 0},
		{"seeder that has just completed", 0, EventCompleted, 0},
		{"seeder that stops", 0, EventStopped, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := b.announce(hashA, peer4(1000), func(a *Announce) { a.NumWant, a.Left, a.Event = 0, c.left, c.event })
			if got := len(r.peers(t)); got != c.want {
				t.Errorf("%d peers, want %d", got, c.want)
			}
		})
	}
	quiet := newRig(t, func(o *Options) { o.DefaultNumWant = 0 })
	quiet.leech(hashA, peer4(1))
	r := quiet.announce(hashA, peer4(2), func(a *Announce) { a.NumWant = 0 })
	r.wantPeers(t)
}

func TestReplyIsAppendedTo(t *testing.T) {
	b := newRig(t, nil)
	b.leech(hashA, peer4(1))
	b.seed(hashA, peer6(1))
	r := Reply{
		Refused: true, Interval: 1, MinInterval: 1, Seeders: 9, Leechers: 9, Downloaded: 9,
		Peers4: []byte("four"), Peers6: []byte("six"),
	}
	b.Announce(b.now(), &Announce{InfoHash: hashA, Peer: peer4(2), Left: 1, NumWant: 9, Limit: 9, BothFamilies: true}, &r)
	if want := string(peer4(1).AppendCompact([]byte("four"))); string(r.Peers4) != want {
		t.Errorf("peers %q, want %q", r.Peers4, want)
	}
	if want := string(peer6(1).AppendCompact([]byte("six"))); string(r.Peers6) != want {
		t.Errorf("peers6 %q, want %q", r.Peers6, want)
	}
	if r.Refused || r.Interval < 300 || r.MinInterval != 900 || r.Seeders != 1 || r.Leechers != 2 || r.Downloaded != 0 {
		t.Errorf("%+v", r)
	}
}

func TestMaxTorrents(t *testing.T) {
	b := newRig(t, func(o *Options) { o.MaxTorrents = 2 })
	b.leech(hashA, peer4(1))
	b.leech(hashB, peer4(1))
	third := hashN(9, 9)
	r := b.complete(third, peer4(1))
	r.wantPeers(t)
	if r.Seeders+r.Leechers != 0 || r.Downloaded != 0 || r.Refused || r.Interval < 300 {
		t.Errorf("%+v", r)
	}
	b.wantScrape(third, Counts{})
	if res := b.sync(third, peer4(1), SyncSeeding); res != SyncFull {
		t.Errorf("sync: %v", res)
	}
	if _, res := b.Merge(b.now(), Record{third, b.now().minute(), 5}); res != SyncFull {
		t.Errorf("merge: %v", res)
	}
	// What is told of a torrent alone does not ask for room.
	if s := b.Stats(); s.Torrents != 2 || s.TorrentsRejected != 2 || s.PeersRejected[RejectedMaxTorrents] != 1 {
		t.Errorf("%+v", s)
	}
	if known := b.leech(hashA, peer4(2)); known.Leechers != 2 {
		t.Errorf("a torrent that is there has %d leechers", known.Leechers)
	}
	b.advance(b.opts.PeerTimeout)
	b.sweepAll()
	if back := b.leech(third, peer4(1)); back.Leechers != 1 {
		t.Errorf("%d leechers after the others have gone", back.Leechers)
	}
}
