package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"keeptrack/tracker"
	"keeptrack/tracker/busiest"
	"keeptrack/tracker/trace"
)

// fakeAPI keeps torrents and overrides in order, and notes who asked for what.
type fakeAPI struct {
	torrents  []Torrent
	overrides []Override
	asked     []string
	fails     error
	traces    trace.Traces
}

func (f *fakeAPI) Stats() Stats { return Stats{Torrents: len(f.torrents)} }

func (f *fakeAPI) History() History { return History{Times: []int64{7}} }

func (f *fakeAPI) Torrents(from tracker.InfoHash, limit int) []Torrent {
	return page1(f.torrents, from, limit, func(t Torrent) tracker.InfoHash { return t.InfoHash })
}

func (f *fakeAPI) Overrides(from tracker.InfoHash, limit int) []Override {
	return page1(f.overrides, from, limit, func(o Override) tracker.InfoHash { return o.InfoHash })
}

func page1[T any](all []T, from tracker.InfoHash, limit int, hash func(T) tracker.InfoHash) []T {
	at := slices.IndexFunc(all, func(t T) bool { h := hash(t); return bytes.Compare(h[:], from[:]) >= 0 })
	if at < 0 {
		return nil
	}
	return all[at:min(at+limit, len(all))]
}

func (f *fakeAPI) Torrent(h tracker.InfoHash) (Torrent, bool) {
	some := f.Torrents(h, 1)
	return Torrent{InfoHash: h}, len(some) == 1 && some[0].InfoHash == h
}

func (f *fakeAPI) Top(by tracker.Order, limit int) []Torrent {
	f.asked = append(f.asked, fmt.Sprintf("top %s %d", tracker.OrderNames[by], limit))
	return nil
}

func (f *fakeAPI) Busiest(limit int) (busiest.Report, error) {
	f.asked = append(f.asked, fmt.Sprintf("busiest %d", limit))
	return busiest.Report{
		Requests: 12,
		Networks: []busiest.Count[tracker.Network]{
			{Key: tracker.NetworkOf(netip.MustParseAddr("192.0.2.1")), Requests: 7, Over: 1},
			{Key: tracker.NetworkOf(netip.MustParseAddr("2001:db8::1")), Requests: 4},
			{Key: tracker.NetworkOf(netip.Addr{}), Requests: 1},
		},
		Clients: []busiest.Count[[8]byte]{{Key: [8]byte([]byte("-qB4650-")), Requests: 5}, {Key: [8]byte{0xff}, Requests: 1}},
	}, f.fails
}

func (f *fakeAPI) Trace(filter trace.Filter) (*trace.Trace, error) {
	if f.fails != nil {
		return nil, f.fails
	}
	return f.traces.Begin(filter)
}

func (f *fakeAPI) Cluster() any                     { return map[string]int{"torrents": 7} }
func (f *fakeAPI) AccessList() AccessList           { return AccessList{Mode: "deny", FileHashes: 3} }
func (f *fakeAPI) Listed(h tracker.InfoHash) Listed { return Listed{InfoHash: h, InFile: true} }

func (f *fakeAPI) do(client, what string) error {
	if host, _, err := net.SplitHostPort(client); err != nil || host != "127.0.0.1" {
		return fmt.Errorf("the client is %q", client)
	}
	f.asked = append(f.asked, what)
	return f.fails
}

func (f *fakeAPI) List(h tracker.InfoHash, listed bool, client string) error {
	return f.do(client, fmt.Sprintf("list %s %v", h, listed))
}
func (f *fakeAPI) Decide(h tracker.InfoHash, refuse bool, client string) error {
	return f.do(client, fmt.Sprintf("decide %s %v", h, refuse))
}
func (f *fakeAPI) Forget(h tracker.InfoHash, client string) error {
	return f.do(client, "forget "+h.String())
}
func (f *fakeAPI) Gone(member, client string) error { return f.do(client, "gone "+member) }
func (f *fakeAPI) ReloadAccess(client string) error { return f.do(client, "reload") }
func (f *fakeAPI) Checkpoint(client string) (Checkpoint, error) {
	return Checkpoint{Records: 5}, f.do(client, "checkpoint")
}

