package bep15

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"keeptrack/tracker"
	"keeptrack/tracker/bep15/bep15test"
)

// appender is what every packet of either direction has.
type appender interface{ Append([]byte) []byte }

// parsers turn a packet into a value, by the action and direction.
var parsers = map[string]func([]byte) (appender, error){
	"connect_request":  func(p []byte) (appender, error) { return ParseConnectRequest(p) },
	"announce_request": func(p []byte) (appender, error) { return ParseAnnounceRequest(p) },
	"scrape_request":   func(p []byte) (appender, error) { return ParseScrapeRequest(p) },
	"connect_reply":    func(p []byte) (appender, error) { return ParseConnectReply(p) },
	"announce_reply_4": func(p []byte) (appender, error) { return ParseAnnounceReply(p, tracker.IPv4) },
	"announce_reply_6": func(p []byte) (appender, error) { return ParseAnnounceReply(p, tracker.IPv6) },
	"scrape_reply":     func(p []byte) (appender, error) { return ParseScrapeReply(p) },
	"error_reply":      func(p []byte) (appender, error) { return ParseErrorReply(p) },
}

func TestGoldenPackets(t *testing.T) {
	rows := []byte{0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 2}
	tests := []struct {
		name, parser string
		want         appender
	}{
		{"connect_request", "connect_request", ConnectRequest{0xdeadbeef}},
		{"connect_reply", "connect_reply", ConnectReply{0xdeadbeef, bep15test.ConnectionID}},
		{"announce_plain", "announce_request", AnnounceRequest{
			ConnectionID: bep15test.ConnectionID, TransactionID: 0x11111111,
			InfoHash: tracker.InfoHash(bytes.Repeat([]byte("a"), 20)), PeerID: [20]byte([]byte("-GT0001-000000000001")),
			Left: 1000, Event: 2, Key: 0x01020304, NumWant: -1, Port: 6881, Options: []byte{},
		}},
		{"announce_url_data", "announce_request", AnnounceRequest{
			ConnectionID: bep15test.ConnectionID, TransactionID: 0x824641f2,
			InfoHash: bep15test.InfoHash, PeerID: [20]byte([]byte("-LT2080-d5lgyL~7lhmF")),
			Left: 40000, Event: 2, Key: 0xcd43d977, NumWant: 200, Port: 17881, Options: []byte("\x02\x09/announce"),
		}},
		{"announce_stray_bytes", "announce_request", AnnounceRequest{
			ConnectionID: bep15test.ConnectionID, TransactionID: 0xa80499c5,
			InfoHash: bep15test.InfoHash, PeerID: [20]byte([]byte("A2-1-36-0-\xe5\x03\x01\x92\x24\xcf\xc0\xd5\xb8\x02")),
			Left: 40000, Event: 2, Key: 0x2f415861, NumWant: 50, Port: 17990, Options: []byte{0, 0},
		}},
		{"announce_reply_v4", "announce_reply_4", AnnounceReply{
			0xdeadbeef, 1800, 2, 1, []byte("\xc0\x00\x02\x01\x1a\xe1\xc6\x33\x64\x02\xc8\xd5"),
		}},
		{"scrape_request", "scrape_request", ScrapeRequest{bep15test.ConnectionID, 0xd207ce47, bep15test.InfoHash[:]}},
		{"scrape_reply", "scrape_reply", ScrapeReply{0xdeadbeef, rows}},
		{"error_reply", "error_reply", ErrorReply{0xdeadbeef, "Connection ID missmatch.\x00"}},
	}
	packets := bep15test.Goldens(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parsers[tt.parser](packets[tt.name])
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("parsed %+v, want %+v", got, tt.want)
			}
			if p := tt.want.Append([]byte("before")); !bytes.Equal(p[6:], packets[tt.name]) {
				t.Errorf("encoded %x, want %x", p[6:], packets[tt.name])
			}
		})
	}
}

func TestGoldenPausedAnnounce(t *testing.T) {
	r, err := ParseAnnounceRequest(bep15test.Goldens(t)["announce_paused"])
	if err != nil {
		t.Fatal(err)
	}
	if r.TrackerEvent() != tracker.EventPaused || r.Left != 1<<16 || URLData(r.Options) != "/announce" {
		t.Errorf("event %v, left %d, URL data %q", r.TrackerEvent(), r.Left, URLData(r.Options))
	}
}

