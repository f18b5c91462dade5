package http

import (
	"net/netip"
	"strings"
	"testing"

	"keeptrack/tracker"
	"keeptrack/tracker/trace"
)

// TestReport: each request is told of with its outcome, while somebody traces.
func TestReport(t *testing.T) {
	var traces trace.Traces
	h := newHandler(Options{Traces: &traces}, newTracker())
	refused := tracker.InfoHash([]byte("refusedrefusedrefuse"))
	h.tracker.SetAccess(&tracker.Access{Mode: tracker.AccessDeny, List: tracker.NewHashSet([]tracker.InfoHash{refused})})
	tr, err := traces.Begin(trace.Filter{Client: netip.PrefixFrom(addr1, addr1.BitLen())})
	if err != nil {
		t.Fatal(err)
	}
	const hash = "info_hash=abcdefghijabcdefghij"
	named, err := traces.Begin(trace.Filter{Hash: new(tracker.InfoHash([]byte("abcdefghijabcdefghij")))})
	if err != nil {
		t.Fatal(err)
	}
	for request, want := range map[string]string{
		"GET /announce?" + hash + "&port=1&left=0&peer_id=-qB4650-abcdefghijkl": "announce stored ",
		"GET /announce?" + hash + "&port=1&event=stopped":                       "announce stopped ",
		"GET /announce?" + hash + "&port=0":                                     "announce not_stored port_zero",
		"GET /announce?" + hash + "&port=x":                                     "announce malformed port_malformed",
		"GET /announce?" + hash + "&port=1&" + hash:                             "announce malformed info_hash_repeated",
		"GET /announce?port=1":                                                  "announce malformed info_hash_missing",
		"GET /announce?info_hash=refusedrefusedrefuse&port=1":                   "announce refused access_list",
		"GET /scrape?" + hash:                                                   "scrape answered ",
		"GET /scrape":                                                           "full_scrape failed full_scrape_off",
		"GET /favicon.ico":                                                      "other failed not_found",
		"PUT /announce":                                                         "other failed method",
		"nonsense":                                                              "other malformed Bad Request",
	} {
		r := responderOf(h)
		r.tracing = traces.Active()
		message := request + " HTTP/1.1\r\nHost: h\r\n\r\n"
		if request == "nonsense" {
			message = "\x16\x03\x01nonsense\r\n\r\n"
		}
		r.respond([]byte(message), addr1)
		if got, want := len(named.Events()) > 0, strings.Contains(request, hash); got != want {
			t.Errorf("%s: told of by its hash: %v, want %v", request, got, want)
		}
		select {
		case e := <-tr.Events():
			if got := e.Action + " " + string(e.Outcome) + " " + e.Reason; got != want || e.Transport != "http" || e.Client != addr1.String() {
				t.Errorf("%s: %q, %+v, want %q", request, got, e, want)
			}
			if e.Outcome == trace.Stored && (e.PeerID != "-qB4650-abcdefghijkl" || e.Left == nil || *e.Left != 0 || len(e.Hashes) != 1) {
				t.Errorf("%s: %+v, %+v", request, e, e.Announce)
			}
			if e.Outcome == trace.Stopped && (e.PeerID != "" || e.Left != nil) {
				t.Errorf("%s: made up %+v", request, e.Announce)
			}
		default:
			t.Errorf("%s: no event", request)
		}
		r.respond([]byte(message), addr2)
		for len(named.Events()) > 0 {
			<-named.Events()
		}
	}
	if n := len(tr.Events()); n != 0 {
		t.Errorf("%d events of another client", n)
	}
}
