package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"keeptrack/tracker"
)

func mustWriter(t *testing.T, rawURL string, closes bool) *requestWriter {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	w, err := newRequestWriter(u, 50, closes, true)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestRequestsReadBack has the standard library read what is written.
func TestRequestsReadBack(t *testing.T) {
	for _, c := range []struct{ url, announce, scrape, query string }{
		{"http://tracker.test:6969", "/announce", "/scrape", ""},
		{"http://tracker.test:6969/", "/announce", "/scrape", ""},
		{"http://tracker.test:6969/announce", "/announce", "/scrape", ""},
		{"http://tracker.test:6969/announce.php?key=a%20b", "/announce.php", "/scrape.php", "a b"},
		{"http://tracker.test:6969/x/announce/", "", "", ""},
		{"http://tracker.test:6969/abc/announce", "/abc/announce", "/abc/scrape", ""},
	} {
		t.Run(c.url, func(t *testing.T) {
			if c.announce == "" {
				if u, _ := url.Parse(c.url); u != nil {
					if _, err := newRequestWriter(u, 0, false, true); err == nil {
						t.Error("a path without a scrape is taken")
					}
				}
				return
			}
			w := mustWriter(t, c.url, true)
			for _, r := range requests(Load{Torrents: 50, Peers: 3, Sources: 2, Mix: Mix{0, 1, 1}, Events: defaultEvents, Seeders: 0.5}, 200) {
				checkRequest(t, w.append(nil, &r), &r, c.announce, c.scrape, c.query)
			}
		})
	}
}

func checkRequest(t *testing.T, written []byte, r *Request, announce, scrape, key string) {
	t.Helper()
	got, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(written)))
	if err != nil {
		t.Fatalf("%q: %v", written, err)
	}
	q := got.URL.Query()
	if got.Host != "tracker.test:6969" || !got.Close || q.Get("key") == "" && key != "" {
		t.Fatalf("got %q", written)
	}
	if r.Kind == Scrape {
		if got.URL.Path != scrape || strings.Join(q["info_hash"], "") != string(r.InfoHashes) {
			t.Fatalf("got %q for %+v", written, r)
		}
		return
	}
	event := q.Get("event")
	if got.URL.Path != announce || q.Get("info_hash") != string(r.InfoHashes) || q.Get("peer_id") != string(r.PeerID[:]) ||
		q.Get("port") != fmt.Sprint(r.Port) || (q.Get("left") == "0") != r.Seeder || q.Get("numwant") != "50" ||
		q.Get("compact") != "1" || (event == "stopped") != (r.Event == tracker.EventStopped) || (event == "") != (r.Event == tracker.EventNone) {
		t.Fatalf("got %q for %+v", written, r)
	}
}

const goodBody = "d8:intervali1800e5:peers12:aaaaaabbbbbbe"

func httpAnswer(body, header string) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s", len(body), header, body)
}