// serve runs a server with the API.
func serve(t *testing.T, f *fakeAPI) string {
	t.Helper()
	return start(t, Options{API: func() (API, error) { return f, nil }, Backup: func(io.Writer) error { return errors.New("none") }})
}

// ask sends a request with header fields, name and value in turn.
func ask(t *testing.T, method, url, body string, header ...string) (*http.Response, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if req.Header.Set(header[i], header[i+1]); header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var reply map[string]any
	if err := json.NewDecoder(res.Body).Decode(&reply); err != nil || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s: no JSON: %v, %s", method, url, err, res.Header.Get("Content-Type"))
	}
	return res, reply
}

const hashText = "000000000000000000000000000000000000000a"

// TestRequests: what each request leads to and is answered with.
func TestRequests(t *testing.T) {
	f := &fakeAPI{torrents: []Torrent{{InfoHash: tracker.InfoHash{19: 10}}}}
	url := serve(t, f)
	for _, c := range []struct {
		method, path string
		status       int
		asked, want  string // want is in the reply
	}{
		{"GET", "/api/v1/stats", 200, "", `"torrents":1`},
		{"GET", "/api/v1/history", 200, "", `"times":[7]`},
		{"GET", "/api/v1/cluster", 200, "", `"torrents":7`},
		{"DELETE", "/api/v1/cluster/00c0ffee", 200, "gone 00c0ffee", `"torrents":7`},
		{"GET", "/api/v1/torrents/" + hashText, 200, "", `"info_hash":"` + hashText + `"`},
		{"GET", "/api/v1/torrents/" + strings.ToUpper(hashText), 200, "", `"info_hash":"` + hashText + `"`},
		{"GET", "/api/v1/torrents/" + hashText[1:] + "b", 404, "", "is not kept"},
		{"GET", "/api/v1/torrents/xyz", 400, "", tracker.ErrInfoHash.Error()},
		{"GET", "/api/v1/torrents?limit=0", 400, "", "limit: must be a number from 1 to 1000"},
		{"GET", "/api/v1/torrents?limit=1001", 400, "", "limit: must be a number from 1 to 1000"},
		{"GET", "/api/v1/torrents?limit=x", 400, "", "limit: must be a number from 1 to 1000"},
		{"GET", "/api/v1/torrents?after=x", 400, "", "after: " + tracker.ErrInfoHash.Error()},
		{"GET", "/api/v1/torrents?after=" + strings.Repeat("f", 40), 400, "", "after: no info hash can follow it"},
		{"GET", "/api/v1/top", 200, "top peers 100", `"torrents":[]`},
		{"GET", "/api/v1/top?by=downloaded&limit=1000", 200, "top downloaded 1000", `"by":"downloaded"`},
		{"GET", "/api/v1/top?by=size", 400, "", "by: must be one of peers, seeders, leechers, downloaded"},
		{"GET", "/api/v1/clients?limit=3", 200, "busiest 3", `"clients":[{"announces":5,"name":"qBittorrent","over":0,"prefix":"-qB4650-"},{"announces":1,"name":"","over":0,"prefix":"ÿ\u0000`},
		{"GET", "/api/v1/clients?limit=0", 400, "", "limit: must be a number"},
		{"GET", "/api/v1/networks", 403, "", "set admin.token"},
		{"GET", "/api/v1/access", 200, "", `"overrides":[]`},
		{"GET", "/api/v1/access/" + hashText, 200, "", `"in_file":true`},
		{"PUT", "/api/v1/access/" + hashText, 200, "list " + hashText + " true", `"in_file":true`},
		{"DELETE", "/api/v1/access/" + hashText, 200, "list " + hashText + " false", `"override":null`},
		{"DELETE", "/api/v1/access/" + hashText + "/override", 200, "forget " + hashText, `"in_file":true`},
		{"PUT", "/api/v1/access/" + hashText + "/override?decision=refuse", 200, "decide " + hashText + " true", `"in_file":true`},
		{"PUT", "/api/v1/access/" + hashText + "/override?decision=serve", 200, "decide " + hashText + " false", `"in_file":true`},
		{"PUT", "/api/v1/access/" + hashText + "/override", 400, "", "decision: must be one of refuse, serve"},
		{"PUT", "/api/v1/access/xyz/override?decision=refuse", 400, "", tracker.ErrInfoHash.Error()},
		{"PUT", "/api/v1/access/xyz", 400, "", tracker.ErrInfoHash.Error()},
		{"DELETE", "/api/v1/access/xyz", 400, "", tracker.ErrInfoHash.Error()},
		{"DELETE", "/api/v1/access/xyz/override", 400, "", tracker.ErrInfoHash.Error()},
		{"POST", "/api/v1/access/reload", 200, "reload", `"file_hashes":3`},
		{"POST", "/api/v1/checkpoint", 200, "checkpoint", `"records":5`},
		{"GET", "/api/v1/backup", 503, "", "none"},
		{"GET", "/api/v1/nothing", 404, "", "no such path"},
		{"GET", "/api/v2/stats", 404, "", "no such path"},
		{"GET", "/api/v1/checkpoint", 405, "", "the method must be POST"},
		{"GET", "/api/v1/access/reload", 400, "", tracker.ErrInfoHash.Error()}, // changes nothing
		{"POST", "/api/v1/access/" + hashText, 405, "", "the method must be GET or PUT or DELETE"},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			f.asked = nil
			res, reply := ask(t, c.method, url+c.path, "")
			text, _ := json.Marshal(reply)
			if res.StatusCode != c.status || strings.Join(f.asked, ", ") != c.asked || !strings.Contains(string(text), c.want) {
				t.Errorf("status %d, asked %q, reply %s", res.StatusCode, f.asked, text)
			}
		})
	}
}

