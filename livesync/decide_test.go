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

func tell(owing bool) event { return tellOf('?', owing) }

func tellOf(id byte, owing bool) event {
	return event{kind: eventTell, from: wire.ID{id}, owing: owing}
}

func done(a activity, owing bool) event { return event{kind: eventDone, ended: a, owing: owing} }

func describe(actions []action) string {
	var words []string
	for _, a := range actions {
		word := [...]string{
			actionBeacon: "beacon", actionInquire: "inquire", actionTell: "tell", actionRepay: "repay",
			actionPutOff: "later", actionSilent: "silent", actionDeaf: "deaf",
		}[a.kind]
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
		{240, tick(), "inquire a"}, {300, tick(), "silent a"}, {600, tick(), ""},
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
		{2, done(telling, false), ""}, {3, event{kind: eventInquire}, "later"}, {4, event{kind: eventInquire}, ""},
		{241, tick(), ""}, {242, tick(), "tell"},
	}},
	{"after a start the first beacon is enough, once", far, false, []at{
		{0, beaconOf('a', 100, 100), ""}, {10, beaconOf('b', 101, 100), ""}, {120, tick(), "inquire b"},
		{121, tellOf('b', false), ""}, {200, beaconOf('b', 101, 100), ""}, {1000, tick(), ""},
	}},
	{"after a start nobody answers, the next beacon is enough again", far, false, []at{
		{0, beaconOf('a', 100, 100), ""}, {120, tick(), "inquire a"}, {180, tick(), "inquire a"}, {240, tick(), "inquire a"},
		{300, tick(), "silent a"}, {310, beaconOf('b', 100, 100), ""}, {429, tick(), ""}, {430, tick(), "inquire b"},
		{431, tellOf('b', false), ""}, {500, beaconOf('b', 100, 100), ""}, {1000, tick(), ""},
	}},
	{"what comes to be owed while a stream ends is not forgotten", far, true, []at{
		{0, event{kind: eventInquire}, "tell"}, {9, tell(true), ""}, {10, done(telling, false), ""}, {249, tick(), ""}, {250, tick(), "repay"},
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
	{"what is owed after a stream waits for the rest after it", far, true, []at{
		{0, event{kind: eventInquire}, "tell"}, {9, tell(true), ""}, {10, event{kind: eventTold}, ""}, {11, done(telling, true), ""},
		{250, tick(), ""}, {251, tick(), "repay"},
	}},
	{"a rest is as long as the stream that it follows", far, true, []at{
		{0, event{kind: eventInquire}, "tell"}, {1000, done(telling, false), ""}, {1001, event{kind: eventInquire}, "later"},
		{1999, tick(), ""}, {2000, tick(), "tell"},
	}},
	{"a rest without an inquiry is followed by nothing", far, true, []at{
		{0, event{kind: eventInquire}, "tell"}, {10, done(telling, false), ""}, {250, tick(), ""}, {300, tick(), ""},
		{301, event{kind: eventInquire}, "tell"},
	}},
	{"a counter-tell is followed by a rest as well", far, true, []at{
		{0, tell(true), ""}, {60, tick(), "repay"}, {70, done(repaying, false), ""}, {71, tell(true), ""}, {131, tick(), ""},
		{200, event{kind: eventInquire}, "later"}, {309, tick(), ""}, {310, tick(), "tell"},
		{320, done(telling, false), ""}, {321, tell(true), ""}, {559, tick(), ""}, {560, tick(), "repay"},
	}},
	{"after a start only a tell of the one to be asked will do", far, false, []at{
		{0, beaconOf('a', 100, 100), ""}, {1, tellOf('x', false), ""}, {120, tick(), ""}, {130, beaconOf('a', 100, 100), ""},
		{250, tick(), "inquire a"}, {251, tellOf('x', false), ""}, {252, tellOf('a', false), ""}, {600, beaconOf('a', 100, 100), ""}, {1000, tick(), ""},
	}},
	{"who told is not asked again at once, others are", far, true, []at{
		{0, beaconOf('a', 100, 0), ""}, {120, tick(), "inquire a"}, {121, tellOf('a', false), ""},
		{181, beaconOf('a', 100, 1), ""}, {182, beaconOf('b', 50, 1), ""}, {301, tick(), ""}, {302, tick(), "inquire b"},
	}},
	{"who told is asked again later", far, true, []at{
		{0, beaconOf('a', 100, 0), ""}, {120, tick(), "inquire a"}, {121, tellOf('a', false), ""},
		{360, beaconOf('a', 100, 1), ""}, {480, tick(), ""}, {481, beaconOf('a', 100, 1), ""}, {601, tick(), "inquire a"},
	}},
	{"who was asked in vain is out, and longer every time", far, true, []at{
		{0, beaconOf('a', 100, 0), ""}, {120, tick(), "inquire a"}, {180, tick(), "inquire a"}, {240, tick(), "inquire a"}, {300, tick(), "silent a"},
		{899, beaconOf('a', 100, 0), ""}, {1019, tick(), ""},
		{1020, beaconOf('a', 100, 0), ""}, {1140, tick(), "inquire a"}, {1200, tick(), "inquire a"}, {1260, tick(), "inquire a"}, {1320, tick(), "silent a"},
		{2519, beaconOf('a', 100, 0), ""}, {2640, tick(), ""}, {2641, beaconOf('a', 100, 0), ""}, {2761, tick(), "inquire a"},
		{2762, tellOf('a', false), ""}, {3002, beaconOf('a', 100, 0), ""}, {3122, tick(), "inquire a"},
	}},
	{"one that answers is asked although a forged one claims more", far, true, []at{
		{0, beaconOf('x', 1<<64-1, 0), ""}, {1, beaconOf('a', 100, 0), ""},
		{120, tick(), "inquire x"}, {180, tick(), "inquire x"}, {240, tick(), "inquire x"}, {300, tick(), "silent x"},
		{301, beaconOf('x', 1<<64-1, 0), ""}, {302, beaconOf('a', 100, 0), ""}, {422, tick(), "inquire a"},
	}},
	{"after one in vain the one known longest is asked, whatever others claim", far, true, []at{
		{0, beaconOf('a', 100, 0), ""}, {1, beaconOf('w', 1<<60, 0), ""},
		{120, tick(), "inquire w"}, {180, beaconOf('x', 1<<61, 0), ""}, {181, tick(), "inquire x"},
		{240, beaconOf('y', 1<<62, 0), ""}, {241, tick(), "inquire y"}, {301, tick(), "silent w silent x silent y"},
		{302, beaconOf('z', 1<<63, 0), ""}, {303, beaconOf('a', 100, 0), ""}, {422, tick(), "inquire a"},
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

// TestForgedTellsDoNotKeepQuietForEver sends a TELL every second, for two days,
// while others beacon.
func TestForgedTellsDoNotKeepQuietForEver(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	d := newDecisions(rules{interval: testInterval, threshold: 0.75}, start)
	did := make(map[string]int)
	quiet, longest := 0, 0
	for second := range 2 * 24 * 60 * 60 {
		now := start.Add(time.Duration(second) * time.Second)
		actions := d.step(tellOf('x', second%7 == 0), now)
		if second%60 == 0 {
			actions = append(actions, d.step(beaconOf('a', 100, 0), now)...)
		}
		actions = append(actions, d.step(event{kind: eventTick}, now)...)
		if d.activity == repaying {
			d.step(done(repaying, false), now)
		}
		quiet++
		for _, a := range actions {
			did[describe([]action{a})]++
			if a.kind == actionBeacon {
				quiet = 0
			}
		}
		longest = max(longest, quiet)
	}
	if limit := (maxHush + 2) * 60; longest > limit {
		t.Errorf("quiet for %d s, want at most %d", longest, limit)
	}
	const spans = 2 * 24 * 60 / (maxHush + deafFor)
	for what, least := range map[string]int{"beacon": spans, "repay": spans, "deaf": spans - 1, "silent a": 5} {
		if did[what] < least {
			t.Errorf("%s %d times in two days, want %d; %v", what, did[what], least, did)
		}
	}
}

// TestInquiriesWithoutEnd has the instance asked every second for a day, and
// looks at how much of it it tells.
func TestInquiriesWithoutEnd(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	const day = 24 * 60 * 60
	for _, tt := range []struct {
		name        string
		takes, most int // seconds a stream takes, and may take in a day
	}{
		{"short streams", 10, day*10/250 + 10},
		{"long streams", 3600, day/2 + 3600},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDecisions(rules{interval: testInterval, threshold: 0.75}, start.Add(far*time.Second))
			told, ends := 0, -1
			for second := range day {
				now := start.Add(time.Duration(second) * time.Second)
				actions := d.step(event{kind: eventInquire}, now)
				if second == ends {
					actions = append(actions, d.step(done(telling, false), now)...)
				}
				for _, a := range append(actions, d.step(tick(), now)...) {
					if a.kind == actionTell {
						ends = second + tt.takes
					}
				}
				if d.activity == telling {
					told++
				}
			}
			if told > tt.most || told < tt.most*9/10 {
				t.Errorf("told for %d s of a day, want about %d", told, tt.most)
			}
		})
	}
}
