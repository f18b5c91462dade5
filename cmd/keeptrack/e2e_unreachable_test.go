package main

import (
	"fmt"
	"strings"
	"testing"

	"keeptrack/tracker"
)

// unreachable is the metric of peers that are not stored for a reason.
func unreachable(reason string) string {
	return fmt.Sprintf("keeptrack_peers_unreachable_total{reason=%q}", reason)
}

// announceLine is the target of an announce of a torrent called name.
func announceLine(name string, port int) string {
	return fmt.Sprintf("/announce?port=%d&left=1&info_hash=%s", port, escaped(hashOf(name)))
}

// TestUnreachablePeersAreTold: where nobody could reach a peer it is not stored,
// and the client over HTTP, the log and the metrics say so.
func TestUnreachablePeersAreTold(t *testing.T) {
	d := start(t, testSettings(t.TempDir()).with(settings{
		"tracker.allow_private_addresses": "false", "http.trusted_proxies": `["127.0.0.2/32"]`,
	}))
	const line, port, address = "peers are answered and not stored", "port_zero", "address_not_public"
	if n := d.logged(line); n != 0 {
		t.Errorf("%d lines before anybody came", n)
	}
	announceTo(t, d.urls()["udp IPv4"], hashOf("any"), 6881, 1, tracker.EventStarted)
	announceTo(t, d.urls()["udp IPv4"], hashOf("any"), 0, 1, tracker.EventStarted)
	announceTo(t, d.urls()["udp IPv4"], hashOf("any"), 6881, 1, tracker.EventStopped)
	reply := announceTo(t, d.urls()["http IPv4"], hashOf("any"), 6881, 1, tracker.EventStarted)
	if reply.Warning != "your address is not public: others are not told of you" {
		t.Errorf("warned %q", reply.Warning)
	}
	got := runProgram(t, t.TempDir(), "announce", "--port", "0", d.urls()["http IPv4"], hashOf("any").String())
	if got.status != statusDone || !strings.Contains(got.stdout, `warning "no port given: others are not told of you"`) {
		t.Errorf("announce says %+v", got)
	}
	if m := d.metrics(); m[unreachable(address)] != 2 || m[unreachable(port)] != 2 || m["keeptrack_torrents"] != 0 {
		t.Errorf("%g not public, %g port 0, %g torrents", m[unreachable(address)], m[unreachable(port)], m["keeptrack_torrents"])
	}
	waitFor(t, "the line in the log", func() bool { return d.logged(line) > 0 })
	if n := d.logged(`"announces":{"port_zero":2,"address_not_public":2},"most_from":"127.0.0.0/24","from_there":4`); n != 1 {
		t.Errorf("%d lines with what happened", n)
	}
}

// TestAllowedNetworks takes in what is listed, or all that is private.
func TestAllowedNetworks(t *testing.T) {
	for name, c := range map[string]struct {
		keys   settings
		v4, v6 bool
	}{
		"none":       {settings{}, false, false},
		"others":     {settings{"tracker.allow_networks": `["10.0.0.0/8", "200::/7"]`}, false, false},
		"IPv4":       {settings{"tracker.allow_networks": `["127.0.0.1"]`}, true, false},
		"both":       {settings{"tracker.allow_networks": `["127.0.0.0/8", "::/0"]`}, true, true},
		"old key":    {settings{"tracker.allow_private_addresses": "true"}, true, true},
		"old and it": {settings{"tracker.allow_private_addresses": "true", "tracker.allow_networks": `["10.0.0.0/8"]`}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, testSettings(t.TempDir()).with(settings{"tracker.allow_private_addresses": "false"}).with(c.keys))
			for via, url := range d.urls() {
				stored, want := uint64(0), c.v4
				if strings.HasSuffix(via, "IPv6") {
					want = c.v6
				}
				if want {
					stored = 1
				}
				if r := announceTo(t, url, hashOf(via), 6881, 1, tracker.EventStarted); r.Leechers != stored || want != (r.Warning == "") && strings.HasPrefix(via, "http") {
					t.Errorf("%s: %+v", via, r)
				}
			}
		})
	}
}

