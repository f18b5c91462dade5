package tracker

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"keeptrack/cmd/testenv"
)

// siege is a tracker whose evictor works as soon as it is roused, and whose
// checkpoints are written as soon as they are wanted.
type siege struct {
	*rig
	wanted bool
	saved  map[InfoHash]Record // what the database has
	taken  []Change
}

func newSiege(t testing.TB, change func(o *Options)) *siege {
	c := &siege{saved: make(map[InfoHash]Record)}
	c.rig = newRig(t, func(o *Options) {
		o.MaxPeersPerAddress, o.MaxTorrentsPerAddress = 1000, 250_000
		o.WantCheckpoint = func() { c.wanted = true }
		change(o)
	})
	c.PublishTo(nil)
	return c
}

// settle has the evictor do what it is roused for.
func (c *siege) settle() {
	for {
		select {
		case <-c.budget.wake:
			c.makeRoom()
		default:
			return
		}
		if c.wanted {
			c.wanted = false
			c.checkpoint()
		}
	}
}

// checkpoint writes what has changed.
func (c *siege) checkpoint() {
	const batch = 10_000
	for more := true; more; {
		c.taken = c.TakeChanges(c.taken[:0], batch)
		more = len(c.taken) == batch
		c.write(c.taken)
	}
}

// write brings changes into the database, as the store does.
func (c *siege) write(changes []Change) {
	done := Settlement{Taken: len(changes)}
	for i := range changes {
		change := &changes[i]
		old, found := c.saved[change.InfoHash]
		if change.Removed {
			delete(c.saved, change.InfoHash)
			continue
		}
		if change.Partial {
			old.InfoHash = change.InfoHash
			done.Partial = append(done.Partial, InFile{Record: old, Found: found})
			change.Downloaded = max(old.Downloaded+change.Downloaded, change.Floor)
			change.LastAnnounce = max(old.LastAnnounce, change.LastAnnounce)
		}
		c.saved[change.InfoHash] = change.Record
	}
	c.Settle(done)
}

// attack is a flood of announces from many networks.
type attack struct {
	name string
	send func(c *siege, p Peer, i int) // the i-th announce of the flood
}

var attacks = []attack{
	{"torrents with one peer", func(c *siege, p Peer, i int) { c.leech(floodHash(i), p) }},
	{"torrents that are there again and again", func(c *siege, p Peer, i int) { c.leech(floodHash(i%20_000), p) }},
	{"torrents with two peers", func(c *siege, p Peer, i int) {
		c.leech(floodHash(i), p)
		p.port++
		c.seed(floodHash(i), p)
	}},
	{"torrents whose peer stops", func(c *siege, p Peer, i int) {
		c.leech(floodHash(i), p)
		c.stop(floodHash(i), p)
	}},
	{"completed torrents", func(c *siege, p Peer, i int) { c.complete(floodHash(i), p) }},
	{"completed torrents whose peer stops", func(c *siege, p Peer, i int) {
		c.complete(floodHash(i), p)
		c.stop(floodHash(i), p)
	}},
	{"torrents and peers that other instances tell", func(c *siege, p Peer, i int) {
		c.sync(floodHash(i), p, SyncSeeding|SyncComplete)
		c.Merge(c.now(), Record{hashN(0xf1, i), c.now().minute(), uint64(i)})
	}},
	{"completed torrents with many peers", func(c *siege, p Peer, i int) {
		p.port = uint16(1 + i%20)
		c.complete(floodHash(i/20), p)
	}},
	{"addresses within the networks", func(c *siege, p Peer, i int) {
		if p.port = uint16(1 + i%60_000); p.family == IPv6 {
			binary.BigEndian.PutUint64(p.addr[8:], uint64(i))
		}
		for k := range 3 {
			c.seed(floodHash((3*i+k)%3000), p)
		}
	}},
	{"peers of few torrents", func(c *siege, p Peer, i int) {
		for k := range 5 {
			p.port = uint16(1 + (5*i+k)%60_000)
			c.leech(floodHash((5*i+k)%290), p)
		}
	}},
}

// allAttacks is all of them at once.
var allAttacks = attack{"all of these", func(c *siege, p Peer, i int) { attacks[i%len(attacks)].send(c, p, i) }}

func floodHash(i int) InfoHash { return hashN(0xf0, i) }

// attackers are the networks that an attack comes from.
type attackers struct {
	name  string
	count int
	peer  func(n int) Peer // of the n-th network
}