// TestErrors: a Refusal has a status of its own, other errors are the service's.
func TestErrors(t *testing.T) {
	f := &fakeAPI{}
	url := serve(t, f)
	for status, err := range map[int]error{
		http.StatusConflict:           fmt.Errorf("wrapped: %w", &Refusal{http.StatusConflict, errors.New("no")}),
		http.StatusServiceUnavailable: errors.New("disk full"),
	} {
		f.fails = err
		if res, reply := ask(t, "POST", url+"/api/v1/checkpoint", ""); res.StatusCode != status || reply["error"] != err.Error() {
			t.Errorf("%v: status %d, %v", err, res.StatusCode, reply)
		}
	}
	loading := errors.New("loading the database")
	url = start(t, Options{API: func() (API, error) { return nil, loading }})
	if res, reply := ask(t, "GET", url+"/api/v1/stats", ""); res.StatusCode != http.StatusServiceUnavailable || reply["error"] != loading.Error() {
		t.Errorf("status %d, %v", res.StatusCode, reply)
	}
}

// TestPages walks through lists in pages of every size.
func TestPages(t *testing.T) {
	f := &fakeAPI{}
	for i := range 10 {
		h := tracker.InfoHash{18: byte(i), 19: 0xff}
		f.torrents = append(f.torrents, Torrent{InfoHash: h})
		f.overrides = append(f.overrides, Override{InfoHash: h})
	}
	url := serve(t, f)
	for _, list := range []string{"torrents", "access"} {
		for _, limit := range []int{1, 3, 5, 9, 10, 11, 1000} {
			var got []any
			after := ""
			for {
				_, reply := ask(t, "GET", fmt.Sprintf("%s/api/v1/%s?limit=%d&after=%s", url, list, limit, after), "")
				some, _ := reply[map[string]string{"torrents": "torrents", "access": "overrides"}[list]].([]any)
				got = append(got, some...)
				next, more := reply["next"].(string)
				if !more || len(some) != limit {
					if more || len(some) == 0 {
						t.Errorf("%s in pages of %d: the last is %v", list, limit, reply)
					}
					break
				}
				after = next
			}
			if len(got) != 10 {
				t.Errorf("%s in pages of %d: %d elements", list, limit, len(got))
			}
		}
	}
}

