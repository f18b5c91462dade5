package livesync

import (
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

// maxAsks is how often an instance that does not answer is asked, in all,
// before it is taken to be gone.
const maxAsks = 3

// eventKind is what can happen to the decisions.
type eventKind uint8

const (
	eventTick    eventKind = iota // time has passed
	eventBeacon                   // a BEACON came
	eventInquire                  // an INQUIRE for this instance came
	eventTell                     // a TELL packet came and was merged
	eventTold                     // a TELL packet of our own stream was sent
	eventDone                     // our own stream is over
)

// event is something that happens. Which fields count depends on the kind.
type event struct {
	kind     eventKind
	from     wire.ID  // eventBeacon: the sender
	torrents uint64   // eventBeacon: the sender's number of torrents, not 0
	local    uint64   // eventBeacon: our own
	owing    bool     // eventTell, eventDone: we know higher counts than we were told
	ended    activity // eventDone: what kind of stream is over
}

// actionKind is what the decisions can lead to.
type actionKind uint8

const (
	actionBeacon  actionKind = iota // send a BEACON
	actionInquire                   // send an INQUIRE to the target
	actionTell                      // begin a stream of all torrents, in place of any other
	actionRepay                     // begin a counter-tell: a stream of what we know better
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
	beacon   time.Time // when the next is due, if nobody tells
	lastTell time.Time // last TELL packet, heard or sent
	fresh    bool      // nobody has been asked to tell since the start, or nobody answered
	owing    bool      // there is something for a counter-tell

	wanting   bool
	deadline  time.Time // when to inquire
	asked     int       // number of inquiries since wanting began
	catchUp   bool      // wanting began from fresh
	best      wire.ID   // the instance with most torrents, and how many
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
		return d.heardInquire()
	case eventTell:
		d.told(now)
		d.owing, d.wanting = e.owing, false
		return nil
	case eventTold:
		d.told(now)
		return nil
	case eventDone:
		if d.activity != e.ended {
			return nil // an inquiry has meanwhile put another in its place
		}
		d.activity, d.owing = quiet, d.owing || e.owing
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
	if d.wanting && d.deadline.Before(next) {
		next = d.deadline
	}
	if t := d.repayTime(); d.owing && t.Before(next) {
		next = t
	}
	return next
}

// heardBeacon makes the instance wanting when the sender has far more torrents
// and, after a start, when it has any: what was missed while down shows in no
// number of torrents. Of several senders the one with most is remembered.
func (d *decisions) heardBeacon(e event, now time.Time) {
	if d.wanting {
		if e.torrents > d.bestCount {
			d.best, d.bestCount = e.from, e.torrents
		}
		return
	}
	behind := float64(e.local) < d.threshold*float64(e.torrents)
	if !behind && !d.fresh {
		return
	}
	d.catchUp, d.fresh = d.fresh, false
	d.wanting, d.asked, d.deadline = true, 0, now.Add(2*d.interval)
	d.best, d.bestCount = e.from, e.torrents
}

// heardInquire begins a stream. A counter-tell gives way to it: the stream of
// all torrents has what that would have told.
func (d *decisions) heardInquire() []action {
	if d.activity == telling {
		return nil
	}
	d.activity, d.owing = telling, false
	return []action{{kind: actionTell}}
}

// due does what has become due at now.
func (d *decisions) due(now time.Time) []action {
	if d.activity != quiet {
		return nil
	}
	if d.owing && !now.Before(d.repayTime()) {
		d.activity, d.owing = repaying, false
		return []action{{kind: actionRepay}}
	}
	var actions []action
	if d.wanting && !now.Before(d.deadline) {
		if d.asked < maxAsks {
			actions = append(actions, action{kind: actionInquire, target: d.best})
			d.asked++
			d.deadline = now.Add(d.interval)
		} else {
			d.wanting, d.fresh = false, d.catchUp
		}
	}
	if !now.Before(d.beaconTime()) {
		actions = append(actions, action{kind: actionBeacon})
		d.beacon = now.Add(d.interval)
	}
	return actions
}

// beaconTime returns when the next beacon is due: not within an interval of a
// TELL.
func (d *decisions) beaconTime() time.Time {
	if t := d.repayTime(); d.beacon.Before(t) {
		return t
	}
	return d.beacon
}

// repayTime returns when a counter-tell may begin: an interval after the last
// TELL.
func (d *decisions) repayTime() time.Time {
	if d.lastTell.IsZero() {
		return time.Time{}
	}
	return d.lastTell.Add(d.interval)
}
