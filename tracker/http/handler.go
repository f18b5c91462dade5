package http

import (
	"net/netip"

	"github.com/rs/zerolog"

	"keeptrack/tracker"
)

// failureInterval is the number of seconds after which a client whose request
// failed may try again.
const failureInterval = 1800

const (
	methodGet  = "GET"
	methodHead = "HEAD"
)

const statusOK = "200 OK"

// handler is what the answers depend on, the same for all connections.
type handler struct {
	tracker         *tracker.Tracker
	proxies         proxies
	redirectURL     string
	redirectField   string // the header line that names it
	allowFullScrape bool
	fullScrapes     scrapers
	log             zerolog.Logger
	counters        counters
}

func newHandler(o Options, t *tracker.Tracker) *handler {
	return &handler{
		tracker:         t,
		proxies:         makeProxies(o.TrustedProxies, o.ClientAddressHeader),
		redirectURL:     o.RedirectURL,
		redirectField:   "Location: " + o.RedirectURL + "\r\n",
		allowFullScrape: o.FullScrape,
		log:             o.Log,
	}
}

// answer answers the request in r.head.
func (r *responder) answer(source netip.Addr) step {
	from := r.clientOf(source, r.head.forwarded)
	client := from.addr
	if r.head.method != methodGet && r.head.method != methodHead {
		r.counters.count(ActionOther, client, FailureMethod)
		return r.writeLine("405 Method Not Allowed", "Allow: GET, HEAD\r\n", FailureMethod.Text())
	}
	path, query, ok := r.head.split()
	if !ok {
		return r.refuse(statusBadRequest)
	}
	switch routeOf(path) {
	case routeAnnounce:
		return r.answerAnnounce(query, from)
	case routeScrape:
		return r.answerScrape(query, client)
	case routeRoot:
		if namesTorrent(query) { // a client whose tracker has no path: it would not follow
			return r.answerAnnounce(query, from)
		}
		if r.redirectURL != "" {
			r.counters.count(ActionOther, client, FailureNone)
			return r.writeLine("302 Found", r.redirectField, r.redirectURL)
		}
	}
	r.counters.count(ActionOther, client, FailureNotFound)
	return r.writeLine("404 Not Found", "", FailureNotFound.Text())
}

func (r *responder) answerAnnounce(query string, from requester) step {
	a, reply := &r.announce, &r.reply
	if f := a.parse(query, from); f != FailureNone {
		return r.fail(ActionAnnounce, from.addr, f, failureInterval)
	}
	reply.Peers4, reply.Peers6 = reply.Peers4[:0], reply.Peers6[:0]
	r.tracker.Announce(r.now, &a.Announce, reply)
	r.trace(a, reply)
	if reply.Refused {
		return r.fail(ActionAnnounce, from.addr, FailureRefused, reply.Interval)
	}
	r.counters.count(ActionAnnounce, from.addr, FailureNone)
	r.body = appendAnnounce(r.body[:0], reply, &a.Announce, a.dictionaries)
	return r.write(statusOK, "")
}

func (r *responder) answerScrape(query string, client netip.Addr) step {
	if f := r.scrape.parse(query); f != FailureNone {
		return r.fail(ActionScrape, client, f, failureInterval)
	}
	if r.scrape.n == 0 {
		return r.answerFullScrape(client)
	}
	r.counters.count(ActionScrape, client, FailureNone)
	r.body = appendScrape(r.body[:0], r.tracker, r.now, &r.scrape)
	return r.write(statusOK, "")
}

// answerFullScrape answers a scrape of every torrent, if that is allowed. If
// so, the rows are up to stream.
func (r *responder) answerFullScrape(client netip.Addr) step {
	if !r.allowFullScrape {
		return r.fail(ActionFullScrape, client, FailureFullScrapeOff, failureInterval)
	}
	r.full = fullScrape{scraperOf(client), acceptedEncoding(r.head.encodings)}
	if r.head.method == methodHead {
		r.counters.count(ActionFullScrape, client, FailureNone)
		return r.writeStream()
	}
	if !r.fullScrapes.enter(r.full.scraper) {
		return r.fail(ActionFullScrape, client, FailureFullScrapeBusy, failureInterval)
	}
	r.counters.count(ActionFullScrape, client, FailureNone)
	return r.writeStream()
}

// fail tells an announce or scrape why it failed, and in how many seconds the
// client may try again.
func (r *responder) fail(a Action, client netip.Addr, f Failure, interval uint32) step {
	r.counters.count(a, client, f)
	r.body = appendFailure(r.body[:0], f, interval)
	return r.write(statusOK, "")
}

// trace logs an announce in full where that level is on.
func (h *handler) trace(a *announceRequest, reply *tracker.Reply) {
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
		Stringer("turned", reply.Turned).
		Int("peers4", len(reply.Peers4)/tracker.CompactSize4).
		Int("peers6", len(reply.Peers6)/tracker.CompactSize6).
		Msg("announce")
}
