package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
)

// reverseProxy is one that people put in front of a tracker, with the example
// for it.
type reverseProxy struct {
	program, example string
	ip4, ip6         string // what the example listens on
	listen           string // how to listen on an address
	// tls4 and tls6 are what it listens on with TLS, listenTLS how to do that on an
	// address, and certificate and key the files that it names. A key of "" is in the
	// certificate's.
	tls4, tls6, listenTLS string
	certificate, key      string
	tcp, unix             string // what names the daemon; the second is a comment
	// command runs the proxy with the config at path.
	command func(t *testing.T, dir, path string) *exec.Cmd
}

// exampleSocket is the unix socket in the examples.
const exampleSocket = "/run/keeptrack/http.sock"

var reverseProxies = []reverseProxy{
	{
		program: "nginx", example: "nginx/keeptrack.conf",
		ip4: "listen 80;", ip6: "listen [::]:80;", listen: "listen %s;",
		tls4: "listen 443 ssl http2;", tls6: "listen [::]:443 ssl http2;", listenTLS: "listen %s ssl http2;",
		certificate: "/etc/letsencrypt/live/tracker.example.org/fullchain.pem", key: "/etc/letsencrypt/live/tracker.example.org/privkey.pem",
		tcp: "server 127.0.0.1:6969;", unix: "server unix:" + exampleSocket + ";",
		command: func(t *testing.T, dir, path string) *exec.Cmd {
			main := filepath.Join(dir, "nginx.conf")
			text := "daemon off;\nmaster_process off;\npid nginx.pid;\nevents {}\nhttp {\n"
			for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
				text += fmt.Sprintf("%s_temp_path %s/%s;\n", kind, dir, kind)
			}
			if err := os.WriteFile(main, []byte(text+"include "+path+";\n}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			return exec.Command("nginx", "-e", "stderr", "-p", dir, "-c", main)
		},
	},
	{
		program: "haproxy", example: "haproxy/keeptrack.cfg",
		ip4: "bind :80\n", ip6: "bind :::80 v6only\n", listen: "bind %s\n",
		tls4: "bind :443 ssl", tls6: "bind :::443 v6only ssl", listenTLS: "bind %s ssl",
		certificate: "/etc/haproxy/tracker.example.org.pem",
		tcp:         "server keeptrack 127.0.0.1:6969\n", unix: "server keeptrack unix@" + exampleSocket + "\n",
		command: func(_ *testing.T, _, path string) *exec.Cmd { return exec.Command("haproxy", "-db", "-f", path) },
	},
}

// TestReverseProxies runs each with its example, over TCP and a unix socket.
// The tracker sees the address that the proxy was called from, whatever the
// client says of itself.
func TestReverseProxies(t *testing.T) {
	for _, p := range reverseProxies {
		t.Run(p.program+" over TCP", func(t *testing.T) {
			d := start(t, testSettings(t.TempDir()).with(settings{"http.trusted_proxies": `["127.0.0.1/32"]`, "http.page": "true"}))
			example := strings.ReplaceAll(p.text(t), "127.0.0.1:6969", d.http4)
			p.test(t, d, example)
		})
		t.Run(p.program+" over a unix socket", func(t *testing.T) {
			dir := t.TempDir()
			socket := filepath.Join(dir, "http.sock")
			d := start(t, testSettings(dir).with(settings{"http.listen": fmt.Sprintf("[%q]", "unix:"+socket), "http.page": "true"}))
			example := substitute(t, p.text(t), p.tcp, "\n", "#"+p.unix, p.unix)
			p.test(t, d, strings.ReplaceAll(example, exampleSocket, socket))
		})
	}
}

// text returns the example, if the proxy can be run here.
func (p *reverseProxy) text(t *testing.T) string {
	t.Helper()
	testenv.NeedProgram(t, p.program)
	b, err := os.ReadFile(filepath.Join("..", "..", "packaging", p.example))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// test announces through the proxy with the example as its config, but for the
// addresses that it listens on.
func (p *reverseProxy) test(t *testing.T, d *instance, example string) {
	addr4 := fmt.Sprint("127.0.0.1:", freePort(t))
	clients, line6 := map[string]string{addr4: "127.0.0.2"}, "\n"
	if hasIPv6() {
		addr6 := fmt.Sprint("[::1]:", freePort(t))
		clients[addr6], line6 = "::1", fmt.Sprintf(p.listen, addr6)
	}
	tls4, tls6, a := fmt.Sprint("127.0.0.1:", freePort(t)), fmt.Sprint("127.0.0.1:", freePort(t)), newAuthority(t)
	example = substitute(t, example, p.tls4, fmt.Sprintf(p.listenTLS, tls4), p.tls6, fmt.Sprintf(p.listenTLS, tls6))
	p.start(t, p.withCertificate(t, a, substitute(t, example, p.ip4, fmt.Sprintf(p.listen, addr4), p.ip6, line6)))
	for address, from := range clients {
		for range 3 {
			waitFor(t, "a reply through "+p.program, func() bool { return viaProxy(t, address, from) })
		}
	}
	// The page has the name that a browser asks for.
	resp, page := get(t, "http://"+addr4+"/", "Host", "tracker.example.org", "X-Forwarded-Proto", "https")
	if want := "http://tracker.example.org:80/announce"; resp.StatusCode != http.StatusOK || !strings.Contains(page, want) {
		t.Errorf("the page lacks %s: %d %s", want, resp.StatusCode, page)
	}
	for version, address := range map[int]string{1: tls4, 2: tls6} {
		body, _, err := fetched(a.client(version), version, "https://"+address+announcePath(hashOf("by proxy"), 4000+version))
		if err != nil || !strings.Contains(body, "external ip4:\x7f\x00\x00\x01") {
			t.Errorf("HTTP/%d over TLS: %v, %q", version, err, body)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "tracker.example.org"
		page := fetch(t, a.client(version), req)
		if want := "https://tracker.example.org:443/announce"; !strings.Contains(page, want) {
			t.Errorf("HTTP/%d over TLS: the page lacks %s: %s", version, want, page)
		}
	}
	waitFor(t, "connections to the daemon to be kept", func() bool { return d.metric("keeptrack_http_connections") >= 1 })
}

// withCertificate returns an example with a certificate of an authority's.
func (p *reverseProxy) withCertificate(t *testing.T, a *authority, example string) string {
	t.Helper()
	certificate, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	a.issue(certificate, key, "tracker.example.org", time.Hour)
	if p.key != "" {
		return strings.ReplaceAll(strings.ReplaceAll(example, p.certificate, certificate), p.key, key)
	}
	secret, err := os.ReadFile(key)
	if err == nil {
		err = os.WriteFile(certificate, append([]byte(readText(t, certificate)), secret...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(example, p.certificate, certificate)
}

// start runs the proxy until the test ends.
func (p *reverseProxy) start(t *testing.T, config string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "example.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	startForeign(t, p.program, p.command(t, dir, path))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("config of %s:\n%s", p.program, config)
		}
	})
}

// viaProxy announces from an address over a connection of its own, lying about
// that address, to one of the paths that torrents name. ok is false if there is no reply yet.
func viaProxy(t *testing.T, proxy, from string) (ok bool) {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialer.DialContext}}
	req, err := http.NewRequest(http.MethodGet, "http://"+proxy+"/KEY/announce?port=6881&info_hash="+strings.Repeat("a", 20), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Forwarded-For", "203.0.113.7")
	resp, err := c.Do(req)
	if err != nil {
		return false // it does not listen yet
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	seen := netip.MustParseAddr(from).AsSlice()
	if want := fmt.Sprintf("external ip%d:%s", len(seen), seen); !strings.Contains(string(body), want) {
		t.Errorf("%s is seen as %q", from, body)
	}
	return true
}

// substitute replaces parts of a text that have to be there, in pairs.
func substitute(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("no %q in\n%s", pairs[i], text)
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

// unixClient returns a client that reaches the unix socket at path whatever the
// URL says.
func unixClient(path string) *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
}

// fetch returns the body of the reply to a request.
func fetch(t *testing.T, c *http.Client, req *http.Request) string {
	t.Helper()
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestUnixSockets serves HTTP and the admin address on unix sockets alone.
func TestUnixSockets(t *testing.T) {
	dir := t.TempDir()
	tracker, admin := filepath.Join(dir, "http.sock"), filepath.Join(dir, "admin.sock")
	s := testSettings(dir).with(settings{
		"http.listen":  fmt.Sprintf("[%q]", "unix:"+tracker),
		"admin.listen": fmt.Sprintf("%q", "unix:"+admin),
	})
	config := s.write(t)
	serve := func() *instance {
		return startCommand(t, program(t, dir, "serve", "--config", config), unixClient(admin))
	}
	serve().kill() // and leaves its sockets
	d := serve()
	if d.admin != "unix:"+admin || d.http4 != "unix:"+tracker {
		t.Errorf("serves HTTP on %s, admin on %s", d.http4, d.admin)
	}
	announce := func(forwarded string) string {
		req, err := http.NewRequest(http.MethodGet, "http://tracker/announce?port=6881&info_hash="+strings.Repeat("a", 20), nil)
		if err != nil {
			t.Fatal(err)
		}
		if forwarded != "" {
			req.Header.Set("X-Forwarded-For", forwarded)
		}
		return fetch(t, unixClient(tracker), req)
	}
	if got := announce(""); !strings.Contains(got, "10:incompletei0e") {
		t.Errorf("without X-Forwarded-For: %q", got)
	}
	if got := announce("203.0.113.7"); !strings.Contains(got, "external ip4:\xcb\x00\x71\x07") || !strings.Contains(got, "10:incompletei1e") {
		t.Errorf("with X-Forwarded-For: %q", got)
	}
	if got := runProgram(t, dir, "serve", "--config", config); got.status != statusFailed || !strings.Contains(got.stderr, admin) {
		t.Errorf("a second daemon: %+v", got)
	}
	for i, args := range [][]string{{"--config", config}, {"--admin", "unix:" + admin}} {
		out := filepath.Join(dir, fmt.Sprint("copy", i))
		if got := runProgram(t, dir, slices.Concat([]string{"backup"}, args, []string{out})...); got.status != statusDone {
			t.Errorf("backup %v: %+v", args, got)
		}
	}
	d.stop()
	if n := d.logged(`"client":"unix",`); n != 2 {
		t.Errorf("%d backups in the log with where they went:\n%s", n, strings.Join(d.log, "\n"))
	}
	for _, path := range []string{tracker, admin} {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
}

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
	const line, port, address = "peers are answered but not stored", "port_zero", "address_not_public"
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