var allAttackers = []attackers{
	{"1 IPv4 address", 1, ipv4Attacker},
	{"100 IPv4 addresses", 100, ipv4Attacker},
	{"10,000 IPv4 addresses", 10_000, ipv4Attacker},
	{"1 IPv6 network", 1, ipv6Attacker},
	{"100 IPv6 networks", 100, ipv6Attacker},
	{"10,000 IPv6 networks", 10_000, ipv6Attacker},
	{"10,000 of both", 10_000, func(n int) Peer {
		if n%2 == 0 {
			return ipv4Attacker(n)
		}
		return ipv6Attacker(n)
	}},
}

func ipv4Attacker(n int) Peer { return peer4(2_000_000 + 2*n) }

// ipv6Attacker returns a peer of a /64 in one of four /48s.
func ipv6Attacker(n int) Peer {
	p := peer6(0)
	binary.BigEndian.PutUint64(p.addr[:], 0x2600_0000_0000_0000+uint64(n%4)<<16+uint64(n/4))
	return p
}

// TestNewcomersGetIn floods a tracker, and has honest clients come meanwhile, each
// from its own network and with its own torrent. They announce until they are
// stored, and again later on.
func TestNewcomersGetIn(t *testing.T) {
	// Each attack from all kinds of networks needs room for more than a torrent of each.
	torrents := testenv.Pick(8_000, 24_000)
	bounds := []struct {
		name      string
		set       func(o *Options)
		announces int // several times what there is room for
	}{
		{"memory", func(o *Options) { o.MaxMemory = 4 << 20 }, 60_000},
		{"torrents", func(o *Options) { o.MaxTorrents = torrents }, 5 * torrents / 2},
		{"both", func(o *Options) { o.MaxMemory, o.MaxTorrents = 4<<20, 30_000 }, 60_000},
	}
	for _, bound := range bounds {
		run := func(who attackers, what attack) {
			t.Run(fmt.Sprint(bound.name, "/", who.name, "/", what.name), func(t *testing.T) {
				c := newSiege(t, bound.set)
				c.flood(who, what, bound.announces)
			})
		}
		for i, who := range allAttackers {
			if testenv.Long() || bound.name == "torrents" || i%3 == 0 {
				run(who, allAttacks)
			}
			if testenv.Long() || i == 1 && bound.name != "both" {
				for _, what := range attacks {
					run(who, what)
				}
			}
		}
	}
}

// flood attacks with so many announces.
func (c *siege) flood(who attackers, what attack, announces int) {
	const newcomers = 20
	rng := rand.New(rand.NewPCG(1, 2))
	most, tries := int64(0), 0
	for i := range announces {
		what.send(c, who.peer(rng.IntN(who.count)), i)
		c.settle()
		if used, limit := c.Memory(); limit > 0 && used > limit+limit/16 {
			c.t.Fatalf("%d bytes of %d", used, limit)
		} else {
			most = max(most, used)
		}
		if k := i / (announces / newcomers); i%(announces/newcomers) == 0 {
			tries = max(tries, c.comeIn(k))
		}
		if i%7_000 == 6_999 {
			c.advance(time.Minute)
			c.checkpoint()
		}
	}
	for k := range newcomers {
		if r := c.leech(hashN(0x0e, k), honest(k)); r.Leechers != 1 {
			c.t.Errorf("newcomer %d has gone", k)
		}
		c.stop(hashN(0x0e, k), honest(k))
		if n := c.scrape(hashN(0x0e, k)).Leechers; n != 0 {
			c.t.Errorf("newcomer %d is there %d times", k, n)
		}
	}
	s := c.Stats()
	c.t.Logf("%d torrents, %v peers, %d bytes at most, newcomers had %d tries, rejected %v, evicted %v, level %d %d",
		s.Torrents, s.Peers, most, tries, s.PeersRejected, s.Evicted, c.budget.bytes.level.Load(), c.budget.torrents.level.Load())
}

func honest(k int) Peer { return peer4(9_000_000 + 2*k) }

// comeIn has a newcomer announce until it is stored, and returns how often.
func (c *siege) comeIn(k int) (tries int) {
	for tries = 1; ; tries++ {
		if r := c.leech(hashN(0x0e, k), honest(k)); r.Leechers == 1 {
			return tries
		}
		if tries == 2 {
			c.t.Errorf("newcomer %d is not let in", k)
			return tries
		}
		c.settle()
	}
}

