package livesync

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/livesync/transport"
	"keeptrack/livesync/transport/memory"
	"keeptrack/livesync/wire"
	"keeptrack/livesync/wire/wiretest"
	"keeptrack/tracker"
)

// peerName is a peer in a torrent.
type peerName struct {
	torrent tracker.InfoHash
	peer    tracker.Peer
}

// peers returns what an instance has stored.
func (i *instance) peers() map[peerName]tracker.PeerState {
	all := make(map[peerName]tracker.PeerState)
	for some := range allPeers(i.tracker) {
		for _, s := range some {
			all[peerName{s.InfoHash, s.Peer}] = s
		}
	}
	return all
}

// newcomerWorld is a group that a newcomer joins.
type newcomerWorld struct {
	t     *testing.T
	seed  uint64
	rng   *rand.Rand
	net   *memory.Network
	link  memory.Link
	stops map[peerName]bool // stopped at the newcomer
	again map[peerName]bool // announced there
}

func newNewcomerWorld(t *testing.T, seed uint64, link memory.Link) *newcomerWorld {
	rng := rand.New(rand.NewPCG(seed, 5))
	packet := wire.SmallestPacket + rng.IntN(maxPacket-wire.SmallestPacket)
	n := memory.New(memory.Options{
		Seed: seed, Limits: transport.Limits{MaxPacket: packet, ReorderWindow: lanLimits.ReorderWindow}, Link: link, Broadcast: seed%2 == 0,
	})
	return &newcomerWorld{t: t, seed: seed, rng: rng, net: n, link: link, stops: make(map[peerName]bool), again: make(map[peerName]bool)}
}

// fill has an instance hear of peers over half an hour, each of which has announced,
// completed or paused.
func (w *newcomerWorld) fill(torrents, peers int, in ...*instance) {
	for k := range peers {
		for _, i := range in {
			i.announceSome(k%torrents, k, w.seed)
		}
		time.Sleep(30 * time.Minute / time.Duration(peers))
	}
}

// announceSome has a client announce; the same numbers do the same.
func (i *instance) announceSome(torrent, k int, seed uint64) {
	var h tracker.InfoHash
	binary.BigEndian.PutUint64(h[:], uint64(torrent+1)*0x9e3779b97f4a7c15)
	addr := netip.AddrFrom4([4]byte{10, byte(k >> 16), byte(k >> 8), byte(k)}).String()
	if k%3 == 0 {
		addr = fmt.Sprintf("[2001:db8::%x]", k)
	}
	rng := rand.New(rand.NewPCG(seed, uint64(k)))
	e := []tracker.Event{tracker.EventStarted, tracker.EventCompleted, tracker.EventPaused}[rng.IntN(3)]
	i.announce(h, addr+":6881", uint64(rng.IntN(2)), e)
}

// meanwhile has peers of the group stop at the newcomer, or announce there as seeders,
// while it gets them.
func (w *newcomerWorld) meanwhile(n *instance, all map[peerName]tracker.PeerState) {
	for name := range all {
		switch w.rng.IntN(20) {
		case 0:
			n.announce(name.torrent, name.peer.String(), 1, tracker.EventStopped)
			w.stops[name] = true
		case 1:
			if !w.stops[name] {
				n.announce(name.torrent, name.peer.String(), 0, tracker.EventNone)
				w.again[name] = true
			}
		}
		if w.rng.IntN(len(all)/50+1) == 0 {
			time.Sleep(time.Duration(w.rng.IntN(20)) * time.Millisecond)
		}
	}
}

