package http

import (
	"math"
	"net/netip"
	"strings"
	"testing"

	"keeptrack/tracker"
)

var (
	addr1 = netip.MustParseAddr("192.0.2.1")
	addr2 = netip.MustParseAddr("198.51.100.2")
	addr6 = netip.MustParseAddr("2001:db8::1")

	// hash1 is the info hash in libtorrentQuery.
	hash1 = tracker.InfoHash([]byte("\x50\x24\xe2\x7a\x65\xda\x1e\x1e\xa6\xdc\x6a\x51\x16\x8c\xb2\xd7\x10\xcf\xc5\xe6"))
)

// libtorrentQuery is the query of an announce as libtorrent 2.0.8 sends it.
const libtorrentQuery = "info_hash=P%24%e2ze%da%1e%1e%a6%dcjQ%16%8c%b2%d7%10%cf%c5%e6&peer_id=-LT2080-fDtH_Lc!Fs)b" +
	"&port=17881&uploaded=0&downloaded=0&left=40000&corrupt=0&key=DD98DABE&event=started&numwant=200&compact=1" +
	"&no_peer_id=1&supportcrypto=1&redundant=0"

func TestParseAnnounceOfLibtorrent(t *testing.T) {
	var a announceRequest
	if f := a.parse(libtorrentQuery, requester{addr: addr1}); f != FailureNone {
		t.Fatal(f)
	}
	want := tracker.Announce{
		InfoHash:     hash1,
		Peer:         tracker.MakePeer(addr1, 17881),
		Left:         40000,
		Event:        tracker.EventStarted,
		NumWant:      200,
		Limit:        200,
		BothFamilies: true,
	}
	if a.Announce != want || a.dictionaries {
		t.Errorf("got %+v, want %+v", a.Announce, want)
	}
}

func TestParseAnnounce(t *testing.T) {
	const hash = "info_hash=aaaaaaaaaaaaaaaaaaaa"
	base := announceRequest{Announce: tracker.Announce{
		InfoHash:     tracker.InfoHash([]byte("aaaaaaaaaaaaaaaaaaaa")),
		Peer:         tracker.MakePeer(addr1, 0),
		Left:         math.MaxUint64,
		NumWant:      -1,
		Limit:        200,
		BothFamilies: true,
	}, hasHash: true}
	tests := []struct {
		name, raw string
		want      func(a *announceRequest)
	}{
		{"info hash alone is a leecher not stored", hash, func(*announceRequest) {}},
		{"port 0", hash + "&port=0", func(*announceRequest) {}},
		{"port", hash + "&port=6881", func(a *announceRequest) { a.Peer = tracker.MakePeer(addr1, 6881) }},
		{"seeder", hash + "&left=0", func(a *announceRequest) { a.Left = 0 }},
		{"magnet link of transmission", hash + "&left=9223372036854775807", func(a *announceRequest) { a.Left = math.MaxInt64 }},
		{"largest left", hash + "&left=18446744073709551615", func(a *announceRequest) { a.Left = math.MaxUint64 }},
		{"empty left is none", hash + "&left=", func(*announceRequest) {}},
		{"negative left is none", hash + "&left=-1", func(*announceRequest) {}},
		{"left of more than 64 bits is none", hash + "&left=18446744073709551616", func(*announceRequest) {}},
		{"left with a fraction is none", hash + "&left=0.0", func(*announceRequest) {}},
		{"left that cannot be read after one that can", hash + "&left=0&left=x", func(a *announceRequest) { a.Left = 0 }},
		{"counters are not read", hash + "&uploaded=-5&downloaded=", func(*announceRequest) {}},
		{"nor if they are text", hash + "&uploaded=much&downloaded=1.5&uploaded=18446744073709551616", func(*announceRequest) {}},
		{"started", hash + "&event=started", func(a *announceRequest) { a.Event = tracker.EventStarted }},
		{"stopped", hash + "&event=stopped", func(a *announceRequest) { a.Event = tracker.EventStopped }},
		{"completed", hash + "&event=completed", func(a *announceRequest) { a.Event = tracker.EventCompleted }},
		{"paused, escaped", hash + "&event=%70aused", func(a *announceRequest) { a.Event = tracker.EventPaused }},
		{"empty event", hash + "&event=", func(*announceRequest) {}},
		{"unknown event", hash + "&event=Started", func(*announceRequest) {}},
		{"long unknown event", hash + "&event=completedandmore", func(*announceRequest) {}},
		{"no peers wanted", hash + "&numwant=0", func(a *announceRequest) { a.NumWant = 0 }},
		{"negative numwant", hash + "&numwant=-50", func(*announceRequest) {}},
		{"numwant that is text is none", hash + "&numwant=all", func(*announceRequest) {}},
		{"numwant that is a minus is none", hash + "&numwant=-", func(*announceRequest) {}},
		{"empty numwant is none", hash + "&numwant=", func(*announceRequest) {}},
		{"numwant past the limit", hash + "&numwant=18446744073709551615", func(a *announceRequest) { a.NumWant = 200 }},
		{"compact", hash + "&compact=1", func(*announceRequest) {}},
		{"not compact", hash + "&compact=0&no_peer_id=1", func(a *announceRequest) { a.dictionaries = true }},
		{"neither compact nor not", hash + "&compact=yes&compact=", func(*announceRequest) {}},
		{"addresses are ignored", hash + "&ip=198.51.100.7&ipv4=198.51.100.7&ipv6=[2001:db8::7]:1", func(*announceRequest) {}},
		{"unknown parameters are ignored", "key=%&trackerid=x&;&" + hash + "&corrupt=-1&left", func(*announceRequest) {}},
		{"last one prevails", hash + "&port=1&port=2", func(a *announceRequest) { a.Peer = tracker.MakePeer(addr1, 2) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := base
			test.want(&want)
			var got announceRequest
			f := got.parse(test.raw, requester{addr: addr1})
			got.port = 0 // is in Peer
			if f != FailureNone || got != want {
				t.Errorf("got %+v, %v\nwant %+v", got, f, want)
			}
		})
	}
}

func TestParseAnnounceFails(t *testing.T) {
	const hash = "info_hash=aaaaaaaaaaaaaaaaaaaa"
	tests := []struct {
		name, raw string
		want      Failure
	}{
		{"nothing", "", FailureInfoHashMissing},
		{"no info hash", "port=6881&left=0", FailureInfoHashMissing},
		{"info hash without a value", "info_hash&port=6881", FailureInfoHashMissing},
		{"empty info hash", "info_hash=", FailureInfoHashMalformed},
		{"19 bytes", "info_hash=aaaaaaaaaaaaaaaaaaa", FailureInfoHashMalformed},
		{"21 bytes", "info_hash=aaaaaaaaaaaaaaaaaaaaa", FailureInfoHashMalformed},
		{"hexadecimal", "info_hash=" + strings.Repeat("a", 40), FailureInfoHashMalformed},
		{"same info hash twice", hash + "&" + hash, FailureInfoHashRepeated},
		{"two info hashes", hash + "&info_hash=bbbbbbbbbbbbbbbbbbbb", FailureInfoHashRepeated},
		{"port too high", hash + "&port=65536", FailurePort},
		{"negative port", hash + "&port=-1", FailurePort},
		{"empty port", hash + "&port=", FailurePort},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var a announceRequest
			if got := a.parse(test.raw, requester{addr: addr1}); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
