package livesync

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/livesync/transport"
	"keeptrack/livesync/transport/memory"
	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// sealed are the default options with keys.
func sealed(k *wire.Keys) Options {
	o := defaults()
	o.Keys = k
	return o
}

// reach waits until what was announced has reached every instance.
func reach() {
	time.Sleep(defaults().MaxDelay + lan.Latency)
	synctest.Wait()
}

func TestKeysDecideWhoIsHeard(t *testing.T) {
	ours, other := keysOf(t, 1), keysOf(t, 2)
	both := sealed(ours)
	both.AcceptPlain = true
	for name, tt := range map[string]struct {
		from, to Options
		drop     Drop // DropNone: heard
	}{
		"the same key":                           {sealed(ours), sealed(keysOf(t, 1)), DropNone},
		"another key":                            {sealed(other), sealed(ours), DropSealedBad},
		"plain, to one with a key":               {defaults(), sealed(ours), DropPlain},
		"plain, to one that accepts":             {defaults(), both, DropNone},
		"sealed, to one that accepts plain":      {sealed(ours), both, DropNone},
		"another key, to one that accepts plain": {sealed(other), both, DropSealedBad},
		"sealed, to one without":                 {sealed(ours), defaults(), DropNoKey},
		"before a change":                        {sealed(ours), sealed(keysOf(t, 1, 2)), DropNone},
		"after a change":                         {sealed(other), sealed(keysOf(t, 1, 2)), DropNone},
		"during a change":                        {sealed(keysOf(t, 2, 1)), sealed(ours), DropSealedBad},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(1, lan)
				from, to := start(t, n, tt.from), start(t, n, tt.to)
				from.announce(testHash, "192.0.2.1:6881", 0, tracker.EventStarted)
				reach()
				want := Stats{}
				if tt.drop == DropNone {
					want.In[wire.KindLive] = Traffic{1, 1}
				} else {
					want.Drops[tt.drop] = 1
				}
				if got := to.Stats(); got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
				if got := to.counts(testHash).Seeders == 1; got != (tt.drop == DropNone) {
					t.Errorf("heard: %t", got)
				}
				from.stop(t)
				to.stop(t)
			})
		})
	}
}

func TestKeysAreCounted(t *testing.T) {
	for want, o := range []Options{defaults(), sealed(keysOf(t, 1)), sealed(keysOf(t, 1, 2))} {
		if got := newSealing(&o, maxPacket).keyCount(); got != want {
			t.Errorf("%d keys, want %d", got, want)
		}
	}
}

func TestKeysAreChangedWithoutLosingAPacket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(1, lan)
		all := []*instance{start(t, n, sealed(keysOf(t, 1))), start(t, n, sealed(keysOf(t, 1))), start(t, n, sealed(keysOf(t, 1)))}
		port := 0
		for _, keys := range []*wire.Keys{keysOf(t, 1, 2), keysOf(t, 2, 1), keysOf(t, 2)} {
			for _, changed := range all {
				changed.SetKeys(keys)
				for _, i := range all {
					port++
					i.announce(testHash, fmt.Sprintf("192.0.2.1:%d", port), 0, tracker.EventStarted)
				}
				reach()
				for k, i := range all {
					if got := i.counts(testHash).Seeders; got != uint32(port) {
						t.Fatalf("instance %d has %d of %d peers", k, got, port)
					}
				}
			}
		}
		for _, i := range all {
			i.stop(t)
		}
	})
}

func TestSealedPacketsFitTheLimit(t *testing.T) {
	for _, limit := range []int{maxPacket, wire.SmallestPacket + wire.SealOverhead} {
		synctest.Test(t, func(t *testing.T) {
			o := sealed(keysOf(t, 1))
			n := memory.New(memory.Options{Limits: transport.Limits{MaxPacket: limit}, Link: lan})
			longest := 0
			n.Tap(func(_ transport.Endpoint, p []byte) {
				if longest = max(longest, len(p)); len(p) > limit || !wire.Sealed(p) {
					t.Errorf("%d bytes sent, type %x", len(p), p[4:8])
				}
			})
			a := start(t, n, o, testRecords(100)...)
			b := start(t, n, o)
			for p := range 100 {
				a.announce(testHash, fmt.Sprintf("192.0.2.1:%d", p+1), 0, tracker.EventStarted)
				a.announce(testHash, fmt.Sprintf("[2001:db8::1]:%d", p+1), 0, tracker.EventStarted)
			}
			time.Sleep(2 * time.Hour) // the tell included
			synctest.Wait()
			if got := b.Stats().In; got[wire.KindLive].Records != 100 || got[wire.KindLive6].Records != 100 || got[wire.KindTell].Records < 100 {
				t.Errorf("received %+v", got)
			}
			if longest <= limit-wire.Live6Size {
				t.Errorf("the longest packet has %d bytes, where %d fit", longest, limit)
			}
			a.stop(t)
			b.stop(t)
		})
	}
}

func TestAReplayChangesNothingBeforeOrAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(1, lan)
		var heard [][]byte
		n.Tap(func(_ transport.Endpoint, p []byte) { heard = append(heard, bytes.Clone(p)) })
		o := sealed(keysOf(t, 1))
		a, b := start(t, n, o), start(t, n, o)
		a.announce(testHash, "192.0.2.1:6881", 1, tracker.EventStarted)
		a.announce(testHash, "192.0.2.1:6881", 0, tracker.EventCompleted)
		reach()
		a.announce(testHash, "192.0.2.1:6881", 0, tracker.EventStopped)
		reach()
		n.Tap(nil)
		mallory := n.Join()
		replay := func(to *instance) {
			t.Helper()
			before := to.Stats().In
			for _, p := range heard {
				if err := mallory.Send(transport.All, p); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(lan.Latency)
			synctest.Wait()
			if got := to.Stats(); got.In != before || got.Drops[DropSealedReplayed] != uint64(len(heard)) {
				t.Errorf("took %+v, before %+v; refused %d of %d", got.In, before, got.Drops[DropSealedReplayed], len(heard))
			}
			if got := to.counts(testHash); got != (tracker.Counts{Downloaded: 1}) {
				t.Errorf("counts %+v", got)
			}
		}
		replay(b)
		b.stop(t)
		o.ReplayFloors = b.ReplayFloors()
		b = start(t, n, o, slices.Collect(b.tracker.Records(tracker.InfoHash{}))...)
		time.Sleep(time.Second) // still fresh
		replay(b)
		a.announce(testHash, "192.0.2.1:6882", 0, tracker.EventStarted)
		reach()
		if got := b.counts(testHash); got != (tracker.Counts{Seeders: 1, Downloaded: 1}) {
			t.Errorf("after the restart a new peer makes %+v", got)
		}
		a.stop(t)
		b.stop(t)
	})
}

// TestAnInstanceDoesNotTakeItsOwnPacketsAfterARestart replays what an instance
// told before it crashed, when it has another id. The download was counted
// before the last checkpoint and told after it.
func TestAnInstanceDoesNotTakeItsOwnPacketsAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(1, lan)
		var heard [][]byte
		n.Tap(func(_ transport.Endpoint, p []byte) { heard = append(heard, bytes.Clone(p)) })
		o := sealed(keysOf(t, 1))
		a := start(t, n, o)
		a.announce(testHash, "192.0.2.1:6881", 0, tracker.EventCompleted)
		o.ReplayFloors = a.ReplayFloors()
		records := slices.Collect(a.tracker.Records(tracker.InfoHash{}))
		reach()
		if len(heard) != 1 {
			t.Fatalf("%d packets", len(heard))
		}
		a.stop(t)
		a = start(t, n, o, records...)
		for _, p := range heard {
			if err := n.Join().Send(transport.All, p); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(lan.Latency)
		synctest.Wait()
		if got := a.counts(testHash); got != (tracker.Counts{Downloaded: 1}) || a.Stats().Drops[DropSealedReplayed] != 1 {
			t.Errorf("counts %+v, drops %v", got, a.Stats().Drops)
		}
		a.stop(t)
	})
}

func TestAnotherClockIsRefusedAndSaidOnceAnHour(t *testing.T) {
	i, k := newSealed(t, keysOf(t, 1)), keysOf(t, 1)
	var log bytes.Buffer
	i.options.Log = zerolog.New(&log)
	now := time.Now()
	for n := range 10 {
		at := now.Add(-MaxSkew - time.Second)
		if n%2 == 0 {
			at = now.Add(MaxSkew + time.Second)
		}
		i.receive(sealAt(k, livePacket(n), at.Add(time.Duration(n))), node, now)
	}
	if got := i.Stats().Drops[DropSealedStale]; got != 10 || i.tracker.Torrents() > 0 {
		t.Errorf("%d refused, %d torrents", got, i.tracker.Torrents())
	}
	if lines := bytes.Count(log.Bytes(), []byte("Are the clocks right?")); lines != 1 {
		t.Errorf("said %d times", lines)
	}
	i.receive(sealAt(k, livePacket(1), now), node, now.Add(complainEvery))
	if lines := bytes.Count(log.Bytes(), []byte("Are the clocks right?")); lines != 2 {
		t.Errorf("said %d times after an hour", lines)
	}
}

func TestAClockWithinTheSkewIsHeard(t *testing.T) {
	for _, skew := range []time.Duration{-MaxSkew + time.Second, MaxSkew - time.Second} {
		i, now := newSealed(t, keysOf(t, 1)), time.Now()
		i.receive(sealAt(keysOf(t, 1), livePacket(1), now.Add(skew)), node, now)
		if got := i.Stats().In[wire.KindLive].Packets; got != 1 {
			t.Errorf("a clock %s off is not heard", skew)
		}
	}
}
