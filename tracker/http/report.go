package http

import (
	nethttp "net/http"
	"net/netip"
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/trace"
)

// reportConn tells those who trace of a connection that ends before its first request.
func (h *handler) reportConn(transport string, source netip.Addr, outcome trace.Outcome, reason string) {
	tracing := h.traces.Active()
	if tracing == nil {
		return
	}
	tracing.Report(source, nil, func() trace.Event {
		return trace.Event{Time: time.Now(), Transport: transport, Action: "connection", Client: source.String(), Outcome: outcome, Reason: reason}
	})
}

// count counts a request, and notes for those who trace how it ended.
func (a *answerer) count(action Action, q *request, f Failure) {
	a.made.action, a.made.failure = action, f
	a.counters.count(action, q.client.addr, f)
}

// report tells those who trace what has become of a request, right after it was answered.
// Nothing here is run while nobody traces.
func (a *answerer) report(q *request, made *answer) {
	asks := !made.refused && (made.action == ActionAnnounce || made.action == ActionScrape)
	understood := !made.refused && (made.failure == FailureNone || made.failure == FailureRefused)
	isAnnounce := understood && made.action == ActionAnnounce
	var hashes []tracker.InfoHash
	switch {
	case isAnnounce:
		hashes = []tracker.InfoHash{a.announce.InfoHash}
	case understood && made.action == ActionScrape:
		hashes = a.scrape.hashes[:a.scrape.n]
	case asks: // who traces a torrent wants to see why its clients fail
		hashes = hashesIn(q.query)
	}
	a.tracing.Report(q.client.addr, hashes, func() trace.Event {
		e := trace.Event{Time: time.Now(), Transport: "http", Action: made.action.String(), Client: "unix"}
		if q.secure {
			e.Transport = "https"
		}
		if q.client.addr.IsValid() {
			e.Client = q.client.addr.String()
		}
		if isAnnounce {
			e.Announce = a.describe(q)
		}
		a.judge(&e, made)
		return e
	})
}

// hashesIn returns the info hashes in a raw query that can be read, tracker.MaxScrape at
// most, in the query's order.
func hashesIn(raw string) (hashes []tracker.InfoHash) {
	q := query(raw)
	for name, value, ok := q.next(); ok && len(hashes) < tracker.MaxScrape; name, value, ok = q.next() {
		var h tracker.InfoHash
		if parameterOf(name) == paramInfoHash && parseInfoHash(&h, value) {
			hashes = append(hashes, h)
		}
	}
	return hashes
}

// describe describes the announce that was read last.
func (a *answerer) describe(q *request) *trace.Announce {
	r := &a.announce
	d := &trace.Announce{Port: r.port, Event: trace.EventName(r.Event), Want: r.NumWant}
	if id, ok := peerID(q.query); ok {
		d.PeerID = trace.IDText(id[:])
	}
	if left := r.Left; left != leftUnknown {
		d.Left = &left
	}
	return d
}

// judge sets the outcome of the request that was answered last, and why.
func (a *answerer) judge(e *trace.Event, made *answer) {
	switch f := made.failure; {
	case made.refused:
		e.Action = ActionOther.String()
		e.Outcome, e.Reason = trace.Malformed, nethttp.StatusText(made.status)
	case e.Announce != nil:
		e.Outcome, e.Reason = e.Announce.Answer(&a.announce.Announce, &a.reply)
	case f == FailureInfoHashMissing, f == FailureInfoHashMalformed, f == FailureInfoHashRepeated, f == FailurePort:
		e.Outcome, e.Reason = trace.Malformed, f.String()
	case f != FailureNone:
		e.Outcome, e.Reason = trace.Failed, f.String()
	default:
		e.Outcome = trace.Answered
	}
}

// reportRefusal tells those who trace that what came from a source was no request.
func (a *answerer) reportRefusal(q *request, made *answer) *answer {
	if a.tracing != nil {
		a.report(q, made)
	}
	return made
}
