package livesync

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"keeptrack/livesync/wire"
)

var replayNow = time.Unix(1_800_000_000, 0)

// expectAccepted has r accept, or refuse, a packet sealed after a time.
func expectAccepted(t *testing.T, r *replays, from wire.ID, after time.Duration, want Drop) {
	t.Helper()
	if got := r.accept(from, stamp(replayNow.Add(after)), replayNow); got != want {
		t.Errorf("from %s, sealed after %s: %s, want %s", from, after, got, want)
	}
}

func TestEverySequenceIsAcceptedOnce(t *testing.T) {
	r := newReplays(nil)
	rng := rand.New(rand.NewPCG(1, 1))
	order := make([]uint64, 100_000)
	for i := range order {
		order[i] = stamp(replayNow) + uint64(i*1000)
	}
	for some := range slices.Chunk(order, window) {
		rng.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
	}
	for i, n := range order {
		if drop := r.accept(wire.ID{1}, n, replayNow); drop != DropNone {
			t.Fatalf("sequence %d of %d, reordered: %s", i, len(order), drop)
		}
		again := order[rng.IntN(i+1)]
		if drop := r.accept(wire.ID{1}, again, replayNow); drop != DropSealedReplayed {
			t.Fatalf("sequence %d again: %s", again, drop)
		}
	}
}

func TestAPacketThatManyHaveOvertakenIsRefused(t *testing.T) {
	r := newReplays(nil)
	for i := range 2 * window {
		expectAccepted(t, r, wire.ID{1}, time.Second+time.Duration(i), DropNone)
	}
	expectAccepted(t, r, wire.ID{1}, time.Second-1, DropSealedReplayed)
	expectAccepted(t, r, wire.ID{2}, time.Second-1, DropNone) // they are another's
}

func TestPacketsFarFromTheClockAreRefused(t *testing.T) {
	r := newReplays(nil)
	expectAccepted(t, r, wire.ID{1}, -MaxSkew-1, DropSealedStale)
	expectAccepted(t, r, wire.ID{1}, MaxSkew+1, DropSealedStale)
	expectAccepted(t, r, wire.ID{1}, -MaxSkew, DropNone)
	expectAccepted(t, r, wire.ID{1}, MaxSkew, DropNone)
	expectAccepted(t, r, wire.ID{1}, 0, DropNone) // in between
	if drop := r.accept(wire.ID{1}, 0, replayNow); drop != DropSealedStale {
		t.Error(drop)
	}
	if drop := r.accept(wire.ID{1}, ^uint64(0), replayNow); drop != DropSealedStale {
		t.Error(drop)
	}
}

func TestReplayFloorsRefuseWhatWasAcceptedBefore(t *testing.T) {
	r := newReplays(nil)
	for i := range maxSenders + 10 { // ten too many
		expectAccepted(t, r, wire.ID{byte(i >> 8), byte(i), 1}, time.Duration(i)*time.Millisecond, DropNone)
	}
	r = newReplays(r.floors())
	for i := range maxSenders + 10 {
		id, at := wire.ID{byte(i >> 8), byte(i), 1}, time.Duration(i)*time.Millisecond
		expectAccepted(t, r, id, at, DropSealedReplayed)
		expectAccepted(t, r, id, at-1, DropSealedReplayed)
	}
	expectAccepted(t, r, wire.ID{0, 100, 1}, 100*time.Millisecond+1, DropNone)
	expectAccepted(t, r, wire.ID{9}, 9*time.Millisecond, DropSealedReplayed) // not after the last one forgotten
	expectAccepted(t, r, wire.ID{9}, 11*time.Millisecond, DropNone)
}

func TestForgettingASenderReopensNothing(t *testing.T) {
	r := newReplays(nil)
	for i := range 4 * maxSenders {
		expectAccepted(t, r, wire.ID{byte(i >> 8), byte(i), 1}, time.Duration(i), DropNone)
	}
	if len(r.senders) != maxSenders || len(r.floors()) != maxSenders+1 {
		t.Errorf("%d senders remembered, %d floors", len(r.senders), len(r.floors()))
	}
	for i := range 4 * maxSenders {
		expectAccepted(t, r, wire.ID{byte(i >> 8), byte(i), 1}, time.Duration(i), DropSealedReplayed)
	}
}

func TestSequencesRise(t *testing.T) {
	var s sequence
	at := func(after time.Duration) uint64 { return s.next(replayNow.Add(after)) }
	first := at(0)
	if first != stamp(replayNow) {
		t.Errorf("begins with %d", first)
	}
	if got := at(0); got != first+1 {
		t.Errorf("at the same time %d after %d", got, first)
	}
	if got := at(-time.Minute); got != first+2 {
		t.Errorf("with the clock set back a minute %d after %d", got, first)
	}
	if got := at(time.Hour); got != stamp(replayNow.Add(time.Hour)) {
		t.Errorf("an hour later %d", got)
	}
	if got := at(0); got != first {
		t.Errorf("with the clock set right by an hour %d, want %d", got, first)
	}
	if got := s.next(time.Unix(-1, 0)); got != 0 {
		t.Errorf("before 1970: %d", got)
	}
}
