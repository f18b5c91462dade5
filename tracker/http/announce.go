package http

import (
	"math"

	"keeptrack/tracker"
)

// announceRequest is an announce as it is read from a query.
type announceRequest struct {
	tracker.Announce
	// dictionaries asks for the peers as a list of dictionaries.
	dictionaries bool

	port    uint16
	hasHash bool
}

// leftUnknown is how much a client lacks that does not say.
const leftUnknown = math.MaxUint64

// parse reads the announce of a client, of which only the info hash is
// needed. Without a port the client is not stored, without `left` it is a
// leecher; a number that cannot be read counts as missing, other than a port.
// The addresses that a client gives itself, and all that the tracker has no use
// for, are left out.
func (a *announceRequest) parse(raw string, from requester) Failure {
	*a = announceRequest{Announce: tracker.Announce{
		Left:         leftUnknown,
		NumWant:      -1,
		Limit:        tracker.MaxPeers,
		BothFamilies: true,
	}}
	q := query(raw)
	for name, value, ok := q.next(); ok; name, value, ok = q.next() {
		if f := a.set(parameterOf(name), value); f != FailureNone {
			return f
		}
	}
	if !a.hasHash {
		return FailureInfoHashMissing
	}
	a.Peer, a.Through = tracker.MakePeer(from.addr, a.port), from.through
	return FailureNone
}

// set takes in one parameter with its escaped value. Where one is given
// repeatedly, the last prevails.
func (a *announceRequest) set(p parameter, value string) Failure {
	switch p {
	case paramInfoHash:
		return a.setInfoHash(value)
	case paramPort:
		port, ok := parseUint(value, math.MaxUint16)
		a.port = uint16(port)
		return failUnless(ok, FailurePort)
	case paramLeft:
		if left, ok := parseUint(value, math.MaxUint64); ok {
			a.Left = left
		}
	case paramNumWant:
		if n, ok := parseNumWant(value); ok {
			a.NumWant = n
		}
	case paramEvent:
		a.Event = parseEvent(value)
	case paramCompact:
		n, isNumber := parseUint(value, math.MaxUint64)
		a.dictionaries = isNumber && n == 0
	}
	return FailureNone
}

func (a *announceRequest) setInfoHash(value string) Failure {
	if a.hasHash {
		return FailureInfoHashRepeated
	}
	a.hasHash = true
	return failUnless(parseInfoHash(&a.InfoHash, value), FailureInfoHashMalformed)
}

func failUnless(ok bool, f Failure) Failure {
	if ok {
		return FailureNone
	}
	return f
}

// parseInfoHash reads an escaped info hash into h.
func parseInfoHash(h *tracker.InfoHash, value string) (ok bool) {
	n, ok := unescape(h[:], value)
	return ok && n == len(h)
}

// parseNumWant reads an escaped number of peers, which is -1 for every
// negative one.
func parseNumWant(value string) (n int, ok bool) {
	if value != "" {
		if c, next := unescapeByte(value, 0); c == '-' {
			_, ok = parseUint(value[next:], math.MaxUint64)
			return -1, ok
		}
	}
	wanted, ok := parseUint(value, math.MaxUint64)
	return int(min(wanted, tracker.MaxPeers)), ok
}

// parseEvent reads an escaped event. One that is not known is none.
func parseEvent(value string) tracker.Event {
	var plain [len("completed")]byte
	n, ok := unescape(plain[:], value)
	if !ok {
		return tracker.EventNone
	}
	switch string(plain[:n]) {
	case "started":
		return tracker.EventStarted
	case "stopped":
		return tracker.EventStopped
	case "completed":
		return tracker.EventCompleted
	case "paused":
		return tracker.EventPaused
	}
	return tracker.EventNone
}
