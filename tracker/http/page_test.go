package http

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	nethttp "net/http"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"keeptrack/tracker"
)

// usualPorts are those of a tracker on port 6969 with a TLS port.
func usualPorts() []Port {
	return []Port{{"udp", 6969, false}, {"http", 6969, false}, {"https", 443, false}}
}

// urlsOn returns the announce URLs on a page.
func urlsOn(body string) (urls []string) {
	for _, m := range regexp.MustCompile(`<code>([^<]*)</code>`).FindAllStringSubmatch(body, -1) {
		urls = append(urls, m[1])
	}
	return urls
}

// TestPageURLs: they have the name by which a browser asks, and what cannot be one is
// shown by neither engine.
func TestPageURLs(t *testing.T) {
	const none = ""
	tests := []struct{ name, send, want string }{
		{"name and port", "GET / HTTP/1.1\r\nHost: tracker.example.org:6969\r\n\r\n",
			"udp://tracker.example.org:6969/announce https://tracker.example.org:443/announce http://tracker.example.org:6969/announce"},
		{"name without a port", "GET / HTTP/1.1\r\nHost: Tracker.example\r\n\r\n",
			"udp://tracker.example:6969/announce https://tracker.example:443/announce http://tracker.example:80/announce"},
		{"behind a proxy with TLS", "GET / HTTP/1.1\r\nHost: x.example\r\nX-Forwarded-Proto: https, http\r\n\r\n",
			"udp://x.example:6969/announce http://x.example:6969/announce https://x.example:443/announce"},
		{"IPv4 address", "GET / HTTP/1.1\r\nHost: 192.0.2.1:80\r\n\r\n", "udp://192.0.2.1:6969/announce https://192.0.2.1:443/announce http://192.0.2.1:80/announce"},
		{"IPv6 address", "GET /?x HTTP/1.1\r\nHost: [2001:DB8::1]:6969\r\n\r\n",
			"udp://[2001:db8::1]:6969/announce https://[2001:db8::1]:443/announce http://[2001:db8::1]:6969/announce"},
		{"absolute form", "GET http://other.example:8080/ HTTP/1.1\r\nHost: x\r\n\r\n",
			"udp://other.example:6969/announce https://other.example:443/announce http://other.example:8080/announce"},
		{"absolute form without a path", "GET http://other.example?a=/ HTTP/1.1\r\nHost: x\r\n\r\n",
			"udp://other.example:6969/announce https://other.example:443/announce http://other.example:80/announce"},
		{"HTTP/1.0 without a host", "GET / HTTP/1.0\r\n\r\n", none},
		{"no name", "GET / HTTP/1.1\r\nHost: \r\n\r\n", none},
		{"port alone", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", none},
		{"port 0", "GET / HTTP/1.1\r\nHost: x:0\r\n\r\n", none},
		{"port too high", "GET / HTTP/1.1\r\nHost: x:65536\r\n\r\n", none},
		{"zone", "GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n", none},
		{"no IPv6 address", "GET / HTTP/1.1\r\nHost: [192.0.2.1]\r\n\r\n", none},
		{"escapes", "GET / HTTP/1.1\r\nHost: %3Cb%3E\r\n\r\n", none},
		{"quotes", "GET / HTTP/1.1\r\nHost: a'b\r\n\r\n", none},
		{"too long", "GET / HTTP/1.1\r\nHost: " + strings.Repeat("a", 254) + "\r\n\r\n", none},
	}
	onEachEngine(t, func(t *testing.T, start starter) {
		s := start(t, Options{Page: &Page{Ports: usualPorts}}, standardTimeouts)
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				conn, r := dial(t, s.Addrs()[0])
				io.WriteString(conn, test.send)
				resp, body := response(t, r)
				if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
					t.Fatalf("%d %v", resp.StatusCode, resp.Header)
				}
				if got := strings.Join(urlsOn(body), " "); got != test.want {
					t.Errorf("got  %s\nwant %s", got, test.want)
				}
			})
		}
	})
}

