package http

import (
	"encoding/binary"
	nethttp "net/http"
	"net/netip"

	"keeptrack/tracker"
	"keeptrack/tracker/busiest"
	"keeptrack/tracker/trace"
)

const (
	methodGet  = nethttp.MethodGet
	methodHead = nethttp.MethodHead
)

// request is all of a request that its answer depends on.
type request struct {
	method      string
	path, query string // still escaped; without a path, the target is none that there is here
	client      requester
	encodings   []string // the values of the Accept-Encoding lines

	// What the page alone looks at: the text of the head, or what net/http has made of
	// it, and whether the connection has TLS.
	head   string
	over   *nethttp.Request
	secure bool
}

// field is a line of an answer's header.
type field struct{ name, value string }

// fields are lines of a header, also as the text that they are.
type fields struct {
	list []field
	text string
}

func makeFields(list ...field) *fields {
	f := &fields{list: list}
	for _, line := range list {
		f.text += line.name + ": " + line.value + "\r\n"
	}
	return f
}

// answer is what a request is to get. Framing it and keeping or closing the
// connection is up to what carries it.
type answer struct {
	status int
	fields *fields // without those about the connection and the length
	body   []byte  // the memory is the answerer's
	// unsized is set for a full scrape: the rows are still to be streamed, unless
	// the method is HEAD, and the end of the connection is that of the answer.
	unsized bool
	full    fullScrape // which, if so
	// refused is set where what came is no request that could be answered. The next
	// one cannot be told from the rest, so the connection is to be closed.
	refused bool
	// action and failure are what the request was counted as, if not refused.
	action  Action
	failure Failure
}

// answerer is the memory for one answer at a time.
type answerer struct {
	*handler
	now     tracker.Instant
	sampler busiest.Sampler
	tracing *trace.Active // traces under way, nil if there are none; loaded at times

	announce announceRequest
	reply    tracker.Reply
	scrape   scrapeRequest
	made     answer
}

// The fields of the answers.
var (
	plainText    = field{"Content-Type", "text/plain"}
	varies       = field{"Vary", "Accept-Encoding"}
	plainFields  = makeFields(plainText)
	methodFields = makeFields(plainText, field{"Allow", "GET, HEAD"})
	streamFields = [...]*fields{
		encodingNone: makeFields(plainText, varies),
		encodingGzip: makeFields(plainText, field{"Content-Encoding", "gzip"}, varies),
		encodingZstd: makeFields(plainText, field{"Content-Encoding", "zstd"}, varies),
	}
)

// request returns the request for a target. forwarded are the values of the
// header that names a proxy's client; source is invalid on a unix socket.
func (h *handler) request(method, target string, source netip.Addr, forwarded, encodings []string) request {
	q := request{method: method, client: h.clientOf(source, forwarded), encodings: encodings}
	q.path, q.query = splitTarget(target)
	return q
}

// answer answers a request. The result is valid until the next one.
func (a *answerer) answer(q *request) *answer {
	if a.sampler.Draw() {
		a.note(q)
	}
	made := a.answerRoute(q)
	if a.tracing != nil {
		a.report(q, made)
	}
	return made
}

// answerRoute answers a request by its method and path.
func (a *answerer) answerRoute(q *request) *answer {
	if q.method != methodGet && q.method != methodHead {
		a.count(ActionOther, q, FailureMethod)
		return a.line(nethttp.StatusMethodNotAllowed, methodFields, FailureMethod.Text())
	}
	switch routeOf(q.path) {
	case routeInvalid:
		return a.refuse(nethttp.StatusBadRequest)
	case routeAnnounce:
		return a.answerAnnounce(q)
	case routeScrape:
		return a.answerScrape(q)
	case routeRoot:
		if namesTorrent(q.query) { // a client whose tracker has no path: it would not follow
			return a.answerAnnounce(q)
		}
		if a.redirectURL != "" {
			a.count(ActionOther, q, FailureNone)
			return a.line(nethttp.StatusFound, a.redirectFields, a.redirectURL)
		}
		if a.page != nil {
			return a.answerPage(q)
		}
	}
	a.count(ActionOther, q, FailureNotFound)
	return a.line(nethttp.StatusNotFound, plainFields, FailureNotFound.Text())
}

// note notes a request that was drawn. An announce without a peer id counts for no client.
func (a *answerer) note(q *request) {
	network := tracker.NetworkOf(q.client.addr)
	id, ok := peerID(q.query)
	a.sampler.Note(network, binary.BigEndian.Uint64(id[:]), ok && q.isAnnounce())
}

// isAnnounce reports whether a request is answered as an announce is.
func (q *request) isAnnounce() bool {
	if q.method != methodGet && q.method != methodHead {
		return false
	}
	route := routeOf(q.path)
	return route == routeAnnounce || route == routeRoot && namesTorrent(q.query)
}

// refuse answers what is no request, or none in a form that is understood.
func (a *answerer) refuse(status int) *answer {
	a.counters.malformed.Add(1)
	text := "not a request"
	switch status {
	case nethttp.StatusRequestHeaderFieldsTooLarge:
		text = "the header is too long"
	case nethttp.StatusHTTPVersionNotSupported:
		text = "only HTTP/1.0 and HTTP/1.1 are spoken"
	}
	a.line(status, plainFields, text).refused = true
	return &a.made
}

// line makes an answer of one line of text.
func (a *answerer) line(status int, fields *fields, text string) *answer {
	return a.make(status, fields, append(append(a.made.body[:0], text...), '\n'))
}

// make makes an answer with a body in the memory of the one before.
func (a *answerer) make(status int, fields *fields, body []byte) *answer {
	m := &a.made
	m.status, m.fields, m.body, m.unsized, m.refused = status, fields, body, false, false
	return m
}