// TestAddressesThroughProxies names clients to a daemon in every header, through
// a fixed trusted proxy, a unix socket's peer and one that is not trusted.
func TestAddressesThroughProxies(t *testing.T) {
	for _, c := range []struct{ name, header, line, address string }{ // address "": not known
		{"X-Forwarded-For", "X-Forwarded-For", "x-forwarded-for: 203.0.113.1, 203.0.113.7, 127.0.0.9", "\xcb\x00\x71\x07"},
		{"X-Real-IP", "X-Real-IP", "x-real-ip: 203.0.113.7", "\xcb\x00\x71\x07"},
		{"CF-Connecting-IP", "cf-connecting-ip", "CF-Connecting-IP: 203.0.113.7\r\nX-Forwarded-For: 203.0.113.1", "\xcb\x00\x71\x07"},
		{"Forwarded", "Forwarded", `Forwarded: for=203.0.113.1;host=",", for="203.0.113.7:4711";proto=https`, "\xcb\x00\x71\x07"},
		{"repeated", "Forwarded", "Forwarded: for=203.0.113.1\r\nForwarded: FOR=203.0.113.7\r\nforwarded: for=127.0.0.9", "\xcb\x00\x71\x07"},
		{"hidden", "Forwarded", "Forwarded: for=203.0.113.1, for=_hidden", ""},
		{"unknown", "X-Forwarded-For", "X-Forwarded-For: unknown", ""},
		{"in another header", "X-Forwarded-For", "X-Real-IP: 203.0.113.7", ""},
		{"not at all", "CF-Connecting-IP", "User-Agent: x", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := start(t, testSettings(t.TempDir()).with(settings{
				"http.trusted_proxies": `["127.0.0.0/8"]`, "http.client_address_header": fmt.Sprintf("%q", c.header),
			}))
			reply := speak(t, d.http4, "GET "+announceLine("any", 6881)+" HTTP/1.0\r\n"+c.line+"\r\n\r\n")
			named := strings.Contains(reply, "11:external ip4:"+c.address) && strings.Contains(reply, "10:incompletei1e")
			hidden := !strings.Contains(reply, "external ip") && strings.Contains(reply, "10:incompletei0e") &&
				strings.Contains(reply, "the proxy in between does not name your address")
			if c.address != "" && !named || c.address == "" && !hidden {
				t.Errorf("got %q", reply)
			}
			if n := d.metric(unreachable("proxy_names_no_client")); n == 0 != named {
				t.Errorf("%g counted as not named", n)
			}
			if n := d.metric("keeptrack_http_untrusted_proxy_total"); n != 0 {
				t.Errorf("%g counted as not trusted", n)
			}
		})
	}
}

// TestUntrustedProxyIsTold: one that was forgotten in the config does not make
// its own address a peer.
func TestUntrustedProxyIsTold(t *testing.T) {
	d := start(t, testSettings(t.TempDir()).with(settings{"http.trusted_proxies": `["192.0.2.1"]`}))
	for range 3 {
		reply := speak(t, d.http4, "GET "+announceLine("any", 6881)+" HTTP/1.0\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n")
		if !strings.Contains(reply, "10:incompletei0e") || !strings.Contains(reply, "11:external ip4:\x7f\x00\x00\x01") ||
			!strings.Contains(reply, "15:warning message63:the proxy in between is not trusted: others are not told of youe") {
			t.Errorf("got %q", reply)
		}
	}
	m := d.metrics()
	if m["keeptrack_http_untrusted_proxy_total"] != 3 || m[unreachable("proxy_not_trusted")] != 3 {
		t.Errorf("%g named, %g not stored", m["keeptrack_http_untrusted_proxy_total"], m[unreachable("proxy_not_trusted")])
	}
	if n := d.logged(`"header":"X-Forwarded-For","source":"127.0.0.1"`); n != 1 {
		t.Errorf("%d lines in the log", n)
	}
}