func TestHTTPAnswersAreChecked(t *testing.T) {
	type list = []delivery
	answer := httpAnswer(goodBody, "")
	eof := delivery{err: io.EOF}
	served := 0
	for _, c := range []struct {
		name     string
		closes   bool
		scrape   bool
		serve    func() list
		want     counts
		failure  string
		refusal  string
		connects int
	}{
		{name: "kept alive", serve: func() list { return list{{data: answer}} }, want: counts{sent: 12, good: 12}, connects: 4},
		{name: "a connection each", closes: true, serve: func() list { return list{{data: answer}, eof} },
			want: counts{sent: 12, good: 12}, connects: 12},
		{name: "closed as announced", serve: func() list { return list{{data: httpAnswer(goodBody, "Connection: close\r\n")}, eof} },
			want: counts{sent: 12, good: 12}, connects: 12},
		{name: "closed after the answer", serve: func() list { return list{{data: answer}, eof} },
			want: counts{sent: 12, good: 12}, connects: 12},
		{name: "closed instead of the second answer", serve: func() list {
			if served++; served > 4 && served <= 8 {
				return list{{err: io.EOF}}
			}
			return list{{data: answer}}
		}, want: counts{sent: 12, good: 12}, connects: 8},
		{name: "in pieces", serve: func() list { return list{{data: answer[:9]}, {data: answer[9:50]}, {data: answer[50:]}} },
			want: counts{sent: 12, good: 12}, connects: 4},
		{name: "until the end", serve: func() list { return list{{data: []byte("HTTP/1.0 200 OK\r\n\r\n" + goodBody)}, eof} },
			want: counts{sent: 12, good: 12}, connects: 12},
		{name: "with a line break at the end", serve: func() list { return list{{data: httpAnswer(goodBody+"\r\n", "")}} },
			want: counts{sent: 12, good: 12}, connects: 4},
		{name: "good scrapes", scrape: true, serve: func() list { return list{{data: httpAnswer("d5:filesdee", "")}} },
			want: counts{sent: 12, good: 12}, connects: 4},
		{name: "refusals", serve: func() list { return list{{data: httpAnswer("d14:failure reason2:noe", "")}} },
			want: counts{sent: 12, errors: 12}, refusal: "no", connects: 4},
		{name: "refused scrapes", scrape: true, serve: func() list { return list{{data: httpAnswer("d14:failure reason2:noe", "")}} },
			want: counts{sent: 12, errors: 12}, refusal: "no", connects: 4},
		{name: "status", serve: func() list { return list{{data: []byte("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")}} },
			want: counts{sent: 12, wrong: 12}, failure: "HTTP status 503", connects: 12},
		{name: "not bencoded", serve: func() list { return list{{data: httpAnswer("hello", "")}} },
			want: counts{sent: 12, wrong: 12}, failure: errBencode.Error(), connects: 4},
		{name: "an announce for a scrape", scrape: true, serve: func() list { return list{{data: answer}} },
			want: counts{sent: 12, wrong: 12}, failure: errScrape.Error(), connects: 4},
		{name: "cut off", serve: func() list { return list{{data: answer[:60]}, eof} },
			want: counts{sent: 12, wrong: 12}, failure: errCutOff.Error(), connects: 12},
		{name: "twice", serve: func() list { return list{{data: append(bytes.Clone(answer), answer...)}} },
			want: counts{sent: 12, wrong: 12}, failure: errExcess.Error(), connects: 12},
		{name: "reset", serve: func() list { return list{{err: errRefused}} },
			want: counts{sent: 12, lost: 12}, failure: "refused", connects: 12},
		{name: "never", serve: func() list { return nil },
			want: counts{sent: 12, lost: 12}, failure: errTimeout.Error(), connects: 12},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &memLink{latency: time.Millisecond, answer: func(int, []byte) list { return c.serve() }}
			r, err := runOn(t, l, func(o *Options) {
				o.URL, o.Close, o.Window, o.Requests = "http://127.0.0.1/announce", c.closes, 4, 12
				if c.scrape {
					o.Mix = Mix{Scrape: 1}
				}
			})
			if countsOf(r) != c.want {
				t.Errorf("got %+v, want %+v", countsOf(r), c.want)
			}
			if answered := c.want.good+c.want.errors > 0; answered != (err == nil) {
				t.Errorf("got error %v", err)
			}
			if r.LastFailure != c.failure || r.LastError != c.refusal {
				t.Errorf("got %q and %q, want %q and %q", r.LastFailure, r.LastError, c.failure, c.refusal)
			}
			if l.opens != c.connects {
				t.Errorf("%d connections, want %d", l.opens, c.connects)
			}
		})
	}
}

func TestHTTPUnaskedAnswersAreWrong(t *testing.T) {
	l := &memLink{latency: time.Millisecond, answer: func(int, []byte) []delivery {
		return []delivery{{data: httpAnswer(goodBody, "")}, {data: httpAnswer(goodBody, "")}}
	}}
	r, err := runOn(t, l, func(o *Options) {
		o.URL, o.Window, o.Requests = "http://127.0.0.1/announce", 1, 5
	})
	if want := (counts{sent: 5, good: 5, wrong: 5}); err != nil || countsOf(r) != want {
		t.Errorf("got %+v, %v, want %+v", countsOf(r), err, want)
	}
}

func TestHTTPOpenLoopCountsWhatFoundNoConnection(t *testing.T) {
	l := &memLink{latency: 100 * time.Millisecond, answer: func(int, []byte) []delivery {
		return []delivery{{data: httpAnswer(goodBody, "")}}
	}}
	r, err := runOn(t, l, func(o *Options) {
		o.URL, o.Window, o.Rate, o.Duration = "http://127.0.0.1/announce", 2, 40, time.Second
	})
	// Two connections do 20 requests a second.
	if want := (counts{sent: 20, good: 20, unsent: 20}); err != nil || countsOf(r) != want {
		t.Errorf("got %+v, %v, want %+v", countsOf(r), err, want)
	}
	if r.Latency.Max < 500_000 {
		t.Errorf("the longest latency is %g µs, want the wait for a connection in it", r.Latency.Max)
	}
}

func TestHTTPNoConnection(t *testing.T) {
	l := &memLink{refuse: errRefused}
	r, err := runOn(t, l, func(o *Options) { o.URL, o.Requests = "http://127.0.0.1/announce", 10 })
	if want := (counts{sent: 10, lost: 10}); err == nil || countsOf(r) != want || r.LastFailure != "refused" {
		t.Errorf("got %+v, %q, %v, want %+v", countsOf(r), r.LastFailure, err, want)
	}
}
