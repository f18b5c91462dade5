package livesync

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"keeptrack/livesync/wire"
)

// story drives filling by lines of text: a time since the start in milliseconds, what
// happens, and what follows.
type story struct {
	t      *testing.T
	f      filling
	hellos bool // those that ask for others' are expected as well
}

var fillBegan = time.Unix(1e9, 0)

func newStory(t *testing.T) *story {
	stream := uint32(0)
	return &story{t: t, f: newFilling(time.Minute, fillBegan, func() uint32 { stream++; return stream })}
}

// at has time pass, step by step as the timer would, and then something happen; it
// expects all that follows.
func (s *story) at(ms int, e fillEvent, want ...string) {
	s.t.Helper()
	now := fillBegan.Add(time.Duration(ms) * time.Millisecond)
	var got []string
	say := func(at time.Time, actions []fillAction) {
		for _, a := range actions {
			if a.asks && !s.hellos {
				continue
			}
			got = append(got, fmt.Sprintf("%d %s", at.Sub(fillBegan).Milliseconds(), a))
		}
	}
	last := fillBegan
	for next := s.f.next(last); next.Before(now); next = s.f.next(last) {
		last = next
		say(next, s.f.step(fillEvent{}, next))
	}
	say(now, s.f.step(e, now))
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		s.t.Errorf("by %d ms: %q, want %q", ms, got, want)
	}
}

// String returns an action in a word or two.
func (a fillAction) String() string {
	name := [...]string{fillGreet: "hello", fillAsk: "ask", fillHave: "have", fillLost: "lost", fillDone: "done", fillAlone: "alone"}[a.kind]
	switch {
	case a.kind == fillGreet && a.asks:
		return name + "?"
	case a.kind == fillGreet || a.kind == fillAlone:
		return name
	}
	return fmt.Sprintf("%s %x/%d", name, a.mate[0], a.stream)
}

func hi(id byte, peers uint64, up time.Duration) fillEvent {
	return fillEvent{kind: fillHello, from: wire.ID{id}, hello: wire.Hello{Peers: peers, Up: up}}
}

func packet(kind fillEventKind, id byte, stream, number uint32) fillEvent {
	return fillEvent{kind: kind, from: wire.ID{id}, stream: stream, number: number}
}

// passes is time that passes, and nothing else.
var passes fillEvent

func TestNobodyIsThere(t *testing.T) {
	s := newStory(t)
	s.hellos = true
	var want []string
	for ms := 0; ms < 3000; ms += 200 {
		want = append(want, fmt.Sprintf("%d hello?", ms))
	}
	s.at(2999, passes, want...)
	if s.f.ready {
		t.Error("ready before three seconds")
	}
	s.at(3000, passes, "3000 hello?", "3000 alone")
	s.at(13_300, passes, "3200 hello?", "8200 hello?", "13200 hello?")
	if !s.f.ready {
		t.Error("not ready after three seconds")
	}
}

func TestOnlyEmptyMatesAreThere(t *testing.T) {
	s := newStory(t)
	s.at(0, passes)
	s.at(5, hi(1, 0, time.Hour))
	s.at(3000, passes, "3000 alone")
}

func TestTheMateWithMostPeersIsAsked(t *testing.T) {
	s := newStory(t)
	s.at(0, passes)
	s.at(3, hi(1, 10, time.Hour))
	s.at(4, hi(2, 30, time.Hour))
	s.at(5, hi(3, 20, time.Hour))
	filling := hi(4, 100, time.Hour)
	filling.hello.Filling = true
	s.at(6, filling)
	s.at(100, passes, "100 ask 2/1")
	s.at(120, packet(fillPeers, 2, 1, 0))
	s.at(121, packet(fillPeers, 2, 1, 2))
	s.at(122, packet(fillPeers, 3, 1, 1)) // another's
	s.at(123, packet(fillPeers, 2, 9, 1)) // of another stream
	s.at(170, passes, "170 have 2/1")
	if missing, end := s.f.missing(10); fmt.Sprint(missing, end) != "[1] 3" {
		t.Errorf("missing %v below %d", missing, end)
	}
	s.at(180, packet(fillEnd, 2, 1, 3))
	s.at(200, packet(fillPeers, 2, 1, 1), "200 have 2/1", "200 done 2/1")
	if !s.f.ready || s.f.remembers(fillBegan.Add(200*time.Millisecond)) {
		t.Error("not ready when all peers have arrived, or stops are still remembered")
	}
	s.at(400, packet(fillEnd, 2, 1, 3), "400 have 2/1") // it was not heard
	s.at(400, packet(fillEnd, 2, 1, 3))                 // a repetition
	s.at(401, packet(fillPeers, 2, 1, 1))
	s.at(60_000, passes, "60000 hello")
}

