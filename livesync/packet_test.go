package livesync

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"keeptrack/tracker"
)

type golden struct {
	name   string
	packet []byte
	text   string
}

// goldens reads testdata/packets.txt.
func goldens(t testing.TB) []golden {
	t.Helper()
	data, err := os.ReadFile("testdata/packets.txt")
	if err != nil {
		t.Fatal(err)
	}
	var gs []golden
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "|")
		packet, err := hex.DecodeString(strings.TrimSpace(f[1]))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		gs = append(gs, golden{strings.TrimSpace(f[0]), packet, strings.TrimSpace(f[2])})
	}
	return gs
}

// packetNamed returns the bytes of a golden packet.
func packetNamed(t testing.TB, name string) []byte {
	t.Helper()
	for _, g := range goldens(t) {
		if g.name == name {
			return g.packet
		}
	}
	t.Fatalf("no golden packet %q", name)
	return nil
}

// encode makes the packet that p was parsed from, without trailing bytes,
// meaningless flags and padding.
func encode(p Packet) []byte {
	switch p.Kind {
	case KindBeacon:
		return AppendBeacon(nil, p.From, p.Torrents())
	case KindInquire:
		return AppendInquire(nil, p.From, p.Target())
	}
	b := AppendHeader(nil, p.From, p.Kind)
	for i := range p.Records() {
		if p.Kind == KindTell {
			b = AppendTell(b, p.Tell(i))
			continue
		}
		var r tracker.SyncRecord
		p.Sync(i, &r)
		b = AppendSync(b, &r)
	}
	return b
}

func TestGoldenPackets(t *testing.T) {
	for _, g := range goldens(t) {
		t.Run(g.name, func(t *testing.T) {
			p, drop := Parse(g.packet)
			if reason, dropped := strings.CutPrefix(g.text, "drop "); dropped {
				if drop.String() != reason {
					t.Fatalf("drop %s, want %s", drop, reason)
				}
				return
			}
			if drop != DropNone {
				t.Fatalf("dropped: %s", drop)
			}
			if got := p.String(); got != g.text {
				t.Errorf("decoded\n%s\nwant\n%s", got, g.text)
			}
			if p.From.String() != "deadbeef" {
				t.Errorf("from %s", p.From)
			}
			if p.Trailing > 0 || g.name == "live_from_sync" {
				return // not what is sent
			}
			if got := encode(p); !bytes.Equal(got, g.packet) {
				t.Errorf("encoded\n%x\nwant\n%x", got, g.packet)
			}
		})
	}
}

func TestFullPacketsFitAnEthernetFrame(t *testing.T) {
	for k, want := range map[Kind]int{KindLive: 52, KindLive6: 36, KindTell: 45} {
		if got := recordsIn(k, MaxPayload); got != want {
			t.Errorf("%s: %d records, want %d", k, got, want)
		}
	}
}

func TestPacketJSON(t *testing.T) {
	for name, want := range map[string]string{
		"live_completed": `{"id":"deadbeef","type":"live","peers":[{"info_hash":"5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6","peer":"192.0.2.1:6881","flags":["seeding","complete"]}]}`,
		"beacon":         `{"id":"deadbeef","type":"beacon","torrents":10000000}`,
		"inquire":        `{"id":"deadbeef","type":"inquire","target":"cafebabe"}`,
		"tell_one":       `{"id":"deadbeef","type":"tell","tells":[{"info_hash":"5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6","age_minutes":7,"downloaded":13772}]}`,
	} {
		p, _ := Parse(packetNamed(t, name))
		if got, err := json.Marshal(p); err != nil || string(got) != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, got, want)
		}
	}
}

func TestParseID(t *testing.T) {
	for text, ok := range map[string]bool{"cafebabe": true, "CAFEBABE": true, "": false, "cafebab": false, "cafebabe0": false, "cafebabx": false} {
		id, err := ParseID(text)
		if (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
		if ok && id.String() != "cafebabe" {
			t.Errorf("%q is %s", text, id)
		}
	}
}

func TestCodecDoesNotAllocate(t *testing.T) {
	buf := make([]byte, 0, MaxPayload)
	live, tell := packetNamed(t, "live_two"), packetNamed(t, "tell_one")
	var r tracker.SyncRecord
	allocs := testing.AllocsPerRun(100, func() {
		p, _ := Parse(live)
		p.Sync(1, &r)
		buf = AppendSync(AppendHeader(buf[:0], p.From, p.Kind), &r)
		p, _ = Parse(tell)
		buf = AppendTell(AppendHeader(buf[:0], p.From, p.Kind), p.Tell(0))
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// FuzzParse checks that whatever parses can be encoded, and then reads the same.
func FuzzParse(f *testing.F) {
	for _, g := range goldens(f) {
		f.Add(g.packet)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, drop := Parse(b)
		if drop != DropNone {
			return
		}
		if p.Kind == KindLive6 {
			fuzzLive6(t, p)
			return
		}
		again := encode(p)
		q, drop := Parse(again)
		if drop != DropNone {
			t.Fatalf("%x from %x: %s", again, b, drop)
		}
		if p.Trailing = 0; p.String() != q.String() || len(again) != len(b)-len(b[HeaderSize+len(p.body):]) {
			t.Fatalf("%s became %s", p, q)
		}
	})
}

// fuzzLive6 goes by record: an IPv4-mapped address makes an IPv4 peer, whose
// records go into packets of the other kind.
func fuzzLive6(t *testing.T, p Packet) {
	for i := range p.Records() {
		var r, again tracker.SyncRecord
		p.Sync(i, &r)
		b := AppendSync(AppendHeader(nil, p.From, kindOfFamily(r.Peer.Family())), &r)
		q, drop := Parse(b)
		if drop != DropNone {
			t.Fatalf("%x: %s", b, drop)
		}
		if q.Sync(0, &again); r != again {
			t.Fatalf("%v became %v", r, again)
		}
	}
}