// TestOtherSites: web pages of other sites can neither change nor read anything.
func TestOtherSites(t *testing.T) {
	for _, c := range []struct {
		name, method string
		header       []string
		token        string
		status       int
	}{
		{"no browser", "POST", nil, "", 200},
		{"localhost", "POST", []string{"Host", "localhost:6970"}, "", 200},
		{"an IPv6 address", "POST", []string{"Host", "[::1]:6970"}, "", 200},
		{"an IPv6 address without a port", "POST", []string{"Host", "[::1]"}, "", 200},
		{"another name", "POST", []string{"Host", "evil.example:6970"}, "", 403},
		{"another name, reading", "GET", []string{"Host", "evil.example"}, "", 403},
		{"another name, with a token", "POST", []string{"Host", "tracker.example", "Authorization", "Bearer sesame"}, "sesame", 200},
		{"another site", "POST", []string{"Origin", "http://evil.example"}, "", 403},
		{"another site by its fetch header", "POST", []string{"Sec-Fetch-Site", "cross-site"}, "", 403},
		{"another site, with a token", "POST", []string{"Origin", "http://evil.example", "Authorization", "Bearer sesame"}, "sesame", 403},
		{"a file", "POST", []string{"Origin", "null"}, "", 403},
		{"the same site", "POST", []string{"Sec-Fetch-Site", "same-origin"}, "", 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeAPI{}
			url := start(t, Options{Token: c.token, API: func() (API, error) { return f, nil }})
			path := map[string]string{"POST": "/api/v1/checkpoint", "GET": "/api/v1/stats"}[c.method]
			res, _ := ask(t, c.method, url+path, "", c.header...)
			if res.StatusCode != c.status || (len(f.asked) > 0) != (c.status == 200) {
				t.Errorf("status %d, asked %q", res.StatusCode, f.asked)
			}
		})
	}
}

// TestHostOnAUnixSocket: nothing but a local program can reach it.
func TestHostOnAUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{Listener: l, Log: zerolog.Nop(), Metrics: prometheus.NewRegistry(),
		API: func() (API, error) { return &fakeAPI{}, nil }})
	done := make(chan error, 1)
	go func() { done <- s.Run(t.Context()) }()
	t.Cleanup(func() { <-done })
	client := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", path)
	}}}
	for _, path := range []string{"stats", "networks"} { // clients' addresses too
		res, err := client.Get("http://whatever/api/v1/" + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", path, res.StatusCode)
		}
	}
	// A port of the host that ssh forwards to the socket is within reach of browsers.
	for _, c := range []struct {
		host   string
		header string // that browsers send
		want   int
	}{
		{"localhost:6970", "", 200}, {"127.0.0.1:6970", "", 200}, {"whatever:6970", "", 200}, {"tracker.example.org", "", 200}, {"", "", 200},
		{"evil.example:6970", "", 403}, {"evil.example:80", "", 403},
		{"localhost:6970", "Sec-Fetch-Site", 200}, {"127.0.0.1", "Sec-Fetch-Site", 200}, {"[::1]", "Sec-Fetch-Site", 200},
		{"evil.example", "Sec-Fetch-Site", 403}, {"evil", "Sec-Fetch-Mode", 403}, {"evil:6970", "Sec-Fetch-Dest", 403}, {"evil.example", "Origin", 403},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://whatever/api/v1/stats", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = c.host
		if c.header != "" {
			req.Header.Set(c.header, "same-origin")
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != c.want {
			t.Errorf("%q with %q: status %d, want %d", c.host, c.header, res.StatusCode, c.want)
		}
	}
}

// TestAddresses of clients are given with a token, or over a unix socket.
func TestAddresses(t *testing.T) {
	const want = `"networks":[{"network":"192.0.2.1","requests":7,"over":1},{"network":"2001:db8::/64","requests":4,"over":0},{"network":"unix","requests":1,"over":0}]`
	url := start(t, Options{Token: "sesame", ReadToken: "window", API: func() (API, error) { return &fakeAPI{}, nil }})
	for _, token := range []string{"sesame", "window"} {
		if status, body := get(t, url+"/api/v1/networks", "Bearer "+token); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("with token %s: %d %s", token, status, body)
		}
	}
	if status, _ := get(t, url+"/api/v1/networks", ""); status != http.StatusUnauthorized {
		t.Errorf("without: status %d", status)
	}
}