// TestPageOverTLS: the URL by which a browser has come is one with https.
func TestPageOverTLS(t *testing.T) {
	for _, two := range []bool{false, true} {
		s, _, _ := serveTLS(t, Options{Page: &Page{Ports: usualPorts}}, standardTimeouts, newTracker())
		base := "https://" + s.Addrs()[0].String()
		_, body := fetch(t, clientOf(t, two), "GET", base+"/")
		if got, want := strings.Join(urlsOn(body), " "), "udp://127.0.0.1:6969/announce http://127.0.0.1:6969/announce "+base+"/announce"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestPageIsAlikeOnEachEngine: header, body, and HEAD without one.
func TestPageIsAlikeOnEachEngine(t *testing.T) {
	got := map[string][]exchangedPage{}
	var mu sync.Mutex
	onEachEngine(t, func(t *testing.T, start starter) {
		s := start(t, Options{Page: &Page{Contact: "abuse@example.org", Ports: usualPorts}}, standardTimeouts)
		var all []exchangedPage
		for _, method := range []string{"GET", "HEAD"} {
			conn, r := dial(t, s.Addrs()[0])
			io.WriteString(conn, method+" / HTTP/1.1\r\nHost: tracker.example.org\r\n\r\n")
			resp, err := nethttp.ReadResponse(r, &nethttp.Request{Method: method})
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.ContentLength < 500 || (len(body) == 0) != (method == "HEAD") {
				t.Errorf("%s: %d of %d bytes, %v", method, len(body), resp.ContentLength, err)
			}
			all = append(all, exchangedPage{resp.StatusCode, resp.Header, resp.ContentLength, string(body)})
		}
		if n := s.Stats().Requests[ActionPage][tracker.IPv4].OK; n != 2 {
			t.Errorf("%d requests counted", n)
		}
		mu.Lock()
		defer mu.Unlock()
		got[t.Name()] = all
	})
	var first []exchangedPage
	for name, all := range got {
		if first == nil {
			first = all
		}
		if !reflect.DeepEqual(all, first) {
			t.Errorf("%s: %+v\nthe other: %+v", name, all, first)
		}
	}
}

type exchangedPage struct {
	status int
	header nethttp.Header
	length int64
	body   string
}

// TestPagePolicy: the style is the one that the policy names, there is no script, and
// nothing is loaded.
func TestPagePolicy(t *testing.T) {
	h := newHandler(Options{Page: &Page{Contact: `"><script>x</script>`, Ports: usualPorts}}, newTracker())
	r := get(h, addr1, "/", "")
	policy := r.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "style-src 'sha256-", "base-uri 'none'", "form-action 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy %q lacks %s", policy, part)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "script") {
		t.Errorf("the policy is %q", policy)
	}
	if strings.Contains(r.body, "<script") || strings.Contains(r.body, "src=") || strings.Contains(r.body, ` style=`) {
		t.Errorf("the page is %s", r.body)
	}
	if r.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("header %v", r.Header)
	}
}

// TestPageContact: e-mail and web addresses are links, nothing else is.
func TestPageContact(t *testing.T) {
	for contact, want := range map[string]string{
		"abuse@example.org":           `<a rel="nofollow" href="mailto:abuse@example.org">abuse@example.org</a>`,
		"a+b&c@example.org":           `<a rel="nofollow" href="mailto:a+b&amp;c@example.org">a+b&amp;c@example.org</a>`,
		"https://example.org/?a=1&b":  `<a rel="nofollow" href="https://example.org/?a=1&amp;b">https://example.org/?a=1&amp;b</a>`,
		"javascript:alert(1)":         `javascript:alert(1)`,
		"Ann <abuse@example.org>":     `Ann &lt;abuse@example.org&gt;`,
		`"onmouseover="x"@example`:    `&#34;onmouseover=&#34;x&#34;@example`,
		"matrix: @ann:example.org":    `matrix: @ann:example.org`,
		"data:text/html,<b>":          `data:text/html,&lt;b&gt;`,
		`https://example.org/"onx="y`: `<a rel="nofollow" href="https://example.org/%22onx=%22y">https://example.org/&#34;onx=&#34;y</a>`,
	} {
		if got := string(appendContact(nil, contact)); got != want {
			t.Errorf("%s: %s\nwant %s", contact, got, want)
		}
	}
	h := newHandler(Options{Page: &Page{Ports: usualPorts}}, newTracker())
	if r := get(h, addr1, "/", ""); strings.Contains(r.body, "Contact") {
		t.Errorf("without a contact: %s", r.body)
	}
}

