package livesync

import (
	"math/rand/v2"
	"testing"
	"time"
)

// queued returns a stream of n packets that are ripe at began.
func queuedStream(n int, began time.Time) *outgoing {
	o := &outgoing{began: began, heard: began, whole: true}
	for range n {
		o.queue = append(o.queue, &sent{ripe: began})
	}
	return o
}

func TestAStreamGoesOn(t *testing.T) {
	began := time.Unix(1e9, 0)
	at := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	o := queuedStream(3, at(10))
	o.heard = began
	if s, wait := o.next(began); s != nil || wait != at(10) {
		t.Fatalf("sent %v before it is ripe, wait until %s", s, wait)
	}
	var packets []*sent
	for range 3 {
		s, _ := o.next(at(10))
		packets = append(packets, s)
	}
	if s, wait := o.next(at(10)); s != nil || wait != at(10).Add(repeatAfter) {
		t.Fatalf("after the last packet: %v, wait until %s", s, wait)
	}
	o.have(3, []uint32{1}, at(100))
	if s, _ := o.next(at(100)); s != nil {
		t.Error("sent again while it may be on its way")
	}
	o.have(3, []uint32{1}, at(200))
	o.have(3, []uint32{1}, at(200))
	if s, _ := o.next(at(200)); s != packets[1] {
		t.Error("the lost packet is not sent again")
	}
	if s, _ := o.next(at(200)); s != nil || o.resent != 1 {
		t.Errorf("%v is sent as well, %d sent again", s, o.resent)
	}
	if s, _ := o.next(at(200).Add(repeatAfter)); s != packets[1] {
		t.Error("nothing is sent although nothing is heard")
	}
	o.have(4, nil, at(600))
	if o.over() || o.heard != at(200) {
		t.Error("what was never sent is said to have arrived, and believed")
	}
	o.have(3, nil, at(700))
	if !o.over() {
		t.Error("all has arrived, and the stream is not over")
	}
}

func TestAStreamWaitsForItsAsker(t *testing.T) {
	began := time.Unix(1e9, 0)
	o := queuedStream(streamWindow+10, began)
	sends := 0
	for _, want := range []int{firstWindow, streamWindow} {
		for s, _ := o.next(began); s != nil; s, _ = o.next(began) {
			sends++
		}
		if sends != want {
			t.Errorf("%d packets are underway, want %d", sends, want)
		}
		o.have(0, nil, began)
	}
	o.have(5, nil, began)
	for s, _ := o.next(began); s != nil; s, _ = o.next(began) {
		sends++
	}
	if sends != streamWindow+5 {
		t.Errorf("%d packets were sent, want %d", sends, streamWindow+5)
	}
}

// TestWhatIsSaidLate has two packets that say what has arrived overtake each other.
func TestWhatIsSaidLate(t *testing.T) {
	began := time.Unix(1e9, 0)
	o := queuedStream(5, began)
	for range 5 {
		o.next(began)
	}
	o.have(5, []uint32{3}, began)
	o.have(4, []uint32{1, 3}, began)
	if o.base != 3 || o.flight[3] == nil {
		t.Errorf("all below %d have arrived, want 3", o.base)
	}
}

// TestEveryPacketArrives loses packets both ways, and has some that say what has
// arrived come late.
func TestEveryPacketArrives(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 2))
		loss := rng.Float64() * 0.4
		now := time.Unix(1e9, 0)
		n := 1 + rng.IntN(10_000)
		o := queuedStream(n, now)
		numbers := make(map[*sent]uint32)
		for i, s := range o.queue {
			numbers[s] = uint32(i)
		}
		var a arrived
		var late []uint32
		lateEnd := uint32(0)
		steps := 0
		for ; !o.over() && steps < 1000; steps++ {
			for range 200 {
				s, _ := o.next(now)
				if s == nil {
					break
				}
				if k := numbers[s]; rng.Float64() >= loss && a.fresh(k) {
					a.add(k)
				}
			}
			if now = now.Add(haveEvery); rng.Float64() >= loss {
				missing, end := a.missing(300)
				o.have(end, missing, now)
				if late != nil {
					o.have(lateEnd, late, now)
				}
				if late = nil; rng.IntN(4) == 0 {
					late, lateEnd = missing, end
				}
			}
			if !now.Before(o.gone()) {
				t.Fatalf("seed %d: the asker counts as gone", seed)
			}
		}
		if int(a.below) != n || !o.over() {
			t.Errorf("seed %d: %d of %d packets have arrived after %d steps at %.0f %% loss", seed, a.below, n, steps, 100*loss)
		}
	}
}
