package livesync

import (
	"time"

	"keeptrack/livesync/wire"
)

// How an instance gets the peers of the group after its start. This is pure code over
// (state, event, time); newcomer.go holds the timer and carries the actions out.
//
// It says hello and has everybody answer. It asks the mate with most peers until that
// tells them, a stream of numbered packets, and says again and again which of them have
// arrived. A mate that falls silent is replaced by another, from the beginning: what
// has arrived stays.
//
// Whoever has heard no mate with peers goes on without. A mate that is heard later and has
// been up for longer, or of which more was lost than it can send again, as after a long
// partition, is asked then: there is a gap in what is known of its peers.

const (
	// gatherFor is how long hellos are awaited before the first mate is asked.
	gatherFor = 100 * time.Millisecond
	// seekEvery is the time between hellos that ask for others' while clients wait for
	// peers, and seekLater until fillLongest.
	seekEvery = 200 * time.Millisecond
	seekLater = 5 * time.Second
	// askEvery is the time between askings.
	askEvery = 500 * time.Millisecond
	// maxPeerAsks is how often a mate is asked that does not answer, before another is.
	maxPeerAsks = 3
	// mateSilence is for how long a mate may be silent and still be asked. If there is
	// none for as long, the instance is ready without.
	mateSilence = 3 * time.Second
	// streamSilence is how long after the last packet of a stream its sender counts as
	// gone.
	streamSilence = 2 * time.Second
	// haveEvery is the time between two packets that say what has arrived.
	haveEvery = 50 * time.Millisecond
	// greetEvery is the least time between a hello and the next that answers.
	greetEvery = 100 * time.Millisecond
	// fillLongest is when an instance is ready, whatever is missing.
	fillLongest = 2 * time.Minute
	// foundUp is the least age of a mate, when it is first heard, that may have peers
	// of which this instance has heard nothing.
	foundUp = 10 * time.Second
	// gapRest is the least time from one stream of a mate to the next.
	gapRest = 10 * time.Minute
	// maxMates bounds the mates that are remembered, those heard last.
	maxMates = maxInstances
)

// fillState is how far an instance is.
type fillState uint8

const (
	seeking   fillState = iota // for a mate to ask
	asking                     // a mate that has not answered yet
	receiving                  // its peers
	filled                     // all of them have arrived
)

// String returns the state's name.
func (s fillState) String() string {
	return [...]string{seeking: "seeking", asking: "asking", receiving: "receiving", filled: "filled"}[s]
}

// mate is an instance that has said hello.
type mate struct {
	wire.Hello
	id       wire.ID
	heard    time.Time
	gap      bool      // it has published peers that did not come
	asked    time.Time // when it was first asked for its last stream
	told     time.Time // when that ended, whole or not
	failures int       // how often it was asked, or has told, in vain
}

// fillEventKind is what can happen to filling.
type fillEventKind uint8

const (
	fillTick  fillEventKind = iota // time has passed
	fillHello                      // a hello came
	fillPeers                      // a packet of peers came and was taken in
	fillEnd                        // the last packet of a stream came
	fillGap                        // peers of the mate were lost that it cannot send again
)

// fillEvent is something that happens. Which fields count depends on the kind.
type fillEvent struct {
	kind           fillEventKind
	from           wire.ID
	hello          wire.Hello // fillHello
	stream, number uint32     // fillPeers, fillEnd
	since          time.Time  // fillGap: the peers were published before
}

// fillActionKind is what filling can lead to.
type fillActionKind uint8

const (
	fillGreet fillActionKind = iota // say hello; asks says whether others are to answer
	fillAsk                         // ask the mate
	fillHave                        // say what has arrived
	fillLost                        // note that the mate has fallen silent
	fillDone                        // note that all peers have arrived
	fillAlone                       // note that the instance is ready without
)

type fillAction struct {
	kind   fillActionKind
	asks   bool
	mate   wire.ID
	stream uint32
	first  bool // fillAsk: the mate has not been asked for this stream before
}

// filling is the state. The zero time stands for never.
type filling struct {
	interval time.Duration // between hellos that are not answers
	draw     func() uint32 // the number of a stream
	began    time.Time
	ready    bool // clients no longer wait for peers
	whole    bool // a stream has come to its end

	state   fillState
	mates   []mate
	hopeful time.Time // when there was last a mate to ask, or one was asked
	greeted time.Time // last hello
	greet   time.Time // when the next is due
	seek    time.Time // when the next is due that asks for others'

	mate   wire.ID // that is asked
	stream uint32
	asks   int
	due    time.Time // when to ask again, or to say what has arrived
	last   time.Time // when the last packet of the stream came
	arrived
	length uint32 // of the stream in packets; 0: not known yet
}

