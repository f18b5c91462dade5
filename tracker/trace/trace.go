// Package trace tells an operator what becomes of the requests of one client, or for one
// torrent, while he looks on.
//
// Front ends ask once a batch whether anybody does (Traces.Active), and report requests
// only then. What is reported is bounded: a trace that cannot keep up misses events, and
// no request waits for it.
package trace

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"keeptrack/tracker"
)

// The bounds of tracing.
const (
	MaxTraces = 8    // at a time
	MaxRate   = 1000 // events a second of one trace
	backlog   = 1024 // events that wait for who traces
)

// ErrTooMany is returned when there are MaxTraces already.
var ErrTooMany = fmt.Errorf("%d traces are already running", MaxTraces)

// ErrFilter is returned for a filter that would let everything through.
var ErrFilter = errors.New("a trace needs a client or a torrent")

// Filter is what a trace is of. A request has to match all that is set.
type Filter struct {
	Client netip.Prefix      // an address, or a network; invalid: of all clients
	Hash   *tracker.InfoHash // nil: for any torrent
}

// matches reports whether a request of a client for some torrents is one to report.
func (f *Filter) matches(client netip.Addr, hashes []tracker.InfoHash) bool {
	if f.Client.IsValid() && !f.Client.Contains(client) {
		return false
	}
	return f.Hash == nil || slices.Contains(hashes, *f.Hash)
}

// Traces are the traces under way. The zero value has none; so has nil.
type Traces struct {
	active atomic.Pointer[Active]
	mu     sync.Mutex // held while that changes
}

// Active is a set of traces. It is immutable.
type Active struct{ traces []*Trace }

// Trace is what one operator looks at.
type Trace struct {
	filter  Filter
	all     *Traces
	events  chan Event
	omitted atomic.Uint64 // events

	mu     sync.Mutex // guards what follows
	second int64      // unix time
	sent   int        // events in it
}

// Active returns the traces under way, nil if there are none.
func (t *Traces) Active() *Active {
	if t == nil {
		return nil
	}
	return t.active.Load()
}

// Begin begins a trace.
func (t *Traces) Begin(f Filter) (*Trace, error) {
	if !f.Client.IsValid() && f.Hash == nil {
		return nil, ErrFilter
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var traces []*Trace
	if a := t.active.Load(); a != nil {
		traces = slices.Clone(a.traces)
	}
	if len(traces) >= MaxTraces {
		return nil, ErrTooMany
	}
	added := &Trace{filter: f, all: t, events: make(chan Event, backlog)}
	t.active.Store(&Active{append(traces, added)})
	return added, nil
}

// End ends the trace.
func (t *Trace) End() {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()
	a := t.all.active.Load()
	if a == nil {
		return
	}
	others := slices.DeleteFunc(slices.Clone(a.traces), func(other *Trace) bool { return other == t })
	if len(others) == 0 {
		t.all.active.Store(nil)
		return
	}
	t.all.active.Store(&Active{others})
}

// Events returns the channel of events.
func (t *Trace) Events() <-chan Event { return t.events }

// Omitted returns how many events have been left out since it was called last.
func (t *Trace) Omitted() uint64 { return t.omitted.Swap(0) }

// Report tells of a request of a client for some torrents. event makes what is told, and
// is called only if somebody wants to know.
func (a *Active) Report(client netip.Addr, hashes []tracker.InfoHash, event func() Event) {
	var e *Event
	for _, t := range a.traces {
		if !t.filter.matches(client, hashes) {
			continue
		}
		if e == nil {
			made := event()
			made.Hashes = slices.Clone(hashes)
			e = &made
		}
		t.take(*e)
	}
}

// take takes an event unless there are too many.
func (t *Trace) take(e Event) {
	t.mu.Lock()
	second := e.Time.Unix()
	if second != t.second {
		t.second, t.sent = second, 0
	}
	t.sent++
	within := t.sent <= MaxRate
	t.mu.Unlock()
	if within {
		select {
		case t.events <- e:
			return
		default:
		}
	}
	t.omitted.Add(1)
}

// Outcome is what became of a request.
type Outcome string

// The outcomes.
const (
	Stored    Outcome = "stored"     // an announce, its peer is kept
	Stopped   Outcome = "stopped"    // an announce, its peer has left
	NotStored Outcome = "not_stored" // an announce, answered: the reason is a tracker.Rejection
	Refused   Outcome = "refused"    // an announce, by the access list
	Answered  Outcome = "answered"   // with what it asked for
	Failed    Outcome = "failed"     // answered with an error
	Dropped   Outcome = "dropped"    // not answered
	Malformed Outcome = "malformed"  // no request that could be understood
)

// Event is a request and what became of it.
type Event struct {
	Time      time.Time `json:"time"`
	Transport string    `json:"transport"` // udp or http
	Action    string    `json:"action"`
	// Client is the address, over UDP with its port.
	Client  string  `json:"client"`
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason,omitempty"`
	// Hashes are those asked for.
	Hashes []tracker.InfoHash `json:"info_hashes,omitempty"`
	*Announce
}

// Announce is what an event tells of an announce that could be read.
type Announce struct {
	Port   uint16 `json:"port"`
	PeerID string `json:"peer_id,omitempty"` // bytes as the characters of the same number; empty: none given
	Event  string `json:"event"`
	// Left is nil if the client did not say.
	Left *uint64 `json:"left,omitempty"`
	Want int     `json:"num_want"` // as asked for; negative: not said
	// Interval, in seconds, Seeders, Leechers and Peers, their number, are what it was
	// answered with; all are 0 if it was not.
	Interval uint32 `json:"interval"`
	Seeders  uint32 `json:"seeders"`
	Leechers uint32 `json:"leechers"`
	Peers    int    `json:"peers"`
}

// Answer sets what an announce was answered with and returns the outcome and its reason.
func (a *Announce) Answer(asked *tracker.Announce, r *tracker.Reply) (Outcome, string) {
	a.Interval, a.Seeders, a.Leechers = r.Interval, r.Seeders, r.Leechers
	if r.Refused {
		return Refused, "access_list"
	}
	a.Peers = len(r.Peers4)/tracker.CompactSize4 + len(r.Peers6)/tracker.CompactSize6
	switch {
	case asked.Event == tracker.EventStopped:
		return Stopped, ""
	case r.Rejected == tracker.RejectedCompletions: // it is stored all the same
		return Stored, r.Rejected.String()
	case r.Rejected != tracker.NotRejected:
		return NotStored, r.Rejected.String()
	}
	return Stored, ""
}

// EventName returns what clients call an event; "none" if there is none.
func EventName(e tracker.Event) string {
	return [...]string{"none", "completed", "started", "stopped", "paused"}[e]
}

// IDText returns a peer id as Announce has it.
func IDText(id []byte) string {
	text := make([]rune, len(id))
	for i, b := range id {
		text[i] = rune(b)
	}
	return string(text)
}
