package livesync

import (
	"math/rand/v2"
	"testing"
	"time"
)

// numbers is a queue of numbers, each for somebody with a letter.
type numbers = fairQueue[byte, uint64]

// drainQueue returns what waits in the order in which it goes out.
func drainQueue(q *numbers) (to []byte, all []uint64) {
	q.pace.interval = 0
	for {
		of, n, ok, _ := q.next(time.Now())
		if !ok {
			return to, all
		}
		to, all = append(to, of), append(all, n)
	}
}

func TestMembersTakeTurns(t *testing.T) {
	r := newFairQueue[byte, uint64](1000, 10)
	for n := range uint64(3) {
		r.add('a', n)
	}
	r.add('b', 10)
	r.add('c', 20)
	r.add('c', 21)
	to, numbers := drainQueue(&r)
	if string(to) != "abcaca" {
		t.Errorf("went to %q: %d", to, numbers)
	}
	if len(r.of) > 0 || len(r.turns) > 0 {
		t.Errorf("left over: %+v", r)
	}
}

// TestWhoAsksForMostGivesWay fills the queue for one member: others have room all the
// same, until all have as much.
func TestWhoAsksForMostGivesWay(t *testing.T) {
	r := newFairQueue[byte, uint64](1000, 10)
	for n := range uint64(10) {
		if !r.add('a', n) {
			t.Fatal("dropped before it was full")
		}
	}
	if r.add('a', 10) {
		t.Error("one more than there is room for")
	}
	for n := range uint64(10) {
		if r.add('b', 100+n) {
			t.Error("nothing was dropped for another member's")
		}
	}
	to, numbers := drainQueue(&r)
	share := map[byte]int{}
	for k := range to {
		share[to[k]]++
		if want := uint64(k / 2); numbers[k]%100 != want {
			t.Errorf("%d went out as number %d: %d", numbers[k], k, numbers)
		}
	}
	if share['a'] != 5 || share['b'] != 5 {
		t.Errorf("shares %v", share)
	}
}

// TestQueuesAreBounded adds and takes at random and compares with what was dropped.
func TestQueuesAreBounded(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	r := newFairQueue[byte, uint64](1000, 20)
	r.pace.interval = 0
	in, out, lost := 0, 0, 0
	for range 20_000 {
		if rng.IntN(3) > 0 {
			in++
			if !r.add(1+byte(rng.IntN(1+rng.IntN(30))), 1) {
				lost++
			}
		} else if _, _, ok, _ := r.next(time.Now()); ok {
			out++
		}
		wait := 0
		for _, all := range r.of {
			wait += len(all)
		}
		if wait != r.n || r.n > r.limit || len(r.turns) != len(r.of) || in != out+lost+wait {
			t.Fatalf("%d in, %d out, %d lost, %d wait, says %d; %d turns of %d", in, out, lost, wait, r.n, len(r.turns), len(r.of))
		}
	}
	if lost == 0 || out == 0 {
		t.Errorf("%d lost, %d out", lost, out)
	}
}

func TestQueuesKeepTheirPace(t *testing.T) {
	r := newFairQueue[byte, uint64](100, 1000)
	now := time.Now()
	for n := range uint64(200) {
		r.add(1, n)
	}
	sent := 0
	for end := now.Add(time.Second); now.Before(end); {
		_, _, ok, wait := r.next(now)
		if !ok {
			now = wait
			continue
		}
		sent++
	}
	if sent < 100 || sent > 106 {
		t.Errorf("%d in a second", sent)
	}
}