// TestSmallLimits has a newcomer come to a tracker that is full with few torrents.
func TestSmallLimits(t *testing.T) {
	for _, c := range []struct {
		name  string
		limit int
		held  []int // by network, how many torrents
		want  bool  // the newcomer gets in
	}{
		{"one, of somebody", 1, []int{1}, false},
		{"two of one network", 2, []int{2}, true},
		{"three of one network", 3, []int{3}, true},
		{"two and one", 3, []int{2, 1}, true},
		{"everybody has one", 3, []int{1, 1, 1}, false},
		{"two more than one", 20, []int{2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, true},
		{"from where there is room to come", 64, []int{30, 30, 4}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSiege(t, func(o *Options) { o.MaxTorrents = c.limit })
			for network, torrents := range c.held {
				for i := range torrents {
					s.leech(hashN(byte(network), i), peer4(2*network))
				}
			}
			for tries := range 2 {
				if got := s.leech(hashN(0xee, 0), honest(0)).Leechers == 1; got && !c.want || tries == 1 && got != c.want {
					t.Errorf("the newcomer is in: %v after %d tries", got, tries+1)
				}
				s.settle()
			}
			for network := range c.held { // everybody has kept something
				p, kept := peer4(2*network), 0
				for i := range c.held[network] {
					if r := s.scrape(hashN(byte(network), i)); r.Leechers == 1 {
						kept++
					}
				}
				if kept == 0 {
					t.Errorf("%v has nothing", p)
				}
			}
		})
	}
}

// TestAllThereMayBe holds that a limit can be used up as long as nobody is kept out
// by it.
func TestAllThereMayBe(t *testing.T) {
	for _, limit := range []int{1, 2, 3, 31} {
		s := newSiege(t, func(o *Options) { o.MaxTorrents = limit })
		for i := range limit {
			s.leech(loadHash(i), peer4(1))
			s.settle()
		}
		if n := s.Torrents(); n != limit {
			t.Errorf("%d torrents of %d", n, limit)
		}
	}
}

// TestOrderOfEviction fills a tracker with torrents of several kinds and looks
// which of them make room.
func TestOrderOfEviction(t *testing.T) {
	const limit = 1600
	build := func(t *testing.T, kinds ...func(s *siege)) *siege {
		s := newSiege(t, func(o *Options) { o.MaxTorrents = limit })
		for _, kind := range kinds {
			kind(s)
		}
		s.checkpoint()
		return s
	}
	count := func(s *siege, shard byte) (n int) {
		for i := range limit {
			if _, ok := s.Overview(hashN(shard, i)); ok {
				n++
			}
		}
		return n
	}
	lonely := func(shard byte, torrents, network int) func(s *siege) {
		return func(s *siege) {
			for i := range torrents {
				s.leech(hashN(shard, i), peer4(2*network))
			}
		}
	}
	few := func(shard byte, torrents int) func(s *siege) { // each of another network
		return func(s *siege) {
			for i := range torrents {
				s.leech(hashN(shard, i), peer4(1000+2*i))
			}
		}
	}
	idle := func(shard byte, torrents int, downloads func(i int) uint64) func(s *siege) {
		return func(s *siege) {
			for i := range torrents {
				r := Record{hashN(shard, i), s.now().minute() - uint32(i), downloads(i)}
				s.Load(s.now(), r)
				s.saved[r.InfoHash] = r
			}
		}
	}
	t.Run("those of the network that holds most", func(t *testing.T) {
		s := build(t, lonely(1, 1000, 1), lonely(2, 400, 2), few(3, 160))
		s.budget.rouse()
		s.settle()
		if a, b, c := count(s, 1), count(s, 2), count(s, 3); a >= 990 || a < 800 || b != 400 || c != 160 {
			t.Errorf("%d of 1000, %d of 400, %d of 160 left", a, b, c)
		}
	})
	t.Run("idle ones before those of networks with little", func(t *testing.T) {
		s := build(t, few(3, 800), idle(4, 780, func(i int) uint64 { return uint64(1 + i%10) }))
		s.budget.rouse()
		s.settle()
		if c := count(s, 3); c != 800 {
			t.Errorf("%d of 800 left", c)
		}
		for i := range 780 {
			if _, ok := s.Overview(hashN(4, i)); !ok && i%10 > 3 {
				t.Errorf("an idle torrent with %d downloads went", 1+i%10)
			}
		}
		if e := s.Stats().Evicted; e[EvictedRecords] == 0 || e[EvictedTorrents] != 0 || len(s.saved) != 1580 {
			t.Errorf("evicted %v, %d records are left in the database", e, len(s.saved))
		}
	})
	t.Run("but not before those of a network with much", func(t *testing.T) {
		s := build(t, lonely(1, 500, 1), idle(4, 1060, func(int) uint64 { return 1 }))
		s.budget.rouse()
		s.settle()
		if a, d := count(s, 1), count(s, 4); a >= 500 || d != 1060 {
			t.Errorf("%d of 500, %d of 1060 idle left", a, d)
		}
	})
	t.Run("idle ones that are not saved wait for a checkpoint", func(t *testing.T) {
		s := newSiege(t, func(o *Options) { o.MaxTorrents = limit })
		for i := range limit {
			s.complete(hashN(1, i), peer4(2*i))
			s.stop(hashN(1, i), peer4(2*i))
		}
		for len(s.budget.wake) > 0 {
			<-s.budget.wake
		}
		if s.makeRoom() || !s.wanted || s.Torrents() != limit {
			t.Errorf("%d torrents, checkpoint wanted: %v", s.Torrents(), s.wanted)
		}
		s.checkpoint()
		s.settle()
		if n := s.Torrents(); n > limit*31/32 || len(s.saved) != limit {
			t.Errorf("%d torrents after a checkpoint, %d records in the database", n, len(s.saved))
		}
	})
	t.Run("a torrent that a checkpoint has in hand stays", func(t *testing.T) {
		s := build(t, idle(4, limit, func(int) uint64 { return 1 }))
		s.complete(hashN(4, 0), honest(0))
		taken := s.TakeChanges(nil, 10)
		if s.makeRoom() || s.Torrents() != limit {
			t.Errorf("%d torrents during a checkpoint", s.Torrents())
		}
		s.write(taken)
		if !s.makeRoom() || s.Torrents() == limit {
			t.Errorf("%d torrents after it", s.Torrents())
		}
	})
}

