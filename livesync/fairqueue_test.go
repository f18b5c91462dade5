package livesync

import (
	"math/rand/v2"
	"testing"
	"time"

	"keeptrack/livesync/exact"
)

func numbered(n uint64) waiting { return waiting{m: &exact.AskParts{Numbers: []uint64{n}}} }

func (w *waiting) number() uint64 { return w.m.(*exact.AskParts).Numbers[0] }

// drainQueue returns what waits in the order in which it goes out.
func drainQueue(r *fairQueue) (to []byte, numbers []uint64) {
	r.pace.interval = 0
	for {
		o, w, _ := r.next(time.Now())
		if w.m == nil {
			return to, numbers
		}
		to, numbers = append(to, o[0]), append(numbers, w.number())
	}
}

func TestMembersTakeTurns(t *testing.T) {
	r := newFairQueue(1000, 10)
	for n := range uint64(3) {
		r.add(exact.Origin{'a'}, numbered(n))
	}
	r.add(exact.Origin{'b'}, numbered(10))
	r.add(exact.Origin{'c'}, numbered(20))
	r.add(exact.Origin{'c'}, numbered(21))
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
	r := newFairQueue(1000, 10)
	for n := range uint64(10) {
		if !r.add(exact.Origin{'a'}, numbered(n)) {
			t.Fatal("dropped before it was full")
		}
	}
	if r.add(exact.Origin{'a'}, numbered(10)) {
		t.Error("one more than there is room for")
	}
	for n := range uint64(10) {
		if r.add(exact.Origin{'b'}, numbered(100+n)) {
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

// TestRepairIsBounded adds and takes at random and compares with what was dropped.
func TestRepairIsBounded(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	r := newFairQueue(1000, 20)
	r.pace.interval = 0
	in, out, lost := 0, 0, 0
	for range 20_000 {
		if rng.IntN(3) > 0 {
			in++
			if !r.add(exact.Origin{1 + byte(rng.IntN(1+rng.IntN(30)))}, numbered(1)) {
				lost++
			}
		} else if _, w, _ := r.next(time.Now()); w.m != nil {
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

func TestRepairKeepsItsPace(t *testing.T) {
	r := newFairQueue(100, 1000)
	now := time.Now()
	for n := range uint64(200) {
		r.add(exact.Origin{1}, numbered(n))
	}
	sent := 0
	for end := now.Add(time.Second); now.Before(end); {
		_, w, wait := r.next(now)
		if w.m == nil {
			now = wait
			continue
		}
		sent++
	}
	if sent < 100 || sent > 106 {
		t.Errorf("%d in a second", sent)
	}
}

// TestAgesRiseWhileMessagesWait: a torrent must not become younger in a queue.
func TestAgesRiseWhileMessagesWait(t *testing.T) {
	now := time.Now()
	records := []exact.Record{{Age: time.Second}, {Age: time.Hour}}
	for _, m := range []exact.Message{&exact.Parts{Records: records}, &exact.Records{Records: records}} {
		records[0].Age, records[1].Age = time.Second, time.Hour
		w := waiting{m: m, since: now}
		if w.age(now.Add(3*time.Second)) != m || records[0].Age != 4*time.Second || records[1].Age != time.Hour+3*time.Second {
			t.Errorf("%T: %+v", m, records)
		}
	}
}