// TestPageYieldsToTheRest: announces to no path and a redirection go first, and without
// a page nothing is found.
func TestPageYieldsToTheRest(t *testing.T) {
	page := &Page{Ports: usualPorts}
	if r := get(newHandler(Options{Page: page}, newTracker()), addr1, "/", libtorrentQuery); r.StatusCode != 200 || !strings.HasPrefix(r.body, "d8:complete") {
		t.Errorf("an announce to /: %d %q", r.StatusCode, r.body)
	}
	if r := get(newHandler(Options{Page: page, RedirectURL: "https://example.org/"}, newTracker()), addr1, "/", ""); r.StatusCode != 302 {
		t.Errorf("with a redirection: %d", r.StatusCode)
	}
	if r := get(newHandler(Options{}, newTracker()), addr1, "/", ""); r.StatusCode != 404 {
		t.Errorf("without a page: %d", r.StatusCode)
	}
}

// TestPageCounts: they are the tracker's, added up once in a while, however many ask.
func TestPageCounts(t *testing.T) {
	tr := newTracker()
	h := newHandler(Options{Page: &Page{Ports: usualPorts}}, tr)
	shows := func(now time.Time, torrents, peers, seeders int) {
		t.Helper()
		body := string(h.page.append(nil, site{}, now))
		for id, n := range map[string]int{"torrents": torrents, "peers": peers, "seeders": seeders} {
			if want := fmt.Sprintf(`<dd id="%s">%d</dd>`, id, n); !strings.Contains(body, want) {
				t.Errorf("the page lacks %s: %s", want, body)
			}
		}
	}
	now := time.Now()
	shows(now, 0, 0, 0)
	get(h, addr1, "/announce", announceQuery(1, "0", ""))
	get(h, addr6, "/announce", announceQuery(2, "1", ""))
	shows(now.Add(pageAge-1), 0, 0, 0)
	shows(now.Add(pageAge), 1, 2, 1)
	get(h, addr2, "/announce", announceQuery(3, "1", ""))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 100 {
				h.page.current(now.Add(pageAge + time.Duration(i)*pageAge/10))
			}
		})
	}
	all.Wait()
	shows(now.Add(20*pageAge), 1, 3, 1)
	// While one request adds up, others do not wait for it.
	h.page.counting.Lock()
	shows(now.Add(40*pageAge), 1, 3, 1)
	h.page.counting.Unlock()
}

// TestLocalPorts: a port that a reverse proxy alone can reach is shown on this host alone.
func TestLocalPorts(t *testing.T) {
	h := newHandler(Options{Page: &Page{Ports: func() []Port { return []Port{{"udp", 6969, false}, {"https", 8443, true}} }}}, newTracker())
	for name, want := range map[string]string{
		"x.example": "[udp://x.example:6969/announce http://x.example:80/announce]",
		"localhost": "[udp://localhost:6969/announce https://localhost:8443/announce http://localhost:80/announce]",
		"[::1]":     "[udp://[::1]:6969/announce https://[::1]:8443/announce http://[::1]:80/announce]",
	} {
		if got := fmt.Sprint(h.page.urls(site{"http", name, 80})); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// FuzzSite: what is made of a head is what net/http makes of it, and nothing but a host.
func FuzzSite(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: tracker.example.org:6969\r\nX-Forwarded-Proto: https\r\n\r\n",
		"GET http://other.example:8080/ HTTP/1.1\r\nhost: x\r\nx-forwarded-proto: http\r\nX-Forwarded-Proto: https\r\n\r\n",
		"GET /://x HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n",
		"GET / HTTP/1.0\n\n",
		"GET http:// HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET http://user@x HTTP/1.1\r\n\r\n",
		"\r\n\r\nGET / HTTP/1.1\nHost:\ta_b\t\n\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var h head
		size, refusal := h.parse(text, defaultClientHeader)
		if size == 0 || refusal != 0 {
			return
		}
		got := (&request{head: text[:size]}).site()
		if got.name != "" {
			u, err := url.Parse(announceURL(got.scheme, got.name, got.port))
			if err != nil || u.Hostname() != strings.Trim(got.name, "[]") || u.Port() != fmt.Sprint(got.port) || u.Path != "/announce" || strings.ContainsAny(got.name, `<>"'& /`) {
				t.Errorf("%q has %+v, which makes %v, %v", text, got, u, err)
			}
		}
		r, err := nethttp.ReadRequest(bufio.NewReader(bytes.NewReader([]byte(text[:size]))))
		if err != nil || r.ProtoMajor != 1 || !strings.HasPrefix(h.target, "/") && !strings.HasPrefix(strings.ToLower(h.target), "http://") {
			return // refused by net/http, or no page either way
		}
		if want := (&request{over: r}).site(); got != want {
			t.Errorf("%q has %+v, over net/http %+v", text, got, want)
		}
	})
}
