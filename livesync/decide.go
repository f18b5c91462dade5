package livesync

import (
	"slices"
	"time"

	"keeptrack/livesync/wire"
)

// The decisions of scrape sync: when to beacon, whom to ask and when, when to
// tell. This is pure code over (state, event, time); scrape.go holds the timer
// and carries the actions out.
//
// A TELL stream on the network, ours or another's, keeps everybody quiet: who
// hears one is no longer wanting and beacons one interval after its last
// packet; who tells neither beacons nor inquires until the stream is over.
//
// Packets may be forged where there is no key. So a stream is followed by a
// rest, others' TELL packets keep this instance quiet for a bounded time (see
// hush), and who was asked is not asked again for a while (see candidates).

// maxAsks is how often an instance that does not answer is asked, in all,
// before it is taken to be gone.
const maxAsks = 3

// restAfterStream is how many intervals lie at least between two streams of
// this instance. No honest instance asks sooner than three after a TELL: others
// beacon one after it, and an inquiry follows a beacon by two.
const restAfterStream = 4

// eventKind is what can happen to the decisions.
type eventKind uint8

const (
	eventTick      eventKind = iota // time has passed
	eventBeacon                     // a BEACON came
	eventInquire                    // an INQUIRE for this instance came
	eventTell                       // a TELL packet came and was merged
	eventOverheard                  // a TELL packet came that is for others
	eventTold                       // a TELL packet of our own stream was sent
	eventDone                       // our own stream is over
)

// event is something that happens. Which fields count depends on the kind.
type event struct {
	kind     eventKind
	from     wire.ID  // eventBeacon, eventTell: the sender
	torrents uint64   // eventBeacon: the sender's number of torrents, not 0
	local    uint64   // eventBeacon: our own
	owing    bool     // eventTell, eventOverheard, eventDone: we know higher counts than we were told
	ended    activity // eventDone: what kind of stream is over
}

// actionKind is what the decisions can lead to.
type actionKind uint8

const (
	actionBeacon  actionKind = iota // send a BEACON
	actionInquire                   // send an INQUIRE to the target
	actionTell                      // begin a stream of all torrents, in place of any other
	actionRepay                     // begin a counter-tell: a stream of what we know better
	actionPutOff                    // note that an inquiry is answered only after a rest
	actionSilent                    // note that the target was asked in vain
	actionDeaf                      // note that others have told for too long
)

type action struct {
	kind   actionKind
	target wire.ID
}

// activity is what this instance itself is sending.
type activity uint8

const (
	quiet    activity = iota
	telling           // all torrents
	repaying          // a counter-tell
)

// String returns the activity's name.
func (a activity) String() string {
	return [...]string{quiet: "none", telling: "tell", repaying: "counter_tell"}[a]
}

// rules are the constants that the decisions depend on.
type rules struct {
	interval  time.Duration // between beacons; the measure of all other waits
	threshold float64       // inquire below this share of another's torrents
}

// decisions are the state of scrape sync. The zero time stands for never.
type decisions struct {
	rules
	activity activity
	began    time.Time // when the stream began that goes on
	rested   time.Time // when the next may begin
	inquired bool      // an inquiry waits for that
	beacon   time.Time // when the next is due, if nobody tells
	lastTell time.Time // last TELL packet, heard or sent
	hush     hush
	fresh    bool // no instance that was chosen to be asked has told since the start
	owing    bool // there is something for a counter-tell

	known     candidates
	wanting   bool
	since     time.Time // when wanting began
	deadline  time.Time // when to inquire
	asked     []wire.ID // those asked since wanting began, or while it last did
	failed    int       // times in a row that wanting ended without an answer
	best      wire.ID   // the instance to ask, and its number of torrents
	bestCount uint64
}

// newDecisions returns the state at the start.
func newDecisions(r rules, firstBeacon time.Time) decisions {
	return decisions{rules: r, beacon: firstBeacon, fresh: true}
}

