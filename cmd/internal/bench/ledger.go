package bench

// flightSlots is the number of requests, counted back from the newest, that
// are remembered. One that so many others have overtaken is lost.
const flightSlots = 1 << 18

// fate says what has become of a request.
type fate uint8

const (
	waiting fate = iota // for its answer
	landed
	lost
)

// flight is a request that was sent.
type flight struct {
	due    int64 // when its latency begins
	sent   int64
	socket int32 // that it was sent on
	kind   Kind
	fate   fate
	asked  uint8 // info hashes in it
}

// ledger keeps account of every request sent, by number, and of what came of
// it. Times are nanoseconds since the start of the run.
type ledger struct {
	now     func() int64
	timeout int64

	flights []flight // a ring: request k is at k modulo its length
	oldest  uint64   // every request before it has landed or is lost
	next    uint64   // the number of the next request; so many were sent
	waiting int

	good      [kinds]uint64
	refused   uint64 // answered with an error of the tracker's own
	wrong     uint64 // answers that are none, or to nothing asked
	lost      uint64
	peers     uint64
	latency   histogram // of good answers and refusals
	lastReply int64
	refusal   []byte // what the tracker said last when it refused
	failure   error  // what was wrong with the last that was wrong or lost
}

func newLedger(now func() int64, timeout int64) *ledger {
	return &ledger{now: now, timeout: timeout, flights: make([]flight, flightSlots)}
}

// send records the next request as sent now.
func (l *ledger) send(f flight) {
	f.fate = waiting
	*l.at(l.next) = f
	l.next++
	l.waiting++
}

// find returns request k, or nil if it was not sent or is forgotten.
func (l *ledger) find(k uint64) *flight {
	if k >= l.next || l.next-k > uint64(len(l.flights)) {
		return nil
	}
	return l.at(k)
}

// answer records a good answer to f, with a number of peers in it.
func (l *ledger) answer(f *flight, peers int) {
	l.good[f.kind]++
	l.peers += uint64(peers)
	l.land(f)
}

// refuse records that the tracker answered f with an error in its own words.
func (l *ledger) refuse(f *flight, words []byte) {
	l.refused++
	l.refusal = append(l.refusal[:0], words[:min(len(words), 200)]...)
	l.land(f)
}

// mistake records an answer that is wrong, for the reason given, and that f
// has thereby landed. A nil f is an answer that no request waits for.
func (l *ledger) mistake(f *flight, why error) {
	l.wrong++
	l.failure = why
	l.lastReply = l.now()
	if f != nil {
		l.end(f, landed)
	}
}

// lose records that f will not be answered, for the reason given.
func (l *ledger) lose(f *flight, why error) {
	l.lost++
	l.failure = why
	l.end(f, lost)
}

// expire gives up the next request that has waited too long at the time now
// and returns it, or nil if there is none.
func (l *ledger) expire(now int64) *flight {
	for ; l.oldest < l.next; l.oldest++ {
		f := l.at(l.oldest)
		if f.fate != waiting {
			continue
		}
		overtaken := l.next-l.oldest > uint64(len(l.flights)-maxRound)
		if now-f.sent < l.timeout && !overtaken {
			return nil
		}
		l.lose(f, errTimeout)
		return f
	}
	return nil
}

// nextExpiry returns the time before which expire will return nil, given that
// it has just done so. Something must be waiting.
func (l *ledger) nextExpiry() int64 { return l.at(l.oldest).sent + l.timeout }

func (l *ledger) land(f *flight) {
	l.lastReply = l.now()
	l.latency.add(l.lastReply - f.due)
	l.end(f, landed)
}

func (l *ledger) end(f *flight, fate fate) {
	f.fate = fate
	l.waiting--
}

func (l *ledger) at(k uint64) *flight { return &l.flights[k%uint64(len(l.flights))] }