// newFilling returns the state at the start.
func newFilling(interval time.Duration, now time.Time, draw func() uint32) filling {
	return filling{interval: interval, draw: draw, began: now, hopeful: now, greet: now, seek: now}
}

// step takes in what happens at now and returns what is to be done at once.
func (f *filling) step(e fillEvent, now time.Time) (actions []fillAction) {
	switch e.kind {
	case fillHello:
		f.heardHello(e, now)
	case fillGap:
		if m := f.find(e.from); m != nil && e.since.After(m.asked) {
			m.gap, m.heard = true, now
		}
	case fillPeers, fillEnd:
		if !f.expects(e.from, e.stream) {
			return nil
		}
		if actions = f.heardPacket(e, now); f.state == filled {
			return actions // another mate is asked once these have been carried out
		}
	}
	return append(actions, f.tick(now)...)
}

// wants reports whether the peers of a packet are to be taken in.
func (f *filling) wants(from wire.ID, stream, number uint32) bool {
	return f.state != filled && f.expects(from, stream) && f.fresh(number)
}

// expects reports whether a stream is the present one, or was the last.
func (f *filling) expects(from wire.ID, stream uint32) bool {
	return f.state != seeking && from == f.mate && stream == f.stream
}

// early reports whether the instance has just started and lacks the group's peers.
func (f *filling) early(now time.Time) bool {
	return f.state != filled && now.Sub(f.began) < fillLongest
}

// remembers reports whether stops are to be remembered, for peers may arrive that have
// stopped.
func (f *filling) remembers(now time.Time) bool {
	return f.early(now) || f.state == asking || f.state == receiving
}

// heardHello takes note of a mate, and answers if it is to.
func (f *filling) heardHello(e fillEvent, now time.Time) {
	if answer := f.greeted.Add(greetEvery); e.hello.Asks && answer.Before(f.greet) {
		f.greet = later(answer, now)
	}
	m := f.find(e.from)
	if m == nil {
		if len(f.mates) == maxMates {
			m = f.oldest()
		} else {
			f.mates = append(f.mates, mate{})
			m = &f.mates[len(f.mates)-1]
		}
		*m = mate{id: e.from}
	}
	if m.heard.IsZero() || e.hello.Up < m.Up { // it is new, or another under the same id
		m.gap = m.gap || e.hello.Up > foundUp
	}
	m.Hello, m.heard = e.hello, now
}

// find returns a mate, or nil if it has not said hello.
func (f *filling) find(id wire.ID) *mate {
	for i := range f.mates {
		if f.mates[i].id == id {
			return &f.mates[i]
		}
	}
	return nil
}

// oldest returns the mate that was heard longest ago.
func (f *filling) oldest() *mate {
	at := 0
	for i := range f.mates {
		if f.mates[i].heard.Before(f.mates[at].heard) {
			at = i
		}
	}
	return &f.mates[at]
}

// heardPacket takes in a packet of the stream.
func (f *filling) heardPacket(e fillEvent, now time.Time) []fillAction {
	if f.state == filled {
		if e.kind == fillEnd && !now.Before(f.due) { // it is sent again: we were not heard
			f.due = now.Add(haveEvery)
			return []fillAction{f.action(fillHave)}
		}
		return nil
	}
	if f.state == asking {
		f.state, f.due = receiving, now.Add(haveEvery)
	}
	if f.fresh(e.number) {
		f.last = now
		f.add(e.number)
	}
	if e.kind == fillEnd {
		f.length = e.number + 1
	}
	if f.length == 0 || f.below < f.length {
		return nil
	}
	f.close(now)
	f.state, f.ready, f.due = filled, true, now.Add(haveEvery)
	return []fillAction{f.action(fillHave), f.action(fillDone)}
}

// close takes note that all of the mate's peers have arrived. A newcomer's first mate has
// those of all others as well.
func (f *filling) close(now time.Time) {
	for i := range f.mates {
		m := &f.mates[i]
		if m.id == f.mate {
			m.told = now
		}
		if m.id == f.mate || !f.whole && now.Sub(f.began) < fillLongest {
			m.gap = false
		}
	}
	f.whole = true
}

func (f *filling) action(k fillActionKind) fillAction {
	return fillAction{kind: k, mate: f.mate, stream: f.stream}
}