// check compares what the newcomer has with what the mate had before it came. No peer is
// younger than at the mate, and so none lives longer.
func (w *newcomerWorld) check(n, mate *instance, before map[peerName]tracker.PeerState, passed time.Duration) {
	w.t.Helper()
	got, now, missing := n.peers(), mate.peers(), 0
	for name, want := range before {
		g, ok := got[name]
		switch {
		case w.stops[name]:
			if ok {
				w.t.Errorf("seed %d: %s stopped and is back", w.seed, name.peer)
			}
		case !ok:
			missing++
		case g.Flags&tracker.PeerCompleted != want.Flags&tracker.PeerCompleted:
			w.t.Errorf("seed %d: %s has flags %b, had %b", w.seed, name.peer, g.Flags, want.Flags)
		case w.again[name]:
			if g.Flags&tracker.PeerSeeds == 0 || g.Age > uint32(passed/time.Second)+2 {
				w.t.Errorf("seed %d: %s has announced since and is %+v", w.seed, name.peer, g)
			}
		case g.Flags != want.Flags || g.Age < now[name].Age || g.Age > want.Age+uint32(passed/time.Second)+5:
			w.t.Errorf("seed %d: %s is %+v, was %+v %s before", w.seed, name.peer, g, want, passed)
		}
	}
	if missing > 0 {
		w.t.Errorf("seed %d: %d of %d peers are missing, loss %.0f %%", w.seed, missing, len(before), 100*w.link.Loss)
	}
	if len(got) > len(before) {
		w.t.Errorf("seed %d: %d peers of %d", w.seed, len(got), len(before))
	}
	if s := n.tracker.Stats(); s.Completed > 0 {
		w.t.Errorf("seed %d: %d downloads are counted anew", w.seed, s.Completed)
	}
}

// lossy returns a link with loss, repetition and reordering.
func lossy(rng *rand.Rand) memory.Link {
	return memory.Link{
		Latency: time.Duration(rng.Int64N(int64(20 * time.Millisecond))), Jitter: time.Duration(rng.Int64N(int64(60*time.Millisecond))) + 1,
		Loss: rng.Float64() * 0.3, Duplicate: rng.Float64() * 0.3,
	}
}

// TestANewcomerGetsThePeersOfTheGroup: whatever the network does, within seconds a
// newcomer has every peer, without those that stop meanwhile.
func TestANewcomerGetsThePeersOfTheGroup(t *testing.T) {
	for seed := range uint64(testenv.Pick(100, 1000)) {
		t.Run(strconv.Itoa(int(seed)), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 4))
				w := newNewcomerWorld(t, seed, lossy(rng))
				o := defaults()
				if seed%3 == 0 {
					o.Keys = keysOf(t, 1)
					w.net = memory.New(memory.Options{Seed: seed, Limits: lanLimits, Link: w.link, Broadcast: seed%2 == 0})
				}
				o.PeerRate = MinPeerRate << rng.IntN(9)
				mate := start(t, w.net, o)
				w.fill(1+rng.IntN(50), 1+rng.IntN(500), mate)
				before := mate.peers()
				began := time.Now()
				n := startNewcomer(t, w.net, o)
				w.meanwhile(n, before)
				for n.filled().State != filled.String() && time.Since(began) < fillLongest {
					time.Sleep(100 * time.Millisecond)
				}
				synctest.Wait()
				w.check(n, mate, before, time.Since(began))
				if n.Filling() || n.filled().State != filled.String() {
					t.Errorf("seed %d: %+v after %s", seed, n.filled(), time.Since(began))
				}
				stopAll(t, mate, n)
			})
		})
	}
}

// TestAMateThatDiesIsReplaced stops the mate with most peers in the middle of its stream.
func TestAMateThatDiesIsReplaced(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			w := newNewcomerWorld(t, seed, lossy(rand.New(rand.NewPCG(seed, 6))))
			o := defaults()
			o.PeerRate = 20_000
			a, b := start(t, w.net, o), start(t, w.net, o)
			w.fill(100, 2000, a, b)
			a.announce(testHash, "192.0.2.1:1", 1, tracker.EventStarted) // the one more that has it asked
			before := b.peers()
			delete(before, peerName{testHash, tracker.MakePeer4([4]byte{192, 0, 2, 1}, 1)})
			n := startNewcomer(t, w.net, o)
			time.Sleep(500*time.Millisecond + time.Duration(w.rng.Int64N(int64(time.Second))))
			if err := a.port.Close(); err != nil {
				t.Error(err)
			}
			a.stop(t)
			for n.Filling() {
				time.Sleep(100 * time.Millisecond)
			}
			synctest.Wait()
			got := n.peers()
			for name := range before {
				if _, ok := got[name]; !ok {
					t.Errorf("seed %d: %s is missing; %+v", seed, name.peer, n.filled())
					break
				}
			}
			if from := n.filled(); from.State != filled.String() || *from.From != b.ID() {
				t.Errorf("seed %d: %+v, want from %s", seed, from, b.ID())
			}
			stopAll(t, b, n)
		})
	}
}

