package livesync

import (
	"fmt"
	"testing"
	"time"

	"keeptrack/livesync/wire"
)

var (
	mateA = wire.ID{0xa}
	mateB = wire.ID{0xb}
)

// TestDigests: one at the start, then one in every interval, and one soon after an
// override was made.
func TestDigests(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	s := newSpreading(time.Minute, start)
	for _, step := range []struct {
		at   time.Duration
		made bool
		due  bool
		next time.Duration // when the digest is due afterwards
	}{
		{at: 0, due: true, next: time.Minute},
		{at: 30 * time.Second, due: false, next: time.Minute},
		{at: 40 * time.Second, made: true, due: false, next: 41 * time.Second},
		{at: 40500 * time.Millisecond, made: true, due: false, next: 41 * time.Second},
		{at: 41 * time.Second, due: true, next: 101 * time.Second},
		{at: 100500 * time.Millisecond, made: true, due: false, next: 101 * time.Second},
		{at: 200 * time.Second, due: true, next: 260 * time.Second},
	} {
		now := start.Add(step.at)
		if step.made {
			s.made(now)
		}
		if due := s.due(now); due != step.due || s.digest != start.Add(step.next) {
			t.Errorf("after %s: due %v, the next at %s, want %v and %s", step.at, due, s.digest.Sub(start), step.due, step.next)
		}
	}
}

// TestWhoIsAskedForOverrides: at most every two seconds, less and less often when the answers
// bring nothing new, and again at once when they do.
func TestWhoIsAskedForOverrides(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	const answerOld, answerNew, same = "old answer", "new answer", "same"
	type step struct {
		at    time.Duration
		event string // empty: it has something else
		asked bool
	}
	vain := func(at time.Duration, asked bool) []step {
		return []step{{at, "", asked}, {at + 1, answerOld, false}, {at + 2, answerOld, false}}
	}
	for name, steps := range map[string][]step{
		"at most every two seconds": {{0, "", true}, {time.Second, "", false}, {2 * time.Second, "", true}, {3 * time.Second, "", false}},
		"equal meanwhile":           {{0, "", true}, {time.Second, same, false}, {time.Second, "", true}},
		"never answered":            {{0, "", true}, {time.Minute, "", true}, {2 * time.Minute, "", true}, {3 * time.Minute, "", true}, {4 * time.Minute, "", true}},
		"nothing new": append(append(append(append(append(append(vain(0, true), vain(time.Minute, true)...), vain(2*time.Minute, true)...),
			vain(3*time.Minute, true)...), vain(4*time.Minute, true)...), step{5 * time.Minute, "", false}),
			step{6 * time.Minute, answerNew, false}, step{6*time.Minute + time.Second, "", true}),
	} {
		s := newSpreading(time.Minute, start)
		s.differs(mateB, start) // another is not in the way
		for k, st := range steps {
			now, got := start.Add(st.at), false
			switch st.event {
			case answerOld, answerNew:
				s.answered(mateA, st.event == answerNew)
			case same:
				s.equal(mateA)
			default:
				got = s.differs(mateA, now)
			}
			if got != st.asked {
				t.Errorf("%s: step %d after %s: asked %v", name, k, st.at, got)
			}
		}
	}
}

// TestPausesGrow: up to half a minute short of an hour, whatever the interval.
func TestPausesGrow(t *testing.T) {
	s := newSpreading(time.Minute, time.Time{})
	want := []time.Duration{0: 2 * time.Second, 2: 2 * time.Second, 3: 30 * time.Second, 4: time.Minute, 9: 32 * time.Minute, 100: 32 * time.Minute}
	for vain, pause := range want {
		if got := s.pause(vain); pause > 0 && got != pause {
			t.Errorf("after %d: %s, want %s", vain, got, pause)
		}
	}
	if s := newSpreading(time.Second, time.Time{}); s.pause(0) != time.Second/4 {
		t.Errorf("short intervals: %s", s.pause(0))
	}
}

func TestMatesAreBounded(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	s := newSpreading(time.Minute, start)
	for i := range maxInstances + 10 {
		s.differs(wire.ID{byte(i), byte(i >> 8), 1}, start.Add(time.Duration(i)))
	}
	_, first := s.mates[wire.ID{0, 0, 1}]
	_, last := s.mates[wire.ID{9, 1, 1}]
	if len(s.mates) != maxInstances || first || !last {
		t.Errorf("%d are known, the first %v, the last %v", len(s.mates), first, last)
	}
}

func TestWasAway(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	ago := func(days int) time.Time { return now.AddDate(0, 0, -days) }
	for _, c := range []struct {
		own, other time.Time
		want       bool
	}{
		{ago(400), ago(1), true},
		{ago(364), ago(1), true},
		{ago(362), ago(1), false},
		{ago(400), ago(400), false}, // nobody was with the group
		{ago(1), ago(400), false},
		{time.Time{}, ago(1), false}, // it was never with a group
		{ago(400), time.Time{}, false},
		{ago(400), ago(-1), true}, // the other's clock is ahead
	} {
		if got := wasAway(c.own, c.other, now); got != c.want {
			t.Error(fmt.Sprint(c.own, " and ", c.other, ": ", got))
		}
	}
}
