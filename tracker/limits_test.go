package tracker

import (
	"encoding/binary"
	"testing"
	"time"
)

// limited returns a tracker on which an address may have so many peers in a
// torrent and join so many torrents.
func limited(t testing.TB, peers, torrents int) *rig {
	return newRig(t, func(o *Options) { o.MaxPeersPerAddress, o.MaxTorrentsPerAddress = peers, torrents })
}

// portOf returns the peer at an address that listens on the n-th port.
func portOf(f Family, address, n int) Peer {
	p := peerN(f, 2*address)
	if f == IPv6 { // a /48 with another address of a /64 each time
		binary.BigEndian.PutUint32(p.addr[2:], uint32(address))
		binary.BigEndian.PutUint32(p.addr[8:], uint32(n))
	}
	p.port = uint16(1 + n)
	return p
}

func (b *rig) wantRejected(peers, torrents uint64) {
	b.t.Helper()
	want := [RejectionCount]uint64{RejectedPeers: peers, RejectedTorrents: torrents}
	if got := b.Stats().PeersRejected; got != want {
		b.t.Errorf("rejected %v, want %v", got, want)
	}
}

func TestPeersPerAddress(t *testing.T) {
	for _, test := range []struct{ limit, others int }{{1, 10}, {3, 40}, {100, 100}, {100, 1000}, {1000, 300}} {
		limit, others := test.limit, test.others
		for f := range Family(2) {
			b := limited(t, limit, 0)
			for i := range others {
				b.leech(hashA, portOf(f, 1000+i, 0))
			}
			if others+limit > maxClassRoom { // where it is less exact
				limit += networkSlack
			}
			for n := range limit {
				b.leech(hashA, portOf(f, 1, n))
			}
			rejected := b.Stats().PeersRejected[RejectedPeers]
			if most := uint64(networkSlack); rejected > 0 && (limit == test.limit || rejected > most) {
				t.Errorf("%v, %+v: %d rejected below the limit", f, test, rejected)
			}
			b.published = nil
			r := b.leech(hashA, portOf(f, 1, limit))
			if n := int(r.Leechers); n != others+limit-int(rejected) || len(r.peers(t)) != min(n, 50) {
				t.Errorf("%v, %+v: %d leechers, %d peers", f, test, n, len(r.peers(t)))
			}
			b.seed(hashA, portOf(f, 1, limit+1))
			b.wantRejected(rejected+2, 0)
			if len(b.published) > 0 {
				t.Errorf("%v, %+v: published %v", f, test, b.published)
			}
			// It may renew, change and replace what it has, and be elsewhere.
			b.seed(hashA, portOf(f, 1, 0))
			b.stop(hashA, portOf(f, 1, 0))
			b.leech(hashA, portOf(f, 1, limit))
			b.leech(hashB, portOf(f, 1, 0))
			b.leech(hashA, portOf(f, 2, 0))
			b.wantRejected(rejected+2, 0)
			b.leech(hashA, portOf(f, 1, 0))
			b.wantRejected(rejected+3, 0)
			b.advance(2 * ticksPerTimeout * time.Second)
			b.sweepAll()
			b.leech(hashA, portOf(f, 1, 0))
			b.wantRejected(rejected+3, 0)
		}
	}
}

// TestPeersPerAddressOthersUnharmed fills a torrent from many addresses at the limit and
// looks whether anyone below it is rejected.
func TestPeersPerAddressOthersUnharmed(t *testing.T) {
	const limit, addresses, others = 1000, 60, 5_000
	b := limited(t, limit, 0)
	for a := range addresses {
		for n := range limit {
			b.leech(hashA, portOf(IPv4, a, n))
		}
	}
	for i := range others {
		b.leech(hashA, peer4(10_000+2*i))
	}
	// The stated bound makes it 0.02 on average.
	if got := b.Stats().PeersRejected[RejectedPeers]; got > 2 {
		t.Errorf("%d rejected", got)
	}
}

func TestTorrentsPerAddress(t *testing.T) {
	const limit = 500
	for f := range Family(2) {
		b := limited(t, 0, limit)
		for i := range limit {
			b.leech(loadHash(i), portOf(f, 1, 0))
		}
		for i := range limit { // renewals count for nothing
			b.leech(loadHash(i), portOf(f, 1, 0))
		}
		b.leech(hashA, peerN(f, 1001))
		b.wantRejected(0, 0)
		b.published = nil
		if r := b.leech(hashA, portOf(f, 1, 1)); r.Leechers != 1 || len(r.peers(t)) != 1 {
			t.Errorf("%v: %d leechers, %d peers in a torrent that is there", f, r.Leechers, len(r.peers(t)))
		}
		if r := b.leech(hashB, portOf(f, 1, 0)); r.Leechers != 0 || r.Interval == 0 {
			t.Errorf("%v: %+v in a new torrent", f, r)
		}
		b.wantRejected(0, 2)
		if n := b.Torrents(); n != limit+1 || len(b.published) > 0 {
			t.Errorf("%v: %d torrents, published %v", f, n, b.published)
		}
		if b.sync(hashB, portOf(f, 1, 0), 0) != SyncApplied {
			t.Errorf("%v: live sync is limited", f)
		}
		b.leech(hashA, portOf(f, 2, 0))
		b.wantRejected(0, 2)
	}
}

