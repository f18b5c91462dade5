package http

import (
	"testing"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/tracker"
	"keeptrack/tracker/busiest"
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

// BenchmarkSampled is BenchmarkRespond with the sampler off and on.
func BenchmarkSampled(b *testing.B) {
	h := newHandler(Options{Log: zerolog.Nop()}, newTracker())
	for port := 1; port <= 1000; port++ {
		get(h, addr2, "/announce", announceQuery(port, "1", ""))
	}
	message := []byte(libtorrentMessage)
	for _, on := range []string{"off", "on"} {
		b.Run(on, func(b *testing.B) {
			r := responderOf(h)
			if on == "on" {
				r.sampler = busiest.New(time.Now()).Sketch().Sampler()
				for i := range 8_000_000 {
					if r.sampler.Draw() {
						r.sampler.Note(tracker.Network(i), uint64(i), true)
					}
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				r.out = r.out[:0]
				r.respond(message, addr1)
			}
		})
	}
}

// BenchmarkPage is all of a request for the page but the system calls.
func BenchmarkPage(b *testing.B) {
	h := newHandler(Options{Page: &Page{Contact: "abuse@example.org", Ports: usualPorts}, Log: zerolog.Nop()}, newTracker())
	r := responderOf(h)
	message := []byte("GET / HTTP/1.1\r\nHost: tracker.example.org\r\nUser-Agent: Mozilla/5.0\r\n\r\n")
	b.ReportAllocs()
	for b.Loop() {
		r.out = r.out[:0]
		if n, _ := r.respond(message, addr1); n != len(message) {
			b.Fatal(n)
		}
	}
}