// TestOnesOwnSnapshotStays has a restarted instance with peers of its own get those of
// a mate: it has both then, and of those that both have the later announce.
func TestOnesOwnSnapshotStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork(1, lan)
		mate := start(t, net, defaults())
		name := func(last byte) peerName { return peerName{testHash, tracker.MakePeer4([4]byte{192, 0, 2, last}, 1)} }
		mate.announce(testHash, "192.0.2.1:1", 1, tracker.EventNone)
		mate.announce(testHash, "192.0.2.2:1", 1, tracker.EventNone)
		time.Sleep(10 * time.Minute)
		mate.announce(testHash, "192.0.2.3:1", 0, tracker.EventNone)
		n := prepare(t, net, defaults())
		n.tracker.RestorePeers(n.tracker.Instant(time.Now()), []tracker.PeerState{
			{InfoHash: testHash, Peer: name(2).peer, Age: 60, Flags: tracker.PeerSeeds | tracker.PeerCompleted},
			{InfoHash: testHash, Peer: name(3).peer, Age: 60},
			{InfoHash: testHash, Peer: name(4).peer, Age: 60},
		})
		n.run(t)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		got := n.peers()
		for last, want := range map[byte]tracker.PeerState{
			1: {Age: 602}, 2: {Age: 62, Flags: tracker.PeerSeeds | tracker.PeerCompleted}, 3: {Age: 2, Flags: tracker.PeerSeeds}, 4: {Age: 62},
		} {
			g, ok := got[name(last)]
			if !ok || g.Flags != want.Flags || g.Age < want.Age || g.Age > want.Age+4 {
				t.Errorf("peer %d: %+v, want %+v", last, g, want)
			}
		}
		if n.Filling() || len(got) != 4 {
			t.Errorf("%d peers, %+v", len(got), n.filled())
		}
		stopAll(t, mate, n)
	})
}

// TestPeersAreHeardOnlyByWhoAsked: others pass over a stream, and count nothing.
func TestPeersAreHeardOnlyByWhoAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNewcomerWorld(t, 2, lan) // as over multicast
		mate, third := startNewcomer(t, w.net, defaults()), startNewcomer(t, w.net, defaults())
		time.Sleep(fillLongest) // they have found each other
		w.fill(10, 100, mate)
		time.Sleep(time.Hour) // third has forgotten them
		w.fill(10, 100, mate)
		before := third.Stats()
		n := startNewcomer(t, w.net, defaults())
		time.Sleep(5 * time.Second)
		synctest.Wait()
		after := third.Stats()
		if n.Stats().PeersTaken < 100 || after.PeersTaken > 0 || after.In[wire.KindPeers].Packets > 0 || after.Drops != before.Drops {
			t.Errorf("the newcomer took %d peers in, another %d; it dropped %v", n.Stats().PeersTaken, after.PeersTaken, after.Drops)
		}
		stopAll(t, mate, third, n)
	})
}

// TestWithAKeyTheExtensionIsSealed: accept_plain is for other programs alone.
func TestWithAKeyTheExtensionIsSealed(t *testing.T) {
	for _, accept := range []bool{false, true} {
		o := sealed(keysOf(t, 1))
		o.AcceptPlain = accept
		i := quietNode(t, o)
		for _, name := range []string{"hello", "hello_asks", "peers_ask", "peers", "peers_end", "have_some"} {
			i.receive(wiretest.Packet(t, name), node, time.Now())
		}
		s := i.Stats()
		if s.Drops[DropPlain] != 6 || len(i.newcomer.fill.mates) > 0 || len(i.newcomer.telling) > 0 {
			t.Errorf("accept_plain %v: %d of 6 packets are dropped, mates %v", accept, s.Drops[DropPlain], i.newcomer.fill.mates)
		}
		i.receive(wiretest.Packet(t, "live_one_seed"), node, time.Now())
		if got := i.Stats().Drops[DropPlain]; accept != (got == 6) {
			t.Errorf("accept_plain %v: the original protocol's packet was dropped: %d drops", accept, got)
		}
	}
}