func TestAMateThatDoesNotAnswerIsReplaced(t *testing.T) {
	s := newStory(t)
	s.at(0, passes)
	s.at(50, hi(1, 10, time.Hour))
	s.at(50, hi(2, 5, time.Hour))
	s.at(1600, passes, "100 ask 1/1", "600 ask 1/1", "1100 ask 1/1", "1600 lost 1/1", "1600 ask 2/2")
	s.at(1700, packet(fillEnd, 2, 2, 0), "1700 have 2/2", "1700 done 2/2")
}

func TestAMateThatFallsSilentIsReplaced(t *testing.T) {
	s := newStory(t)
	s.at(0, passes)
	s.at(50, hi(1, 10, time.Hour))
	s.at(100, passes, "100 ask 1/1")
	s.at(110, packet(fillPeers, 1, 1, 0))
	var want []string
	for ms := 160; ms < 2110; ms += 50 {
		want = append(want, fmt.Sprintf("%d have 1/1", ms))
	}
	s.at(2110, passes, append(want, "2110 lost 1/1", "2110 ask 1/2")...) // it was heard two seconds ago: nobody else is there
	s.at(2130, hi(2, 5, time.Hour))
	s.at(3610, passes, "2610 ask 1/2", "3110 ask 1/2", "3610 lost 1/2", "3610 ask 2/3")
}

func TestReadyAfterTwoMinutesAtMost(t *testing.T) {
	s := newStory(t)
	for ms := range 125 {
		e := hi(1, 10, time.Hour)
		now := fillBegan.Add(time.Duration(ms) * time.Second)
		s.f.step(e, now)
		for next := s.f.next(now); next.Before(now.Add(time.Second)); next = s.f.next(next) {
			s.f.step(fillEvent{}, next)
		}
		if at := now.Add(time.Second).Sub(fillBegan); s.f.ready != (at > fillLongest) {
			t.Fatalf("ready is %v after %s", s.f.ready, at)
		}
	}
}

// TestAMateThatIsHeardLater is asked if it may have peers of which this instance has
// heard nothing, and not if it has just started.
func TestAMateThatIsHeardLater(t *testing.T) {
	for _, c := range []struct {
		name  string
		up    time.Duration
		asked bool
	}{{"long up", time.Hour, true}, {"just started", time.Second, false}} {
		s := newStory(t)
		now := fillBegan
		for now.Before(fillBegan.Add(time.Hour)) {
			s.f.step(fillEvent{}, now)
			now = s.f.next(now)
		}
		now = now.Add(time.Millisecond)
		if s.f.remembers(now) {
			t.Errorf("%s: stops are remembered for an hour", c.name)
		}
		s.f.step(hi(1, 10, c.up), now)
		if asks := s.f.state == asking; asks != c.asked || s.f.remembers(now) != c.asked {
			t.Errorf("%s: asked is %v, want %v", c.name, asks, c.asked)
		}
		if s.f.step(hi(1, 20, c.up+time.Minute), now.Add(time.Minute)); (s.f.state == asking) != c.asked {
			t.Errorf("%s: at its next hello the state is %s", c.name, s.f.state)
		}
	}
}

