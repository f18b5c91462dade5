package http

import (
	nethttp "net/http"

	"github.com/rs/zerolog"

	"keeptrack/tracker"
	"keeptrack/tracker/busiest"
	"keeptrack/tracker/trace"
)

// failureInterval is the number of seconds after which a client whose request
// failed may try again.
const failureInterval = 1800

// handler is what the answers depend on, the same for all connections.
type handler struct {
	tracker         *tracker.Tracker
	proxies         proxies
	redirectURL     string
	redirectFields  *fields // of the answer that sends browsers there
	page            *pager  // nil: there is none
	allowFullScrape bool
	fullScrapes     scrapers
	busiest         *busiest.Busiest // nil: nobody asks for it
	traces          *trace.Traces    // nil: none are ever begun
	log             zerolog.Logger
	counters        counters
}

func newHandler(o Options, t *tracker.Tracker) *handler {
	return &handler{
		tracker:         t,
		proxies:         makeProxies(o.TrustedProxies, o.ClientAddressHeader),
		redirectURL:     o.RedirectURL,
		redirectFields:  makeFields(plainText, field{"Location", o.RedirectURL}),
		page:            newPager(o.Page, t),
		allowFullScrape: o.FullScrape,
		busiest:         o.Busiest,
		traces:          o.Traces,
		log:             o.Log,
	}
}

func (a *answerer) answerAnnounce(q *request) *answer {
	if f := a.announce.parse(q.query, q.client); f != FailureNone {
		return a.fail(ActionAnnounce, q, f, failureInterval)
	}
	reply := &a.reply
	reply.Peers4, reply.Peers6 = reply.Peers4[:0], reply.Peers6[:0]
	a.tracker.Announce(a.now, &a.announce.Announce, reply)
	a.logAnnounce(&a.announce, reply)
	if reply.Refused {
		return a.fail(ActionAnnounce, q, FailureRefused, reply.Interval)
	}
	a.count(ActionAnnounce, q, FailureNone)
	return a.make(nethttp.StatusOK, plainFields, appendAnnounce(a.made.body[:0], reply, &a.announce.Announce, a.announce.dictionaries))
}

func (a *answerer) answerScrape(q *request) *answer {
	if f := a.scrape.parse(q.query); f != FailureNone {
		return a.fail(ActionScrape, q, f, failureInterval)
	}
	if a.scrape.n == 0 {
		return a.answerFullScrape(q)
	}
	a.count(ActionScrape, q, FailureNone)
	return a.make(nethttp.StatusOK, plainFields, appendScrape(a.made.body[:0], a.tracker, a.now, &a.scrape))
}

// answerFullScrape answers a scrape of every torrent, if that is allowed. If
// so, the rows are up to stream.
func (a *answerer) answerFullScrape(q *request) *answer {
	if !a.allowFullScrape {
		return a.fail(ActionFullScrape, q, FailureFullScrapeOff, failureInterval)
	}
	full := fullScrape{tracker.NetworkOf(q.client.addr), acceptedEncoding(q.encodings)}
	if q.method != methodHead && !a.fullScrapes.enter(full.scraper) {
		return a.fail(ActionFullScrape, q, FailureFullScrapeBusy, failureInterval)
	}
	a.count(ActionFullScrape, q, FailureNone)
	made := a.make(nethttp.StatusOK, streamFields[full.encoding], a.made.body[:0])
	made.unsized, made.full = true, full
	return made
}

// fail tells an announce or scrape why it failed, and in how many seconds the
// client may try again.
func (a *answerer) fail(action Action, q *request, f Failure, interval uint32) *answer {
	a.count(action, q, f)
	return a.make(nethttp.StatusOK, plainFields, appendFailure(a.made.body[:0], f, interval))
}

// logAnnounce logs an announce in full where that level is on.
func (h *handler) logAnnounce(a *announceRequest, reply *tracker.Reply) {
	e := h.log.Trace()
	if !e.Enabled() {
		return
	}
	e.Stringer("info_hash", a.InfoHash).
		Stringer("peer", a.Peer).
		Uint8("event", uint8(a.Event)).
		Uint64("left", a.Left).
		Int("numwant", a.NumWant).
		Bool("refused", reply.Refused).
		Stringer("rejected", reply.Rejected).
		Int("peers4", len(reply.Peers4)/tracker.CompactSize4).
		Int("peers6", len(reply.Peers6)/tracker.CompactSize6).
		Msg("announce")
}