// step takes in what happens at now and returns what is to be done at once.
func (d *decisions) step(e event, now time.Time) []action {
	switch e.kind {
	case eventBeacon:
		d.heardBeacon(e, now)
		return nil
	case eventInquire:
		return d.heardInquire(now)
	case eventTell:
		d.owing = e.owing
		return d.heardTell(e.from, now)
	case eventOverheard:
		d.owing = e.owing
		_, actions := d.hushed(now)
		return actions
	case eventTold:
		d.told(now)
		return nil
	case eventDone:
		if d.activity != e.ended {
			return nil // an inquiry has meanwhile put another in its place
		}
		d.activity, d.owing = quiet, d.owing || e.owing
		// What is asked for again and again is told for half of the time.
		d.rested = now.Add(max(now.Sub(d.began), restAfterStream*d.interval))
	}
	return d.due(now)
}

// told notes a TELL packet, heard or sent. The two come from different
// goroutines, each with its own idea of now.
func (d *decisions) told(now time.Time) {
	if now.After(d.lastTell) {
		d.lastTell = now
	}
}

// next returns when the next step with eventTick can lead to something, or the
// zero time when that waits for another event.
func (d *decisions) next() time.Time {
	if d.activity != quiet {
		return time.Time{}
	}
	next := d.beaconTime()
	sooner := func(t time.Time, waits bool) {
		if waits && t.Before(next) {
			next = t
		}
	}
	sooner(d.deadline, d.wanting)
	sooner(d.repayTime(), d.owing)
	sooner(d.rested, d.inquired)
	return next
}

// heardInquire begins a stream, or has it begin after the rest. A counter-tell
// gives way to it: the stream of all torrents has what that would have told.
func (d *decisions) heardInquire(now time.Time) []action {
	switch {
	case d.activity == telling || d.inquired:
		return nil
	case d.activity == quiet && now.Before(d.rested):
		d.inquired = true
		return []action{{kind: actionPutOff}}
	case d.activity == quiet:
		d.began = now
	}
	return d.tell()
}

// tell begins a stream of all torrents.
func (d *decisions) tell() []action {
	d.activity, d.owing, d.inquired = telling, false, false
	return []action{{kind: actionTell}}
}

// heardTell ends the wanting, whoever tells. Only a tell of one that was to be
// asked counts as an answer.
func (d *decisions) heardTell(from wire.ID, now time.Time) []action {
	answer := from == d.best || slices.Contains(d.asked, from)
	if answer {
		d.fresh, d.failed = false, 0
	}
	d.known.told(from, now, d.interval)
	quiet, actions := d.hushed(now)
	if !quiet && !(answer && d.wanting) {
		return actions
	}
	d.told(now)
	if d.wanting && !answer {
		d.rest(now)
	}
	d.wanting = false
	return actions
}

// hushed keeps this instance quiet for a TELL packet of another, unless that has been so
// for too long.
func (d *decisions) hushed(now time.Time) (quiet bool, actions []action) {
	quiet, tooLong := d.hush.heard(now, d.interval)
	if quiet {
		d.told(now)
	}
	if tooLong {
		actions = append(actions, action{kind: actionDeaf})
	}
	return quiet, actions
}

// due does what has become due at now.
func (d *decisions) due(now time.Time) []action {
	switch {
	case d.activity != quiet:
		return nil
	case d.inquired && !now.Before(d.rested):
		d.began = now
		return d.tell()
	case d.owing && !now.Before(d.repayTime()):
		d.activity, d.owing, d.began = repaying, false, now
		return []action{{kind: actionRepay}}
	}
	var actions []action
	if d.wanting && !now.Before(d.deadline) {
		actions = d.inquire(now)
	}
	if !now.Before(d.beaconTime()) {
		actions = append(actions, action{kind: actionBeacon})
		d.beacon = now.Add(d.interval)
	}
	return actions
}

// quietUntil returns when an interval has passed since the last TELL.
func (d *decisions) quietUntil() time.Time {
	if d.lastTell.IsZero() {
		return time.Time{}
	}
	return d.lastTell.Add(d.interval)
}

// beaconTime returns when the next beacon is due: not within an interval of a
// TELL.
func (d *decisions) beaconTime() time.Time { return later(d.beacon, d.quietUntil()) }

// repayTime returns when a counter-tell may begin: neither within an interval
// of a TELL nor within the rest after a stream.
func (d *decisions) repayTime() time.Time { return later(d.rested, d.quietUntil()) }

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