// TestStreamsAreBounded: one for each asker, and few at a time.
func TestStreamsAreBounded(t *testing.T) {
	i := newQuiet(t)
	now := time.Now()
	ask := func(asker byte, stream uint32, at time.Time) {
		from := transport.Named(strconv.Itoa(int(asker)))
		i.receive(wire.AppendAsk(nil, wire.ID{asker}, i.ID(), stream), from, at)
	}
	ask(1, 1, now)
	ask(1, 1, now) // again, because it has not heard yet
	if n := len(i.newcomer.telling); n != 1 || i.Stats().Drops[DropTooSoon] != 0 {
		t.Errorf("%d streams", n)
	}
	ask(1, 2, now.Add(time.Millisecond))
	if i.newcomer.telling[0].dropped || i.Stats().Drops[DropTooSoon] != 1 {
		t.Error("another stream begins at once")
	}
	ask(1, 3, now.Add(2*time.Second))
	i.endStreams(now.Add(2 * time.Second))
	if n := len(i.newcomer.telling); n != 1 || i.newcomer.telling[0].stream != 3 {
		t.Errorf("%d streams for one asker", n)
	}
	for asker := range byte(10) {
		ask(2+asker, 1, now.Add(2*time.Second))
	}
	if n := len(i.newcomer.telling); n != maxTelling {
		t.Errorf("%d streams, want %d", n, maxTelling)
	}
	i.endStreams(now.Add(2*time.Second + askerSilence))
	if n := len(i.newcomer.telling); n != 0 {
		t.Errorf("%d streams for askers that are gone", n)
	}
}

// TestTheStreamKeepsItsPace measures how long a stream takes. Ages go on while packets
// wait for it.
func TestTheStreamKeepsItsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNewcomerWorld(t, 1, lan)
		w.net = newNetwork(1, lan)
		o := defaults()
		o.PeerRate = MinPeerRate
		mate := start(t, w.net, o)
		w.fill(100, 8_000, mate)
		bytes := 0
		w.net.Tap(func(_ transport.Endpoint, p []byte) {
			if q, err := wire.Parse(p); err == nil && q.Kind == wire.KindPeers {
				bytes += len(p) + packetOverhead
			}
		})
		n := startNewcomer(t, w.net, o)
		for n.Filling() {
			time.Sleep(10 * time.Millisecond)
		}
		w.net.Tap(nil)
		from := n.filled()
		rate := float64(bytes) / from.Done.Sub(from.Began).Seconds()
		if rate > 1.01*float64(o.PeerRate) || rate < 0.9*float64(o.PeerRate) {
			t.Errorf("%d bytes in %s, %.0f bytes/s of %d", bytes, from.Done.Sub(from.Began), rate, o.PeerRate)
		}
		got := n.peers()
		for name, want := range mate.peers() {
			if got[name].Age < want.Age || got[name].Age > want.Age+5 {
				t.Fatalf("%s is %d s old here, %d at the mate", name.peer, got[name].Age, want.Age)
			}
		}
		stopAll(t, mate, n)
	})
}

// FuzzReceiveExtension: whatever comes, nothing of this instance breaks.
func FuzzReceiveExtension(f *testing.F) {
	for _, g := range wiretest.Goldens(f) {
		f.Add(g.Packet, g.Packet)
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		synctest.Test(t, func(t *testing.T) {
			i := newQuiet(t)
			now := time.Now()
			for _, b := range [][]byte{first, second, first} {
				i.receive(b, node, now)
				i.fillDue(now)
				now = now.Add(gatherFor)
			}
			i.newcomer.mu.Lock()
			defer i.newcomer.mu.Unlock()
			if len(i.newcomer.telling) > maxTelling || len(i.newcomer.fill.mates) > 2 {
				t.Errorf("%d streams, %d mates", len(i.newcomer.telling), len(i.newcomer.fill.mates))
			}
		})
	})
}