// TestTorrentsPerAddressComeBack lets an address join as many torrents as it
// may, over and over.
func TestTorrentsPerAddressComeBack(t *testing.T) {
	for _, limit := range []int{3, 1000} {
		b := limited(t, 0, limit)
		next := 0
		joins := func() (joined int) {
			for before := b.Stats().PeersRejected[RejectedTorrents]; ; next++ {
				b.leech(loadHash(next), portOf(IPv4, 1, 0))
				if b.Stats().PeersRejected[RejectedTorrents] > before {
					return joined
				}
				joined++
			}
		}
		b.sweepAll()
		if n := joins(); n != limit {
			t.Errorf("limit %d: %d torrents at first", limit, n)
		}
		const steps = 16
		sum := 0
		for range steps { // two peer timeouts in small steps
			b.advance(2 * ticksPerTimeout * time.Second / steps)
			b.sweepAll()
			sum += joins()
		}
		if sum < 2*limit*31/32-1 || sum > 2*limit {
			t.Errorf("limit %d: %d torrents in two peer timeouts", limit, sum)
		}
		b.advance(ticksPerTimeout * time.Second)
		b.sweepAll()
		if n := joins(); n != limit {
			t.Errorf("limit %d: %d torrents after a peer timeout of silence", limit, n)
		}
	}
}

// TestRejectedChangesNothing has a peer that is rejected complete.
func TestRejectedChangesNothing(t *testing.T) {
	b := limited(t, 1, 0)
	b.leech(hashA, portOf(IPv4, 1, 0))
	before := b.records()
	b.advance(10 * time.Minute)
	b.complete(hashA, portOf(IPv4, 1, 1))
	b.stop(hashA, portOf(IPv4, 1, 2))
	b.wantScrape(hashA, Counts{Leechers: 1, Downloaders: 1})
	if after := b.records(); len(after) != 1 || after[0] != before[0] {
		t.Errorf("%+v, before %+v", after, before)
	}
	b.wantRejected(1, 0)
}

func TestNetworks(t *testing.T) {
	same := func(a, b Peer) bool { return a.Network() == b.Network() }
	if !same(peer4(0), peer4(1)) || same(peer4(0), peer4(2)) {
		t.Error("IPv4 is not by address")
	}
	if !same(peer6(0), peer6(100)) || same(portOf(IPv6, 1, 0), portOf(IPv6, 2, 0)) {
		t.Error("IPv6 is not by /64")
	}
	for f := range Family(2) {
		p := peerN(f, 7)
		k4, k6 := p.key4(), p.key6()
		if got := [...]Network{networkOf(&k4), networkOf(&k6)}[f]; got != p.Network() {
			t.Errorf("%v: the stored peer's network is %x, the peer's %x", f, got, p.Network())
		}
	}
}

// BenchmarkJoin announces peers that are not there, with and without limits.
func BenchmarkJoin(b *testing.B) {
	for name, limit := range map[string]int{"unlimited": 0, "limited": 1 << 30} {
		b.Run(name, func(b *testing.B) {
			o := testOptions()
			o.MaxPeersPerAddress, o.MaxTorrentsPerAddress = limit, limit
			tr := New(o, epoch)
			now := tr.Instant(epoch)
			var r Reply
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				a := Announce{InfoHash: loadHash(i % 200_000), Peer: peer4(i / 200_000 * 2), Left: 1}
				tr.Announce(now, &a, &r)
			}
		})
	}
}

// TestPeersPerTorrent makes believe that a swarm has as many peers as positions
// can name.
func TestPeersPerTorrent(t *testing.T) {
	for f := range Family(2) {
		b := limited(t, 0, 0)
		const n = maxClassRoom + 1
		for i := range n {
			b.seed(hashA, peerN(f, i))
		}
		s, i, _ := b.position(hashA)
		swarm := func() *counts {
			if f == IPv6 {
				return &s.arena6.large[s.torrents.at(i).block6.place()].counts
			}
			return &s.arena4.large[s.torrents.at(i).location4().block.place()].counts
		}
		swarm().n = maxPeers
		b.published = nil
		r := b.seed(hashA, peerN(f, n))
		if r.Seeders != maxPeers || b.Stats().PeersRejected != [RejectionCount]uint64{RejectedSwarm: 1} || len(b.published) > 0 {
			t.Errorf("%v: %d seeders, published %v, rejected %v", f, r.Seeders, b.published, b.Stats().PeersRejected)
		}
		if got := b.sync(hashA, peerN(f, n), SyncSeeding|SyncComplete); got != SyncFull {
			t.Errorf("%v: published by another instance: %v", f, got)
		}
		b.seed(hashA, peerN(f, 0)) // is stored already
		swarm().n = n
		b.wantScrape(hashA, Counts{Seeders: n})
	}
}