func TestHellosAreAnsweredAndBounded(t *testing.T) {
	s := newStory(t)
	s.f.state, s.f.ready = filled, true
	s.at(0, passes, "0 hello")
	asks := fillEvent{kind: fillHello, from: wire.ID{9}, hello: wire.Hello{Asks: true}}
	s.at(10, asks)
	s.at(20, asks)
	s.at(150, passes, "100 hello")
	s.at(1000, asks, "1000 hello")
	for id := range 3 * maxMates {
		s.f.step(fillEvent{kind: fillHello, from: wire.ID{1, byte(id >> 8), byte(id)}}, fillBegan.Add(2*time.Second+time.Duration(id)))
	}
	if oldest := s.f.oldest().id; len(s.f.mates) != maxMates || oldest != (wire.ID{1, 2 * maxMates >> 8, 2 * maxMates & 0xff}) {
		t.Errorf("%d mates, the oldest is %s", len(s.f.mates), oldest)
	}
}

// TestAGapIsFilled: a mate has published more than it can send again. Its peers are asked
// for as after a start, now and then.
func TestAGapIsFilled(t *testing.T) {
	s := newStory(t)
	s.at(0, hi(1, 10, time.Hour))
	s.at(100, hi(2, 5, time.Hour), "100 ask 1/1")
	s.at(110, packet(fillEnd, 1, 1, 0), "110 have 1/1", "110 done 1/1")
	gap := func(id byte, ms int) fillEvent {
		return fillEvent{kind: fillGap, from: wire.ID{id}, since: fillBegan.Add(time.Duration(ms) * time.Millisecond)}
	}
	s.at(5000, gap(3, 5000)) // it has not said hello
	s.at(6000, gap(2, 6000), "6000 ask 2/2")
	s.at(6010, packet(fillPeers, 2, 2, 0))
	s.at(6020, packet(fillEnd, 2, 2, 1), "6020 have 2/2", "6020 done 2/2")
	s.at(6500, gap(2, 5900)) // this stream has all that was lost by then
	if s.f.find(wire.ID{2}).gap {
		t.Error("what a stream has brought is lacking")
	}
	s.at(7000, gap(2, 7000))
	s.at(8000, hi(4, 7, time.Hour), "8000 ask 4/3") // heard for the first time
	s.at(10000, passes, "8500 ask 4/3", "9000 ask 4/3", "9500 lost 4/3")
	s.f.greet = fillBegan.Add(time.Hour)
	late := int((6020*time.Millisecond + gapRest) / time.Millisecond)
	s.at(late, hi(2, 6, time.Hour), strconv.Itoa(late)+" ask 2/4")
}

// TestTwoGapsAreFilledInTurn: that the first stream has arrived is said before the second
// one is asked for. A mate that sends nothing new is given up.
func TestTwoGapsAreFilledInTurn(t *testing.T) {
	f := newStory(t).f
	now := fillBegan
	for now.Before(fillBegan.Add(time.Hour)) { // nobody is there for so long
		f.step(fillEvent{}, now)
		now = f.next(now)
	}
	f.greet = now.Add(time.Hour)
	expect := func(e fillEvent, want string) {
		t.Helper()
		if got := fmt.Sprint(f.step(e, now)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	expect(hi(1, 10, time.Hour), "[ask 1/1]")
	expect(hi(2, 5, time.Hour), "[]")
	expect(packet(fillEnd, 1, 1, 0), "[have 1/1 done 1/1]")
	if next := f.next(now); next.After(now) {
		t.Errorf("the second is asked %s later", next.Sub(now))
	}
	expect(fillEvent{}, "[ask 2/2]") // the first has not told the second one's peers
	began := now
	for ; f.state != filled && now.Before(began.Add(time.Hour)); now = now.Add(100 * time.Millisecond) {
		f.step(packet(fillEnd, 2, 2, 7), now)
	}
	if took := now.Sub(began); took > 2*streamSilence {
		t.Errorf("given up after %s", took)
	}
}
