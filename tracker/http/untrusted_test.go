package http

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/tracker"
)

// announceWith has h answer an announce from source with more lines in its
// header.
func announceWith(t *testing.T, h *handler, source netip.Addr, header string) dict {
	t.Helper()
	message := "GET /announce?" + announceQuery(6881, "1", "") + " HTTP/1.1\r\n" + header + "\r\n"
	return mustDict(t, exchange(h, source, message).body)
}

// TestWhoIsStored: a client that a proxy hides is answered, warned and not
// stored, whether the proxy is trusted or not; one whose own proxy says where in
// its network it is, is like any other.
func TestWhoIsStored(t *testing.T) {
	public := netip.MustParseAddr("192.0.3.1")
	trusting := Options{TrustedProxies: prefixes("10.0.0.0/8")}
	tests := []struct {
		name     string
		o        Options
		source   string // "": a unix socket
		header   string
		rejected tracker.Rejection
		address  string // that the client is told
	}{
		{"client", trusting, "192.0.3.1", "", 0, "192.0.3.1"},
		{"trusted", trusting, "10.0.0.1", "X-Forwarded-For: 192.0.3.1\r\n", 0, "192.0.3.1"},
		{"trusted, without a name", trusting, "10.0.0.1", "", tracker.RejectedUnnamed, ""},
		{"trusted, with an unknown name", trusting, "10.0.0.1", "X-Forwarded-For: 192.0.3.1, unknown\r\n", tracker.RejectedUnnamed, ""},
		{"trusted, in another header", trusting, "10.0.0.1", "X-Real-IP: 192.0.3.1\r\n", tracker.RejectedUnnamed, ""},
		{"trusted, private client", trusting, "10.0.0.1", "X-Forwarded-For: 192.168.0.1\r\n", tracker.RejectedAddress, "192.168.0.1"},
		{"unix socket", trusting, "", "x-forwarded-for: 192.0.3.1\r\n", 0, "192.0.3.1"},
		{"unix socket, without a name", Options{}, "", "", tracker.RejectedUnnamed, ""},
		{"CDN that is not trusted", trusting, "192.0.4.1", "X-Forwarded-For: 192.0.3.1\r\n", tracker.RejectedUntrusted, "192.0.4.1"},
		{"bridge that is not trusted", Options{}, "172.17.0.1", "X-Forwarded-For: 192.0.3.1\r\n", tracker.RejectedUntrusted, "172.17.0.1"},
		{"bridge without a header", Options{}, "172.17.0.1", "", tracker.RejectedAddress, "172.17.0.1"},
		{"proxy of the client", trusting, "192.0.4.1", "X-Forwarded-For: 192.168.0.7\r\n", 0, "192.0.4.1"},
		{"proxy of the client that hides it", trusting, "192.0.4.1", "X-Forwarded-For: unknown\r\n", 0, "192.0.4.1"},
		{"client that names itself", trusting, "192.0.4.1", "X-Forwarded-For: 192.0.4.1\r\n", 0, "192.0.4.1"},
		{"X-Real-IP", Options{TrustedProxies: trusting.TrustedProxies, ClientAddressHeader: "x-real-ip"}, "10.0.0.1",
			"X-Real-IP: 192.0.3.1\r\nX-Forwarded-For: 192.0.3.9\r\n", 0, "192.0.3.1"},
		{"CF-Connecting-IP", Options{TrustedProxies: trusting.TrustedProxies, ClientAddressHeader: "CF-Connecting-IP"}, "10.0.0.1",
			"cf-connecting-ip: 2a00::1\r\n", 0, "2a00::1"},
		{"Forwarded", Options{TrustedProxies: trusting.TrustedProxies, ClientAddressHeader: "FORWARDED"}, "10.0.0.1",
			"Forwarded: for=192.0.3.9\r\nforwarded: for=\"[2a00::1]:99\";proto=https, for=10.0.0.7\r\n", 0, "2a00::1"},
		{"Forwarded, hidden", Options{TrustedProxies: trusting.TrustedProxies, ClientAddressHeader: "Forwarded"}, "10.0.0.1",
			"Forwarded: for=192.0.3.9, for=_secret\r\n", tracker.RejectedUnnamed, ""},
		{"Forwarded, not trusted", Options{ClientAddressHeader: "Forwarded"}, "192.0.4.1",
			"Forwarded: for=192.0.3.9\r\n", tracker.RejectedUntrusted, "192.0.4.1"},
		{"another header, not trusted", Options{}, "192.0.4.1", "Forwarded: for=192.0.3.9\r\n", 0, "192.0.4.1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHandler(test.o, tracker.New(tracker.Options{DefaultNumWant: 50, MaxNumWant: 200, PeerTimeout: time.Hour}, time.Now()))
			get(h, public.Next(), "/announce", announceQuery(1, "1", ""))
			var source netip.Addr
			if test.source != "" {
				source = netip.MustParseAddr(test.source)
			}
			got := announceWith(t, h, source, test.header)
			text, _ := got["warning message"].(string)
			stored := test.rejected == tracker.NotRejected
			if want := map[bool]int64{true: 2, false: 1}[stored]; got["incomplete"] != want || text != warnings[test.rejected] {
				t.Errorf("got %q, want %d leechers", got, want)
			}
			if got["peers"] != "\xc0\x00\x03\x02\x00\x01" {
				t.Errorf("no peers: %q", got)
			}
			told, _ := got["external ip"].(string)
			if address, _ := netip.AddrFromSlice([]byte(told)); told != "" && address.String() != test.address || told == "" && test.address != "" {
				t.Errorf("is told %q", told)
			}
			if !stored && h.tracker.Stats().PeersRejected[test.rejected] != 1 {
				t.Errorf("counted %v", h.tracker.Stats().PeersRejected)
			}
		})
	}
}

// TestUntrustedIsWarnedOfOnce, and counted each time, whatever is asked for.
func TestUntrustedIsWarnedOfOnce(t *testing.T) {
	var log bytes.Buffer
	h := newHandler(Options{Log: zerolog.New(&log).Level(zerolog.DebugLevel), TrustedProxies: prefixes("10.0.0.0/8")}, newTracker())
	announceWith(t, h, addr1, "")
	announceWith(t, h, netip.MustParseAddr("10.0.0.1"), "X-Forwarded-For: 192.0.2.9\r\n")
	announceWith(t, h, netip.Addr{}, "X-Forwarded-For: 192.0.2.9\r\n")
	if h.counters.stats().Untrusted != 0 || log.Len() > 0 {
		t.Errorf("counted %d, %s", h.counters.stats().Untrusted, &log)
	}
	announceWith(t, h, addr1, "X-Forwarded-For: 192.0.2.9\r\n")
	announceWith(t, h, addr2, "x-forwarded-for: unknown\r\nX-Forwarded-For: 192.0.2.9\r\n")
	exchange(h, addr6, "GET /x HTTP/1.1\r\nX-Forwarded-For:\r\n\r\n")
	if n := h.counters.stats().Untrusted; n != 3 {
		t.Errorf("counted %d", n)
	}
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, `"level":"warn"`) ||
		!strings.Contains(text, `"source":"192.0.2.1"`) || !strings.Contains(text, `"header":"X-Forwarded-For"`) {
		t.Errorf("logged %s", text)
	}
}
