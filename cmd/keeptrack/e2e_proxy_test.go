package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keeptrack/internal/testenv"
)

// reverseProxy is one that people put in front of a tracker, with the example
// for it.
type reverseProxy struct {
	program, example string
	ip4, ip6         string // what the example listens on
	listen           string // how to listen on an address
	tcp, unix        string // what names the daemon; the second is a comment
	// command runs the proxy with the config at path.
	command func(t *testing.T, dir, path string) *exec.Cmd
}

// exampleSocket is the unix socket in the examples.
const exampleSocket = "/run/keeptrack/http.sock"

var reverseProxies = []reverseProxy{
	{
		program: "nginx", example: "nginx/keeptrack.conf",
		ip4: "listen 80;", ip6: "listen [::]:80;", listen: "listen %s;",
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
		tcp: "server keeptrack 127.0.0.1:6969\n", unix: "server keeptrack unix@" + exampleSocket + "\n",
		command: func(_ *testing.T, _, path string) *exec.Cmd { return exec.Command("haproxy", "-db", "-f", path) },
	},
}

// TestReverseProxies runs each with its example, over TCP and a unix socket.
// The tracker sees the address that the proxy was called from, whatever the
// client says of itself.
func TestReverseProxies(t *testing.T) {
	for _, p := range reverseProxies {
		t.Run(p.program+" over TCP", func(t *testing.T) {
			d := start(t, testSettings(t.TempDir()).with(settings{"http.trusted_proxies": `["127.0.0.1/32"]`}))
			example := strings.ReplaceAll(p.text(t), "127.0.0.1:6969", d.http4)
			p.test(t, d, example)
		})
		t.Run(p.program+" over a unix socket", func(t *testing.T) {
			dir := t.TempDir()
			socket := filepath.Join(dir, "http.sock")
			d := start(t, testSettings(dir).with(settings{"http.listen": fmt.Sprintf("[%q]", "unix:"+socket)}))
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
	p.start(t, substitute(t, example, p.ip4, fmt.Sprintf(p.listen, addr4), p.ip6, line6))
	for address, from := range clients {
		for range 3 {
			waitFor(t, "a reply through "+p.program, func() bool { return viaProxy(t, address, from) })
		}
	}
	waitFor(t, "connections to the daemon to be kept", func() bool { return d.metric("keeptrack_http_connections") >= 1 })
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
