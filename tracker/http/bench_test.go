package http

import (
	nethttp "net/http"
	"net/url"
	"testing"

	"github.com/rs/zerolog"
)

func BenchmarkParseAnnounce(b *testing.B) {
	var a announceRequest
	b.ReportAllocs()
	for b.Loop() {
		if f := a.parse(libtorrentQuery, addr1); f != FailureNone {
			b.Fatal(f)
		}
	}
}

// nullWriter is a connection's side of a reply without the connection.
type nullWriter struct{ header nethttp.Header }

func (w *nullWriter) Header() nethttp.Header         { return w.header }
func (w *nullWriter) WriteHeader(int)                {}
func (w *nullWriter) Write(body []byte) (int, error) { return len(body), nil }

// BenchmarkAnnounce is all of an announce but net/http's part, with 50 peers in
// the reply.
func BenchmarkAnnounce(b *testing.B) {
	h := newHandler(Options{Log: zerolog.Nop()}, newTracker())
	for port := 1; port <= 1000; port++ {
		get(h, addr2, "/announce", announceQuery(port, "1", ""))
	}
	w := &nullWriter{nethttp.Header{}}
	r := &nethttp.Request{
		Method:     nethttp.MethodGet,
		URL:        &url.URL{Path: "/announce", RawQuery: announceQuery(6881, "1", "&event=&compact=1")},
		ProtoMajor: 1, ProtoMinor: 1,
		RemoteAddr: "192.0.2.1:40000",
	}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}
