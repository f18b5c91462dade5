package udp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"keeptrack/tracker"
)

// goldenPackets returns testdata/packets.txt by name.
func goldenPackets(t testing.TB) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile("testdata/packets.txt")
	if err != nil {
		t.Fatal(err)
	}
	packets := make(map[string][]byte)
	for line := range strings.Lines(string(text)) {
		name, digits, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || name == "#" {
			continue
		}
		p, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		packets[name] = p
	}
	return packets
}

const goldenConnectionID = 0x0123456789abcdef

var goldenHash = tracker.InfoHash{
	0x50, 0x24, 0xe2, 0x7a, 0x65, 0xda, 0x1e, 0x1e, 0xa6, 0xdc,
	0x6a, 0x51, 0x16, 0x8c, 0xb2, 0xd7, 0x10, 0xcf, 0xc5, 0xe6,
}

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
		{"connect_reply", "connect_reply", ConnectReply{0xdeadbeef, goldenConnectionID}},
		{"announce_plain", "announce_request", AnnounceRequest{
			ConnectionID: goldenConnectionID, TransactionID: 0x11111111,
			InfoHash: tracker.InfoHash(bytes.Repeat([]byte("a"), 20)), PeerID: [20]byte([]byte("-GT0001-000000000001")),
			Left: 1000, Event: 2, Key: 0x01020304, NumWant: -1, Port: 6881, Options: []byte{},
		}},
		{"announce_url_data", "announce_request", AnnounceRequest{
			ConnectionID: goldenConnectionID, TransactionID: 0x824641f2,
			InfoHash: goldenHash, PeerID: [20]byte([]byte("-LT2080-d5lgyL~7lhmF")),
			Left: 40000, Event: 2, Key: 0xcd43d977, NumWant: 200, Port: 17881, Options: []byte("\x02\x09/announce"),
		}},
		{"announce_stray_bytes", "announce_request", AnnounceRequest{
			ConnectionID: goldenConnectionID, TransactionID: 0xa80499c5,
			InfoHash: goldenHash, PeerID: [20]byte([]byte("A2-1-36-0-\xe5\x03\x01\x92\x24\xcf\xc0\xd5\xb8\x02")),
			Left: 40000, Event: 2, Key: 0x2f415861, NumWant: 50, Port: 17990, Options: []byte{0, 0},
		}},
		{"announce_reply_v4", "announce_reply_4", AnnounceReply{
			0xdeadbeef, 1800, 2, 1, []byte("\xc0\x00\x02\x01\x1a\xe1\xc6\x33\x64\x02\xc8\xd5"),
		}},
		{"scrape_request", "scrape_request", ScrapeRequest{goldenConnectionID, 0xd207ce47, goldenHash[:]}},
		{"scrape_reply", "scrape_reply", ScrapeReply{0xdeadbeef, rows}},
		{"error_reply", "error_reply", ErrorReply{0xdeadbeef, "Connection ID missmatch.\x00"}},
	}
	packets := goldenPackets(t)
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
	r, err := ParseAnnounceRequest(goldenPackets(t)["announce_paused"])
	if err != nil {
		t.Fatal(err)
	}
	if r.TrackerEvent() != tracker.EventPaused || r.Left != 1<<16 || URLData(r.Options) != "/announce" {
		t.Errorf("event %v, left %d, URL data %q", r.TrackerEvent(), r.Left, URLData(r.Options))
	}
}

func TestGoldenReplyRows(t *testing.T) {
	packets := goldenPackets(t)
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
	packets := goldenPackets(t)
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

// FuzzPackets gives every parser any bytes: what one accepts must be encoded
// into the bytes it was read from, up to what the parser leaves out.
func FuzzPackets(f *testing.F) {
	for _, p := range goldenPackets(f) {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
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