// TestEvictorRuns has the evictor make room beside announces, as long as Run runs.
func TestEvictorRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRig(t, func(o *Options) { o.MaxTorrents = 100 })
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error)
		go func() { ran <- b.Run(ctx) }()
		for i := range 300 {
			b.leech(hashN(1, i), peer4(0))
			synctest.Wait()
		}
		if n := b.Torrents(); n > 100 || n < 90 {
			t.Errorf("%d torrents", n)
		}
		b.leech(hashN(2, 0), honest(0))
		time.Sleep(time.Second)
		if r := b.leech(hashN(2, 0), honest(0)); r.Leechers != 1 {
			t.Error("the newcomer is not in")
		}
		if e := b.Stats().Evicted; e[EvictedTorrents] == 0 {
			t.Errorf("evicted %v", e)
		}
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
}

// TestCountsOfEvictedTorrentsComeBack evicts completed torrents, has clients come
// back to them, and looks for a download that is not counted any more.
func TestCountsOfEvictedTorrentsComeBack(t *testing.T) {
	const torrents, limit = 3000, 1000
	s := newSiege(t, func(o *Options) { o.MaxTorrents = limit })
	rng := rand.New(rand.NewPCG(1, 2))
	counts := make(map[InfoHash]uint64)
	for i := range 40_000 {
		h, p := hashN(1, rng.IntN(torrents)), peer4(2*rng.IntN(1<<20))
		if r := s.complete(h, p); r.Leechers+r.Seeders > 0 {
			counts[h]++
		}
		s.stop(h, p)
		s.settle()
		if i%500 == 0 {
			s.checkpoint()
		}
	}
	s.checkpoint()
	for h, want := range counts {
		if got := s.saved[h].Downloaded; got != want {
			t.Errorf("%v has %d downloads, want %d", h, got, want)
		}
		if r, ok := s.Overview(h); ok && r.Downloaded != want {
			t.Errorf("%v has %d downloads in memory, want %d", h, r.Downloaded, want)
		}
	}
	if e := s.Stats().Evicted; e[EvictedRecords] < 10_000 || s.InFileAlone() != len(s.saved)-s.Torrents() {
		t.Errorf("evicted %v, %d records are in the database alone, said to be %d", e, len(s.saved)-s.Torrents(), s.InFileAlone())
	}
}
