// Package otstats answers as opentracker's /stats does, to the byte, so that
// what reads the one reads the other. docs/opentracker-stats.md says what the
// numbers are here.
package otstats

import (
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"keeptrack/tracker"
)

// Source is where the numbers come from.
type Source interface {
	// Numbers returns the counters, or a sentence on why there are none yet.
	// Nothing else is asked before it has returned some.
	Numbers() (Numbers, error)
	// ScrapeAll returns the torrents that are served, and Records those that are
	// kept, from one on, both in order of info hash; see tracker.Tracker.
	ScrapeAll() iter.Seq[tracker.Scraped]
	Records(from tracker.InfoHash) iter.Seq[tracker.Record]
}

// Numbers are the tracker's counters since its start, and what it holds now.
type Numbers struct {
	// TrackerID names the instance in its group; 0 when it is in none.
	TrackerID uint32
	// Version is one line of text.
	Version string
	// Uptime is in seconds.
	Uptime int64

	Torrents, Peers, Seeds, Completed uint64
	// Of TCP, the connections, the announces answered and the scrapes.
	TCPAccepts, TCPAnnounces, TCPScrapes uint64
	// Of UDP, all packets, and those that were answered by what they asked
	// for; Mismatches had a wrong connection id.
	UDPPackets, UDPConnects, UDPAnnounces, UDPScrapes, UDPMismatches uint64
	// Synced counts the peers that other instances told of.
	Synced  uint64
	Renewed tracker.Renewals
	Errors  [ErrorCount]uint64
}

// Error is a way for an HTTP request to fail that opentracker counts.
type Error uint8

// The ways for an HTTP request to fail.
const (
	ErrorRedirect Error = iota
	ErrorParse
	ErrorParameter
	ErrorCompact
	ErrorNotModest
	ErrorPayment
	ErrorDenied
	ErrorNotFound
	ErrorServer
	ErrorCount int = iota // number of errors
)

// Handler returns what answers the requests, of which only the query matters.
// Every answer ends its connection, as readers expect that do not speak
// HTTP/1.1 however they say so.
func Handler(s Source) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		query, ok := parseQuery(r.URL.RawQuery)
		if !ok {
			refuse(w)
			return
		}
		n, err := s.Numbers()
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		if query.dump != nil {
			query.dump.answer(w, r, s)
			return
		}
		body := query.text(nil, &n, s)
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // who has gone does not want it
	})
}

// refuse answers a request that makes no sense.
func refuse(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write([]byte("<title>Invalid Request</title>\n")) // who has gone does not want it
}

// query is what a request asks for: either of the two.
type query struct {
	text func(dst []byte, n *Numbers, s Source) []byte
	dump dump
}

// The modes that are dumps.
const (
	modeCounts = "tpbs"
	modeState  = "statedump"
)

// parseQuery reads the query as opentracker does: the last mode and format
// count, and every one has to be known.
func parseQuery(raw string) (q query, ok bool) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, false
	}
	mode, format := "peer", ""
	for _, mode = range values["mode"] {
		if texts[mode] == nil && mode != modeCounts && mode != modeState {
			return q, false
		}
	}
	for _, format = range values["format"] {
		if formats[format] == nil {
			return q, false
		}
	}
	switch mode {
	case modeState:
		q.dump = dumpState
	case modeCounts:
		q.dump = formats[format]
	default:
		q.text = texts[mode]
	}
	return q, q.dump != nil || q.text != nil
}
