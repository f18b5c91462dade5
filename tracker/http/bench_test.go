package http

import (
	"testing"

	"github.com/rs/zerolog"
)

func BenchmarkParseAnnounce(b *testing.B) {
	var a announceRequest
	b.ReportAllocs()
	for b.Loop() {
		if f := a.parse(libtorrentQuery, requester{addr: addr1}); f != FailureNone {
			b.Fatal(f)
		}
	}
}

// BenchmarkRespond is all of an announce but the system calls, with 50 peers in
// the reply.
func BenchmarkRespond(b *testing.B) {
	h := newHandler(Options{Log: zerolog.Nop()}, newTracker())
	for port := 1; port <= 1000; port++ {
		get(h, addr2, "/announce", announceQuery(port, "1", ""))
	}
	r := responderOf(h)
	message := []byte(libtorrentMessage)
	b.ReportAllocs()
	for b.Loop() {
		r.out = r.out[:0]
		if n, next := r.respond(message, addr1); n != len(message) || next != stepClose {
			b.Fatal(n, next)
		}
	}
}

func BenchmarkParseHead(b *testing.B) {
	var h head
	b.ReportAllocs()
	for b.Loop() {
		if size, refusal := h.parse(libtorrentMessage, "X-Forwarded-For"); size != len(libtorrentMessage) {
			b.Fatal(size, refusal)
		}
	}
}
