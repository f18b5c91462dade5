package tracker

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// epoch is when most trackers of these tests start. It is a whole minute.
var epoch = time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)

// testOptions have a peer timeout of 4096 seconds, which makes a tick a second.
func testOptions() Options {
	return Options{
		AnnounceInterval:    30 * time.Minute,
		IntervalJitter:      3 * time.Minute,
		MinAnnounceInterval: 15 * time.Minute,
		PeerTimeout:         ticksPerTimeout * time.Second,
		TorrentTimeout:      720 * time.Hour,
		RenewAfter:          10 * time.Minute,
		DefaultNumWant:      50,
		MaxNumWant:          200,
		AllowPrivate:        true,
	}
}

// rig is a tracker whose clock the test moves. Its invariants are checked
// when the test ends.
type rig struct {
	*Tracker
	t         testing.TB
	time      time.Time
	published []SyncRecord
}

func newRig(t testing.TB, change func(o *Options)) *rig {
	b := &rig{t: t, time: epoch}
	o := testOptions()
	if change != nil {
		change(&o)
	}
	b.Tracker = New(o, epoch)
	b.PublishTo(func(r SyncRecord) { b.published = append(b.published, r) })
	t.Cleanup(func() { checkInvariants(t, b.Tracker) })
	return b
}

func (b *rig) now() Instant            { return b.Instant(b.time) }
func (b *rig) advance(d time.Duration) { b.time = b.time.Add(d) }

// announce announces p with the settings of most clients; change, if not nil,
// alters them.
func (b *rig) announce(h InfoHash, p Peer, change func(a *Announce)) Reply {
	a := Announce{InfoHash: h, Peer: p, Left: 1, NumWant: -1, Limit: maxChoice}
	if change != nil {
		change(&a)
	}
	var r Reply
	b.Announce(b.now(), &a, &r)
	return r
}

func (b *rig) leech(h InfoHash, p Peer) Reply { return b.announce(h, p, nil) }
func (b *rig) seed(h InfoHash, p Peer) Reply  { return b.announce(h, p, seeding) }
func (b *rig) complete(h InfoHash, p Peer) Reply {
	return b.announce(h, p, func(a *Announce) { a.Left, a.Event = 0, EventCompleted })
}
func (b *rig) stop(h InfoHash, p Peer) Reply {
	return b.announce(h, p, func(a *Announce) { a.Event = EventStopped })
}

func seeding(a *Announce) { a.Left = 0 }

func (b *rig) sync(h InfoHash, p Peer, f SyncFlags) SyncResult {
	return b.ApplySync(b.now(), &SyncRecord{InfoHash: h, Peer: p, Flags: f})
}

func (b *rig) scrape(h InfoHash) Counts { return b.Scrape(b.now(), h) }

func (b *rig) sweepAll() {
	for i := range ShardCount {
		b.sweep(i, b.now())
	}
}

// records returns the records of all torrents, in order of info hash.
func (b *rig) records() []Record {
	return slices.Collect(b.Records(InfoHash{}))
}

func (b *rig) wantScrape(h InfoHash, want Counts) {
	b.t.Helper()
	if got := b.scrape(h); got != want {
		b.t.Errorf("scrape: %+v, want %+v", got, want)
	}
}

// shardOf returns the number of a torrent's shard.
func (t *Tracker) shardOf(h InfoHash) int { return int(shardOf(hashTorrent(&h, t.seed))) }

// shard returns the torrent's shard, and find its position there.
func (t *Tracker) shard(h *InfoHash) *shard { return &t.shards[t.shardOf(*h)] }

func (t *Tracker) position(h InfoHash) (*shard, uint32, bool) {
	s, hash := t.find(&h)
	i, ok := s.find(&h, hash)
	return s, i, ok
}

// hashesIn returns n info hashes of a shard.
func (t *Tracker) hashesIn(shard, n int) []InfoHash {
	all := make([]InfoHash, 0, n)
	for i := 0; len(all) < n; i++ {
		if h := hashN(byte(i), i); t.shardOf(h) == shard {
			all = append(all, h)
		}
	}
	return all
}

// hashN returns the n-th info hash that begins with a byte.
func hashN(first byte, n int) InfoHash {
	h := InfoHash{0: first, 19: 0x55}
	binary.BigEndian.PutUint64(h[8:], uint64(n))
	return h
}

// peer4 and peer6 return the n-th of a row of different peers at public
// addresses.
func peer4(n int) Peer {
	var a [4]byte
	binary.BigEndian.PutUint32(a[:], 0x08000000+uint32(n)/2)
	return MakePeer4(a, 6881+uint16(n%2))
}

func peer6(n int) Peer {
	a := [16]byte{0: 0x2a}
	binary.BigEndian.PutUint32(a[12:], uint32(n)/2)
	return MakePeer6(a, 6881+uint16(n%2))
}

func peerN(f Family, n int) Peer {
	if f == IPv6 {
		return peer6(n)
	}
	return peer4(n)
}

// peers returns the peers of a reply.
func (r *Reply) peers(t testing.TB) []Peer {
	t.Helper()
	if len(r.Peers4)%CompactSize4 != 0 || len(r.Peers6)%CompactSize6 != 0 {
		t.Fatalf("%d bytes of IPv4 peers, %d of IPv6 peers", len(r.Peers4), len(r.Peers6))
	}
	var out []Peer
	for c := range slices.Chunk(r.Peers4, CompactSize4) {
		out = append(out, MakePeer4([4]byte(c), binary.BigEndian.Uint16(c[4:])))
	}
	for c := range slices.Chunk(r.Peers6, CompactSize6) {
		out = append(out, MakePeer(netip.AddrFrom16([16]byte(c)), binary.BigEndian.Uint16(c[16:])))
	}
	return out
}

// wantPeers checks that a reply has exactly the given peers, in any order.
func (r *Reply) wantPeers(t testing.TB, want ...Peer) {
	t.Helper()
	got := r.peers(t)
	same := len(got) == len(want)
	for _, p := range want {
		same = same && slices.Contains(got, p)
	}
	if !same {
		t.Errorf("peers %v, want %v", got, want)
	}
}
