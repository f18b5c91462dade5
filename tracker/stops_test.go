package tracker

import (
	"math/rand/v2"
	"testing"
	"time"
)

// told is a peer of hashA as another instance tells it.
func told(p Peer, age uint32, f PeerFlags) []PeerState {
	return []PeerState{{InfoHash: hashA, Peer: p, Age: age, Flags: f}}
}

func TestTakePeers(t *testing.T) {
	const age = 100 // seconds, as many ticks
	live := func(f SyncFlags) func(b *rig) { return func(b *rig) { b.sync(hashA, peer4(1), f) } }
	for _, c := range []struct {
		name   string
		before func(b *rig)
		want   Restored
		counts Counts
	}{
		{"unknown", func(*rig) {}, Restored{Stored: 1}, Counts{Seeders: 1}},
		{"refused", func(b *rig) { b.SetAccess(&Access{Mode: AccessDeny, Added: hashSet(hashA)}) }, Restored{Refused: 1}, Counts{}},
		{"stopped here", func(b *rig) { b.stop(hashA, peer4(1)) }, Restored{Stopped: 1}, Counts{}},
		{"stopped here, of a known torrent", func(b *rig) { b.leech(hashA, peer4(9)); b.stop(hashA, peer4(1)) },
			Restored{Stopped: 1}, Counts{Leechers: 1, Downloaders: 1}},
		{"stopped elsewhere", live(SyncStopped), Restored{Stopped: 1}, Counts{}},
		{"stopped when it announced", func(b *rig) { b.stop(hashA, peer4(1)); b.advance(age * time.Second) }, Restored{Stopped: 1}, Counts{}},
		{"stopped before it announced", func(b *rig) { b.stop(hashA, peer4(1)); b.advance((age + 1) * time.Second) }, Restored{Stored: 1}, Counts{Seeders: 1}},
		{"stopped twice", func(b *rig) { b.stop(hashA, peer4(1)); b.advance(200 * time.Second); b.stop(hashA, peer4(1)) }, Restored{Stopped: 1}, Counts{}},
		{"stopped by another address", func(b *rig) { b.stop(hashA, peer4(2)) }, Restored{Stored: 1}, Counts{Seeders: 1}},
		{"stopped in another torrent", func(b *rig) { b.stop(hashB, peer4(1)) }, Restored{Stored: 1}, Counts{Seeders: 1}},
		{"stopped and forgotten", func(b *rig) { b.stop(hashA, peer4(1)); b.RememberStops(false) }, Restored{Stored: 1}, Counts{Seeders: 1}},
		{"stopped without being stored", func(b *rig) {
			b.announce(hashA, peer4(1), func(a *Announce) { a.Event, a.Through = EventStopped, RejectedAddress })
		}, Restored{Stored: 1}, Counts{Seeders: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, nil)
			b.RememberStops(true)
			c.before(b)
			b.published = nil
			if got := b.TakePeers(b.now(), told(peer4(1), age, PeerSeeds)); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
			b.wantScrape(hashA, c.counts)
			if len(b.published) > 0 || b.Stats().Completed > 0 {
				t.Errorf("%d peers published, %d downloads counted", len(b.published), b.Stats().Completed)
			}
		})
	}
}

func TestPeersThatNobodyCouldReachAreNotTaken(t *testing.T) {
	b := newRig(t, nil)
	for _, p := range []Peer{MakePeer4([4]byte{224, 0, 0, 1}, 1), MakePeer4([4]byte{8, 8, 8, 8}, 0)} {
		if got := b.TakePeers(b.now(), told(p, 1, 0)); got != (Restored{BadPeer: 1}) {
			t.Errorf("%s: %+v", p, got)
		}
	}
	if n := b.Torrents(); n != 0 {
		t.Errorf("%d torrents", n)
	}
}

func TestStopsThatAreRememberedAreBounded(t *testing.T) {
	b := newRig(t, nil)
	b.RememberStops(true)
	for n := range maxStops + 100 {
		b.stop(hashA, peer4(n))
	}
	if n := len(b.shard(&hashA).stops.at); n != maxStops {
		t.Errorf("%d stops, want %d", n, maxStops)
	}
	b.advance(time.Second)
	b.stop(hashA, peer4(0)) // known ones go on
	if got := b.TakePeers(b.now(), told(peer4(0), 1, 0)); got.Stopped != 1 {
		t.Errorf("%+v", got)
	}
}

// TestTakingPeersCommutes has clients announce and stop at one tracker, of which another
// hears by live sync, and tells the first one's peers to it at a random moment in
// between, as of a while before. In the end both have the same peers, with the same
// roles, and each download is counted once.
func TestTakingPeersCommutes(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 3))
		a, b := newRig(t, nil), newRig(t, nil)
		b.RememberStops(true)
		var states []PeerState // a's, as of taken
		var taken time.Time
		for step := range 60 {
			if step == 20 {
				states, taken = a.states(), a.time
				rng.Shuffle(len(states), func(i, j int) { states[i], states[j] = states[j], states[i] })
			}
			a.published = nil
			a.announce(hashN(byte(rng.IntN(3)), 0), peerN(Family(rng.IntN(2)), rng.IntN(6)), func(x *Announce) {
				x.Left, x.Event = uint64(rng.IntN(2)), []Event{EventNone, EventCompleted, EventStopped}[rng.IntN(3)]
			})
			for i := range a.published {
				if step >= 10 { // b starts then
					b.ApplySync(b.now(), &a.published[i])
				}
			}
			wait := time.Duration(rng.IntN(700)) * time.Second / 10
			a.advance(wait)
			b.advance(wait)
			for ; step > 20 && len(states) > 0 && (rng.IntN(3) == 0 || step == 59); states = states[1:] {
				states[0].Age += uint32((b.time.Sub(taken) + time.Second - 1) / time.Second)
				b.TakePeers(b.now(), states[:1])
			}
		}
		got, want := byName(t, b.states()), byName(t, a.states())
		for name, w := range want {
			// What is published anew after ten minutes is younger at the sender meanwhile.
			if g, ok := got[name]; !ok || g.Flags&PeerSeeds != w.Flags&PeerSeeds || g.Age+1 < w.Age {
				t.Errorf("seed %d: %+v, want %+v", seed, g, w)
			}
		}
		if len(got) != len(want) {
			t.Errorf("seed %d: %d peers, want %d", seed, len(got), len(want))
		}
	}
}

func TestIntervalsAreShortUntilPeersHaveCome(t *testing.T) {
	for _, c := range []struct {
		name          string
		interval      time.Duration
		least         time.Duration
		interval5min  uint32
		minimal       uint32
		intervalAfter uint32
	}{
		{"default", 30 * time.Minute, 15 * time.Minute, 300, 300, 1800},
		{"shorter", 2 * time.Minute, time.Minute, 120, 60, 120},
	} {
		b := newRig(t, func(o *Options) {
			o.AnnounceInterval, o.IntervalJitter, o.MinAnnounceInterval = c.interval, 0, c.least
		})
		b.SetFilling(true)
		if r := b.leech(hashA, peer4(1)); r.Interval != c.interval5min || r.MinInterval != c.minimal {
			t.Errorf("%s: interval %d, min interval %d", c.name, r.Interval, r.MinInterval)
		}
		b.SetFilling(false)
		if r := b.leech(hashA, peer4(1)); r.Interval != c.intervalAfter {
			t.Errorf("%s: interval %d afterwards", c.name, r.Interval)
		}
	}
}