func TestGoldenReplyRows(t *testing.T) {
	packets := bep15test.Goldens(t)
	scrape, err := ParseScrapeReply(packets["scrape_reply_2nd_unknown"])
	if err != nil {
		t.Fatal(err)
	}
	if scrape.Len() != 2 || scrape.Row(0) != (ScrapeRow{1, 1, 1}) || scrape.Row(1) != (ScrapeRow{}) {
		t.Errorf("%d rows: %v", scrape.Len(), scrape.Rows)
	}
	if got := scrape.Row(0).Append(nil); !bytes.Equal(got, scrape.Rows[:ScrapeRowSize]) {
		t.Errorf("row encoded as %x", got)
	}
	announce, err := ParseAnnounceReply(packets["announce_reply_v6"], tracker.IPv6)
	if err != nil {
		t.Fatal(err)
	}
	if len(announce.Peers) != 2*tracker.CompactSize6 || announce.Leechers != 2 || announce.Seeders != 1 {
		t.Errorf("parsed %+v", announce)
	}
}

func TestParsersRefuse(t *testing.T) {
	packets := bep15test.Goldens(t)
	with := func(name string, offset int, b byte) []byte {
		p := bytes.Clone(packets[name])
		p[offset] = b
		return p
	}
	tests := []struct {
		name, parser string
		packet       []byte
		want         error
	}{
		{"nothing", "connect_request", nil, ErrLength},
		{"connect of 15 bytes", "connect_request", packets["connect_request"][:15], ErrLength},
		{"connect with another magic", "connect_request", with("connect_request", 7, 0x81), ErrMagic},
		{"connect with another action", "connect_request", with("connect_request", 11, 1), ErrAction},
		{"announce of 97 bytes", "announce_request", packets["announce_plain"][:97], ErrLength},
		{"announce with another action", "announce_request", with("announce_plain", 11, 2), ErrAction},
		{"scrape of no hash", "scrape_request", packets["scrape_request"][:35], ErrLength},
		{"scrape with another action", "scrape_request", with("scrape_request", 11, 1), ErrAction},
		{"connect reply of 17 bytes", "connect_reply", append(bytes.Clone(packets["connect_reply"]), 0), ErrLength},
		{"connect reply of 7 bytes", "connect_reply", packets["connect_reply"][:7], ErrLength},
		{"connect reply that is an error", "connect_reply", packets["error_reply"], ErrAction},
		{"announce reply with half a peer", "announce_reply_4", packets["announce_reply_v4"][:29], ErrLength},
		{"announce reply of 19 bytes", "announce_reply_4", packets["announce_reply_v4"][:19], ErrLength},
		{"announce reply of the other family", "announce_reply_6", packets["announce_reply_v4"], ErrLength},
		{"scrape reply with half a row", "scrape_reply", packets["scrape_reply"][:19], ErrLength},
		{"error reply of 7 bytes", "error_reply", packets["error_reply"][:7], ErrLength},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := parsers[tt.parser](tt.packet); !errors.Is(err, tt.want) {
				t.Errorf("parsed %+v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

func TestScrapeRequestTakesWholeHashes(t *testing.T) {
	for _, tt := range []struct {
		name        string
		bytes, want int
	}{
		{"one", 20, 1},
		{"stray bytes", 59, 2},
		{"the most", 74 * 20, 74},
		{"more than the most", 80 * 20, 74},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := RequestHeader{1, ActionScrape, 2}.Append(nil)
			for i := range tt.bytes {
				p = append(p, byte(i/20))
			}
			r, err := ParseScrapeRequest(p)
			if err != nil || r.Len() != tt.want {
				t.Fatalf("%d hashes, %v; want %d", r.Len(), err, tt.want)
			}
			last := tracker.InfoHash(bytes.Repeat([]byte{byte(tt.want - 1)}, 20))
			if r.InfoHash(r.Len()-1) != last {
				t.Errorf("last hash %v, want %v", r.InfoHash(r.Len()-1), last)
			}
		})
	}
}

func TestUnknownEventIsNone(t *testing.T) {
	for number, want := range map[uint32]tracker.Event{
		0: tracker.EventNone, 1: tracker.EventCompleted, 2: tracker.EventStarted, 3: tracker.EventStopped,
		4: tracker.EventPaused, 5: tracker.EventNone, 256 + 3: tracker.EventNone, 1<<32 - 1: tracker.EventNone,
	} {
		if got := (AnnounceRequest{Event: number}).TrackerEvent(); got != want {
			t.Errorf("event %d is %v, want %v", number, got, want)
		}
	}
}

// TestNoReplyIsLonger holds that buffers of MaxReplySize take every reply, and that
// none is fragmented: an IPv6 packet of 1280 bytes, the least that links carry, has
// room for 1232.
func TestNoReplyIsLonger(t *testing.T) {
	for name, size := range map[string]int{
		"connect":       ConnectReplySize,
		"announce IPv4": AnnounceReplySize + MaxPeers4*tracker.CompactSize4,
		"announce IPv6": AnnounceReplySize + MaxPeers6*tracker.CompactSize6,
		"scrape":        ScrapeReplySize + MaxScrape*ScrapeRowSize,
	} {
		if size > MaxReplySize || MaxReplySize > 1232 {
			t.Errorf("%s: %d bytes of %d", name, size, MaxReplySize)
		}
	}
}

// TestPeekAnnounce holds that it finds what ParseAnnounceRequest finds.
func TestPeekAnnounce(t *testing.T) {
	for name, p := range bep15test.Goldens(t) {
		checkPeek(t, name, p)
		checkPeek(t, name+" cut off", p[:len(p)-1])
	}
}

// checkPeek compares PeekAnnounce with ParseAnnounceRequest.
func checkPeek(t *testing.T, name string, p []byte) {
	t.Helper()
	hash, port, ok := PeekAnnounce(p)
	r, err := ParseAnnounceRequest(p)
	if ok != (err == nil) || (hash != nil) != ok || port != r.Port {
		t.Fatalf("%s: peeked %v, port %d, %v; parsed port %d, %v", name, hash, port, ok, r.Port, err)
	}
	if ok && (*hash != r.InfoHash || &hash[0] != &p[16]) {
		t.Fatalf("%s: info hash %v, want %v, in the packet", name, hash, r.InfoHash)
	}
}

// TestPacketsDoNotAllocate holds what the packet path builds on: a parser takes
// nothing, nor does Append with room.
func TestPacketsDoNotAllocate(t *testing.T) {
	goldens := bep15test.Goldens(t)
	buf := make([]byte, 0, 2048)
	for name, do := range map[string]func(){
		"connect": func() {
			r, _ := ParseConnectRequest(goldens["connect_request"])
			buf = r.Append(buf[:0])
			reply, _ := ParseConnectReply(goldens["connect_reply"])
			buf = reply.Append(buf[:0])
		},
		"announce": func() {
			r, _ := ParseAnnounceRequest(goldens["announce_url_data"])
			buf = r.Append(buf[:0])
			PeekAnnounce(buf)
			for range ParseOptions(r.Options) {
			}
			reply, _ := ParseAnnounceReply(goldens["announce_reply_v6"], tracker.IPv6)
			buf = reply.Append(buf[:0])
		},
		"scrape": func() {
			r, _ := ParseScrapeRequest(goldens["scrape_request"])
			buf = r.Append(buf[:0])
			reply, _ := ParseScrapeReply(goldens["scrape_reply"])
			buf = reply.Row(0).Append(reply.Append(buf[:0]))
		},
		"error": func() { buf = ErrorReply{1, "no"}.Append(buf[:0]) },
	} {
		if n := testing.AllocsPerRun(100, do); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// FuzzPackets gives every parser any bytes: what one accepts must be encoded
// into the bytes it was read from, up to what the parser leaves out.
func FuzzPackets(f *testing.F) {
	for _, p := range bep15test.Goldens(f) {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		checkPeek(t, "peek", p)
		for name, parse := range parsers {
			v, err := parse(p)
			if err != nil {
				continue
			}
			got := v.Append(nil)
			if !bytes.HasPrefix(p, got) {
				t.Fatalf("%s: %x became %x", name, p, got)
			}
			left := len(p) - len(got)
			switch r := v.(type) {
			case ConnectRequest: // any number of bytes may follow
			case ScrapeRequest:
				if r.Len() < MaxScrape && left >= infoHashSize {
					t.Fatalf("%s: left out %d bytes", name, left)
				}
			default:
				if left != 0 {
					t.Fatalf("%s: left out %d bytes", name, left)
				}
			}
		}
	})
}
