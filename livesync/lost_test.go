package livesync

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/livesync/transport/memory"
	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// TestLostPeersComeBack has peers announce, change and stop at three instances while
// packets are lost, repeated and reordered, and the network is cut in two for a while. Within
// two beacon intervals every instance has the same peers, and no other.
func TestLostPeersComeBack(t *testing.T) {
	for seed := range uint64(testenv.Pick(12, 200)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 11))
				o := defaults()
				if seed%3 == 0 {
					o.Keys = keysOf(t, 1)
				}
				n := memory.New(memory.Options{Seed: seed, Limits: lanLimits, Link: lan, Broadcast: seed%2 == 0})
				all := lostWorld{start(t, n, o), start(t, n, o), start(t, n, o)}
				all[0].announce(tracker.InfoHash{1}, "192.0.2.1:1", 1, tracker.EventStarted) // so that each is heard once
				all[1].announce(tracker.InfoHash{1}, "192.0.2.1:2", 1, tracker.EventStarted)
				all[2].announce(tracker.InfoHash{1}, "192.0.2.1:3", 1, tracker.EventStarted)
				time.Sleep(20 * time.Second)
				n.SetAll(lossy(rng))
				last := make(map[string]time.Time)
				for k := range 3000 {
					if k == 1000 || k == 2000 {
						cut := lossy(rng)
						cut.Cut = k == 1000
						n.SetLink(all[0].port, all[1].port, cut)
						n.SetLink(all[0].port, all[2].port, cut)
					}
					h, peer := tracker.InfoHash{byte(rng.IntN(20))}, fmt.Sprintf("192.0.2.%d:%d", 1+rng.IntN(40), 100+rng.IntN(10))
					now := time.Now()
					if now.Sub(last[peer+h.String()]) < 3*o.MaxDelay {
						continue // no client stops here and starts there in the same second
					}
					last[peer+h.String()] = now
					all.announce(h, peer, rng.IntN(5) == 0, uint64(rng.IntN(2)), rng.IntN(3))
					time.Sleep(time.Duration(rng.IntN(40)) * time.Millisecond)
				}
				time.Sleep(2 * o.BeaconInterval)
				synctest.Wait()
				// One that lacks a stop tells of the peer once more if it is asked just then, and
				// announces cross stops on their way.
				const most = 5
				want := all[0].peers()
				for k, i := range all[1:] {
					lacks, many := difference(want, i.peers())
					if lacks > most || many > most || len(want) < 1500 {
						t.Errorf("seed %d: instance %d lacks %d of %d peers and has %d too many", seed, k+1, lacks, len(want), many)
					}
				}
				stopAll(t, all...)
			})
		})
	}
}

// TestPeersComeBackAfterALongPartition: the packets of the first minutes are not kept any
// more when it is over.
func TestPeersComeBackAfterALongPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := defaults()
		n := memory.New(memory.Options{Seed: 1, Limits: lanLimits, Link: lan, Broadcast: true})
		all := lostWorld{startNewcomer(t, n, o), startNewcomer(t, n, o), startNewcomer(t, n, o)}
		for k := range all {
			all.announce(tracker.InfoHash{1}, fmt.Sprintf("192.0.2.%d:1", k+1), false, 1, k)
		}
		time.Sleep(20 * time.Second)
		cut := lan
		cut.Cut = true
		for _, i := range all[1:] {
			n.SetLink(all[0].port, i.port, cut)
			n.SetLink(i.port, all[0].port, cut)
		}
		for k := range 900 {
			all.announce(tracker.InfoHash{byte(k)}, fmt.Sprintf("192.0.2.%d:%d", 4+k%40, 100+k), false, 1, k%3)
			time.Sleep(time.Second)
		}
		n.SetAll(lan)
		time.Sleep(3 * o.BeaconInterval)
		synctest.Wait()
		want := all[0].peers()
		for k, i := range all[1:] {
			if lacks, many := difference(want, i.peers()); lacks+many > 0 || len(want) != 903 {
				t.Errorf("instance %d lacks %d of %d peers and has %d too many", k+1, lacks, len(want), many)
			}
		}
		stopAll(t, all...)
	})
}

// TestAStopThatCameTooLate tells of one from before the peer completed: it is published
// again, as completed for those who keep that flag, and nobody counts a download for it.
func TestAStopThatCameTooLate(t *testing.T) {
	i := quietMember(t, defaults())
	i.announce(testHash, "8.8.8.8:1", 0, tracker.EventCompleted)
	i.outbox.flush(func(wire.Kind, []byte) {})
	stop := wire.LivePeer{SyncRecord: tracker.SyncRecord{InfoHash: testHash, Peer: peerOf("8.8.8.8:1"), Flags: tracker.SyncStopped}, Ago: time.Minute}
	now := time.Now()
	i.receive(wire.AppendLiveStops(nil, wire.ID{1}, []wire.LivePeer{stop}), node, now)
	var packets [][]byte
	i.outbox.flush(func(_ wire.Kind, p []byte) { packets = append(packets, bytes.Clone(p)) })
	i.tellStops(make([]byte, 0, maxPacket), now.Add(time.Minute))
	packets = append(packets, i.lost.published.open.data)
	for _, other := range []*instance{quietMember(t, defaults()), newQuiet(t)} {
		for k, p := range packets {
			copy(p, []byte{9}) // not the other's own id
			other.receive(p, node, now)
			states := other.peers()
			if len(states) != 1 {
				t.Fatalf("packet %d: %d peers", k, len(states))
			}
			for _, s := range states {
				if s.Flags&tracker.PeerSeeds == 0 || (s.Flags&tracker.PeerCompleted != 0) != (k == 1) {
					t.Errorf("packet %d: %+v", k, s)
				}
			}
		}
		if c := other.counts(testHash); c.Downloaded != 0 {
			t.Errorf("%d downloads are counted", c.Downloaded)
		}
	}
}

// TestStopsDoNotWaitForSearches: clients' announces, which hold the lock of a shard, tell
// stops.
func TestStopsDoNotWaitForSearches(t *testing.T) {
	i := newQuiet(t)
	i.lost.mu.Lock()
	defer i.lost.mu.Unlock()
	i.announce(testHash, "8.8.8.8:1", 0, tracker.EventStopped)
	if n := len(i.lost.stray.waiting); n != 1 {
		t.Errorf("%d stops wait", n)
	}
}

// lostWorld are instances at which clients announce.
type lostWorld []*instance

// announce has a peer announce or stop at an instance, which may not have heard of it.
func (w lostWorld) announce(h tracker.InfoHash, peer string, stops bool, left uint64, at int) {
	event := tracker.EventNone
	if stops {
		event = tracker.EventStopped
	}
	w[at].announce(h, peer, left, event)
}

// difference counts the peers that only one has.
func difference(want, got map[peerName]tracker.PeerState) (lacks, many int) {
	for name := range want {
		if _, ok := got[name]; !ok {
			lacks++
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			many++
		}
	}
	return lacks, many
}
