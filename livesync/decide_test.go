package livesync

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"keeptrack/livesync/wire"
)

const testInterval = time.Minute

// at is one step of a story: an event so many seconds after the start, and the
// actions that must follow, such as "inquire b" or "beacon tell".
type at struct {
	second int
	event  event
	want   string
}

func tick() event { return event{kind: eventTick} }

func beaconOf(id byte, torrents, local uint64) event {
	return event{kind: eventBeacon, from: wire.ID{id}, torrents: torrents, local: local}
}

func tell(owing bool) event { return event{kind: eventTell, owing: owing} }

func done(a activity, owing bool) event { return event{kind: eventDone, ended: a, owing: owing} }

func describe(actions []action) string {
	var words []string
	for _, a := range actions {
		word := [...]string{actionBeacon: "beacon", actionInquire: "inquire", actionTell: "tell", actionRepay: "repay"}[a.kind]
		if a.target != (wire.ID{}) {
			word += fmt.Sprintf(" %c", a.target[0])
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// far is the time in seconds to the first beacon where beacons do not matter.
const far = 1_000_000

var stories = []struct {
	name        string
	firstBeacon int
	settled     bool // not fresh
	story       []at
}{
	{"beacons after the first delay, then every interval", 1800, true, []at{
		{1799, tick(), ""}, {1800, tick(), "beacon"}, {1801, tick(), ""}, {1859, tick(), ""}, {1860, tick(), "beacon"},
	}},
	{"a beacon waits until an interval after a tell", 100, true, []at{
		{90, tell(false), ""}, {100, tick(), ""}, {149, tick(), ""}, {150, tick(), "beacon"}, {210, tick(), "beacon"},
	}},
	{"every packet of a tell defers the beacon", 100, true, []at{
		{90, tell(false), ""}, {130, tell(false), ""}, {160, tick(), ""}, {189, tick(), ""}, {190, tick(), "beacon"},
	}},
	{"no beacon while telling, nor within an interval after", 100, true, []at{
		{90, event{kind: eventInquire}, "tell"}, {95, event{kind: eventTold}, ""}, {110, tick(), ""},
		{300, event{kind: eventTold}, ""}, {301, done(telling, false), ""}, {359, tick(), ""}, {360, tick(), "beacon"},
	}},
	{"inquires two intervals after the first beacon", far, true, []at{
		{0, beaconOf('a', 100, 74), ""}, {119, tick(), ""}, {120, tick(), "inquire a"},
	}},
	{"at the threshold nothing is wanted", far, true, []at{
		{0, beaconOf('a', 100, 75), ""}, {120, tick(), ""}, {1000, tick(), ""},
	}},
	{"the largest counts do not overflow", far, true, []at{
		{0, beaconOf('a', 1<<64-1, 1<<63), ""}, {120, tick(), "inquire a"},
	}},
	{"inquires of the one with most, later beacons do not defer", far, true, []at{
		{0, beaconOf('a', 10, 0), ""}, {30, beaconOf('b', 30, 0), ""}, {60, beaconOf('c', 20, 0), ""},
		{119, beaconOf('a', 30, 0), ""}, {120, tick(), "inquire b"},
	}},
	{"asks three times, an interval apart, then the next beacon starts over", far, true, []at{
		{0, beaconOf('a', 30, 0), ""}, {120, tick(), "inquire a"}, {179, tick(), ""}, {180, tick(), "inquire a"},
		{240, tick(), "inquire a"}, {300, tick(), ""}, {600, tick(), ""},
		{601, beaconOf('b', 20, 0), ""}, {720, tick(), ""}, {721, tick(), "inquire b"},
	}},
	{"a larger one is asked in place of one that does not answer", far, true, []at{
		{0, beaconOf('a', 30, 0), ""}, {120, tick(), "inquire a"}, {130, beaconOf('b', 31, 0), ""}, {180, tick(), "inquire b"},
	}},
	{"a tell of anyone ends the wanting, another beacon begins it", far, true, []at{
		{0, beaconOf('a', 30, 0), ""}, {100, tell(false), ""}, {120, tick(), ""},
		{130, beaconOf('b', 30, 10), ""}, {249, tick(), ""}, {250, tick(), "inquire b"},
	}},
	{"a tell ends the asking", far, true, []at{
		{0, beaconOf('a', 30, 0), ""}, {120, tick(), "inquire a"}, {121, tell(false), ""}, {180, tick(), ""}, {500, tick(), ""},
	}},
	{"does not inquire while telling", far, true, []at{
		{0, beaconOf('a', 30, 10), ""}, {100, event{kind: eventInquire}, "tell"}, {120, tick(), ""},
		{200, event{kind: eventTold}, ""}, {201, done(telling, false), "inquire a"},
	}},
	{"is asked again while telling", far, true, []at{
		{0, event{kind: eventInquire}, "tell"}, {1, event{kind: eventInquire}, ""},
		{2, done(telling, false), ""}, {3, event{kind: eventInquire}, "tell"},
	}},
	{"after a start the first beacon is enough, once", far, false, []at{
		{0, beaconOf('a', 100, 100), ""}, {10, beaconOf('b', 101, 100), ""}, {120, tick(), "inquire b"},
		{121, tell(false), ""}, {200, beaconOf('b', 101, 100), ""}, {1000, tick(), ""},
	}},
	{"after a start nobody answers, the next beacon is enough again", far, false, []at{
		{0, beaconOf('a', 100, 100), ""}, {120, tick(), "inquire a"}, {180, tick(), "inquire a"}, {240, tick(), "inquire a"},
		{300, tick(), ""}, {310, beaconOf('b', 100, 100), ""}, {429, tick(), ""}, {430, tick(), "inquire b"},
		{431, tell(false), ""}, {500, beaconOf('b', 100, 100), ""}, {1000, tick(), ""},
	}},
	{"what comes to be owed while a stream ends is not forgotten", far, true, []at{
		{0, event{kind: eventInquire}, "tell"}, {9, tell(true), ""}, {10, done(telling, false), ""}, {68, tick(), ""}, {69, tick(), "repay"},
	}},
	{"a counter-tell begins an interval after the last tell", far, true, []at{
		{0, tell(true), ""}, {50, tell(true), ""}, {109, tick(), ""}, {110, tick(), "repay"}, {111, tick(), ""},
	}},
	{"nothing owed any more, no counter-tell", far, true, []at{
		{0, tell(true), ""}, {50, tell(false), ""}, {1000, tick(), ""},
	}},
	{"an inquiry in a counter-tell makes it a tell of everything", far, true, []at{
		{0, tell(true), ""}, {60, tick(), "repay"}, {61, event{kind: eventInquire}, "tell"}, {62, done(telling, false), ""}, {200, tick(), ""},
	}},
	{"the end of a counter-tell does not end the tell in its place", 100, true, []at{
		{0, tell(true), ""}, {60, tick(), "repay"}, {61, event{kind: eventInquire}, "tell"}, {61, done(repaying, true), ""},
		{200, tick(), ""}, {201, event{kind: eventInquire}, ""}, {202, done(telling, false), "beacon"},
	}},
	{"what is owed after a stream waits for an interval after it", far, true, []at{
		{0, event{kind: eventInquire}, "tell"}, {9, tell(true), ""}, {10, event{kind: eventTold}, ""}, {11, done(telling, true), ""},
		{69, tick(), ""}, {70, tick(), "repay"},
	}},
	{"a counter-tell goes before a beacon", 60, true, []at{
		{0, tell(true), ""}, {60, tick(), "repay"}, {61, event{kind: eventTold}, ""}, {62, done(repaying, false), ""},
		{120, tick(), ""}, {121, tick(), "beacon"},
	}},
}

func TestDecisions(t *testing.T) {
	for _, tt := range stories {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Unix(1_700_000_000, 0)
			second := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
			d := newDecisions(rules{interval: testInterval, threshold: 0.75}, second(tt.firstBeacon))
			d.fresh = !tt.settled
			for _, step := range tt.story {
				now := second(step.second)
				next := d.next()
				if got := describe(d.step(step.event, now)); got != step.want {
					t.Fatalf("at %d s: %q, want %q", step.second, got, step.want)
				}
				if step.event.kind == eventTick && step.want != "" && (next.IsZero() || next.After(now)) {
					t.Errorf("at %d s: a timer set to %s would have come late", step.second, next.Sub(start))
				}
			}
		})
	}
}

func TestBeforeAnActionNextIsExact(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	d := newDecisions(rules{interval: testInterval, threshold: 0.75}, start.Add(10*time.Minute))
	d.step(beaconOf('a', 10, 0), start)
	for _, want := range []time.Duration{2, 3, 4, 5, 10, 11, 12} {
		next := d.next()
		if got := next.Sub(start); got != want*time.Minute {
			t.Fatalf("next is after %s, want %d minutes", got, want)
		}
		if actions := d.step(event{kind: eventTick}, next.Add(-1)); len(actions) > 0 {
			t.Errorf("just before %s: %q", next.Sub(start), describe(actions))
		}
		d.step(event{kind: eventTick}, next)
	}
}
