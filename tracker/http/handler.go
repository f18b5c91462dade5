package http

import (
	nethttp "net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/tracker"
)

const (
	// failureInterval is the number of seconds after which a client whose
	// request failed may try again.
	failureInterval = 1800
	// autoLength is the length in bytes up to which net/http counts a reply
	// itself, without allocation.
	autoLength = 2048
)

var plainText = []string{"text/plain"}

// handler answers the requests.
type handler struct {
	tracker         *tracker.Tracker
	proxies         proxies
	redirectURL     string
	allowFullScrape bool
	fullScrapes     chan struct{} // one element for each under way
	log             zerolog.Logger
	counters        counters
	works           sync.Pool // of *work
}

// work is the memory that one request needs, kept for the next.
type work struct {
	announce announceRequest
	reply    tracker.Reply
	scrape   scrapeRequest
	body     []byte
}

func newHandler(o Options, t *tracker.Tracker) *handler {
	return &handler{
		tracker:         t,
		proxies:         makeProxies(o.TrustedProxies),
		redirectURL:     o.RedirectURL,
		allowFullScrape: o.FullScrape,
		fullScrapes:     make(chan struct{}, maxFullScrapes),
		log:             o.Log,
		works:           sync.Pool{New: func() any { return new(work) }},
	}
}

// ServeHTTP answers one request.
func (h *handler) ServeHTTP(w nethttp.ResponseWriter, r *nethttp.Request) {
	client := h.proxies.clientAddr(r)
	if r.Method != nethttp.MethodGet {
		w.Header().Set("Allow", nethttp.MethodGet)
		h.reject(w, r, client, nethttp.StatusMethodNotAllowed, FailureMethod)
		return
	}
	switch r.URL.Path {
	case "/announce", "/announce/", "/announce.php":
		h.announce(w, r, client)
	case "/scrape", "/scrape/", "/scrape.php":
		h.scrape(w, r, client)
	case "/":
		h.root(w, r, client)
	default:
		h.reject(w, r, client, nethttp.StatusNotFound, FailureNotFound)
	}
}

func (h *handler) announce(w nethttp.ResponseWriter, r *nethttp.Request, client netip.Addr) {
	k := h.works.Get().(*work)
	defer h.works.Put(k)
	f := h.answerAnnounce(k, r.URL.RawQuery, client, h.tracker.Instant(time.Now()))
	h.counters.count(ActionAnnounce, client, f)
	write(w, r, nethttp.StatusOK, k.body)
}

// answerAnnounce carries an announce out and puts the reply into k.body.
func (h *handler) answerAnnounce(k *work, raw string, client netip.Addr, now tracker.Instant) Failure {
	a, reply := &k.announce, &k.reply
	if f := a.parse(raw, client); f != FailureNone {
		k.body = appendFailure(k.body[:0], f, failureInterval)
		return f
	}
	reply.Peers4, reply.Peers6 = reply.Peers4[:0], reply.Peers6[:0]
	h.tracker.Announce(now, &a.Announce, reply)
	h.trace(a, reply)
	if reply.Refused {
		k.body = appendFailure(k.body[:0], FailureRefused, reply.Interval)
		return FailureRefused
	}
	k.body = appendAnnounce(k.body[:0], reply, a.Peer, a.dictionaries)
	return FailureNone
}

func (h *handler) scrape(w nethttp.ResponseWriter, r *nethttp.Request, client netip.Addr) {
	k := h.works.Get().(*work)
	defer h.works.Put(k)
	action := ActionScrape
	f := k.scrape.parse(r.URL.RawQuery)
	full := f == FailureNone && k.scrape.n == 0
	if full {
		action = ActionFullScrape
		f = h.fullScrape(w)
	}
	h.counters.count(action, client, f)
	switch {
	case f != FailureNone:
		k.body = appendFailure(k.body[:0], f, failureInterval)
	case full:
		return // has been written
	default:
		k.body = appendScrape(k.body[:0], h.tracker, h.tracker.Instant(time.Now()), &k.scrape)
	}
	write(w, r, nethttp.StatusOK, k.body)
}

// root answers a browser.
func (h *handler) root(w nethttp.ResponseWriter, r *nethttp.Request, client netip.Addr) {
	if h.redirectURL == "" {
		h.reject(w, r, client, nethttp.StatusNotFound, FailureNotFound)
		return
	}
	h.counters.count(ActionOther, client, FailureNone)
	w.Header().Set("Location", h.redirectURL)
	write(w, r, nethttp.StatusFound, []byte(h.redirectURL+"\n"))
}

// reject answers a request that is neither announce nor scrape with one line.
func (h *handler) reject(w nethttp.ResponseWriter, r *nethttp.Request, client netip.Addr, status int, f Failure) {
	h.counters.count(ActionOther, client, f)
	write(w, r, status, []byte(f.Text()+"\n"))
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
		Int("peers4", len(reply.Peers4)/tracker.CompactSize4).
		Int("peers6", len(reply.Peers6)/tracker.CompactSize6).
		Msg("announce")
}

// write sends a whole reply with its length. An error is no concern of ours:
// the client has gone.
func write(w nethttp.ResponseWriter, r *nethttp.Request, status int, body []byte) {
	header := w.Header()
	header["Content-Type"] = plainText
	keep := wantsKeepAlive10(r)
	if keep {
		header.Set("Connection", "keep-alive")
	}
	if keep || len(body) > autoLength {
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// wantsKeepAlive10 tells whether an HTTP/1.0 client asks to keep the
// connection, which net/http does only if the reply says so too.
func wantsKeepAlive10(r *nethttp.Request) bool {
	return r.ProtoMajor == 1 && r.ProtoMinor == 0 && strings.EqualFold(r.Header.Get("Connection"), "keep-alive")
}
