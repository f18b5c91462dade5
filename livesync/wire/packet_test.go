package wire

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"keeptrack/livesync/wire/wiretest"
	"keeptrack/tracker"
	"keeptrack/tracker/peergroup"
)

// fullFrame is the payload of an Ethernet frame, in bytes.
const fullFrame = 1472

// encode makes the packet that p was parsed from, without trailing bytes,
// meaningless flags and padding.
func encode(p Packet) []byte {
	switch p.Kind {
	case KindBeacon:
		return AppendBeacon(nil, p.From, p.Torrents())
	case KindInquire:
		return AppendInquire(nil, p.From, p.Target())
	case KindHello, KindAsk, KindPeers, KindPeersEnd, KindHave:
		return encodeNewcomer(p)
	case KindOverrides, KindOverrideDigest, KindOverrideAsk:
		return encodeOverrides(p)
	}
	if p.Kind >= KindLiveSum && p.Kind <= KindLiveStops {
		return encodeLost(p)
	}
	if p.Kind.Counts() {
		c := p.Count()
		_, b := AppendCount(nil, p.From, &c)
		return b
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

// encodeNewcomer is encode for the kinds from KindHello on.
func encodeNewcomer(p Packet) []byte {
	switch p.Kind {
	case KindHello:
		return AppendHello(nil, p.From, p.Hello())
	case KindAsk:
		return AppendAsk(nil, p.From, p.Target(), p.Stream())
	case KindPeersEnd:
		return AppendPeersEnd(nil, p.From, p.Target(), p.Stream(), p.Number())
	case KindHave:
		missing := make([]uint32, p.Records())
		for i := range missing {
			missing[i] = p.Missing(i)
		}
		return AppendHave(nil, p.From, p.Target(), p.Stream(), p.Number(), missing)
	}
	b := AppendPeers(nil, p.From, p.Target(), p.Stream(), p.Number())
	p.Peers(make([]tracker.PeerState, 0, p.Records()), func(peers []tracker.PeerState) {
		for len(peers) > 0 {
			n := peergroup.Run(peers)
			b, peers = peergroup.Append(b, peers[:n]), peers[n:]
		}
	})
	return b
}

// encodeLost is encode for the kinds from KindLiveSum on.
func encodeLost(p Packet) []byte {
	switch p.Kind {
	case KindLiveSum:
		return AppendLiveSum(nil, p.From, p.LiveSum())
	case KindLiveAsk:
		var asked []uint16
		for i := range p.Records() {
			asked = append(asked, p.Asked(i))
		}
		return AppendLiveAsk(nil, p.From, p.Target(), p.Stretch(), asked, 1<<16)
	case KindLiveHashes:
		packets, first, hashes := p.Hashes(nil)
		all := make([]uint32, packets)
		copy(all[first:], hashes)
		b, _ := AppendLiveHashes(nil, p.From, p.Target(), p.Stretch(), all, first, HeaderSize+hashesHead+4*len(hashes))
		return b
	}
	var peers []LivePeer
	for i := range p.Records() {
		peers = append(peers, p.Again(i))
	}
	if p.Kind == KindLiveStops {
		return AppendLiveStops(nil, p.From, peers)
	}
	return AppendLiveAgain(nil, p.From, p.Target(), p.Stretch(), p.AgainPart(), peers)
}

// encodeOverrides is encode for packets about overrides.
func encodeOverrides(p Packet) []byte {
	if p.Kind == KindOverrideDigest {
		return AppendOverrideDigest(nil, p.From, p.OverrideDigest())
	}
	b := AppendHeader(nil, p.From, p.Kind)
	if p.Kind == KindOverrideAsk {
		b = AppendOverrideAsk(nil, p.From, p.Target())
	}
	for i := range p.Records() {
		if p.Kind == KindOverrideAsk {
			first, digest := p.AskedRange(i)
			b = AppendAskedRange(b, first, digest)
			continue
		}
		o := p.Override(i)
		b = o.Append(b)
	}
	return b
}

// refusals are the errors of Parse by the name that packets.txt has for them.
var refusals = map[string]error{"short": ErrShort, "unknown_type": ErrType, "bad_length": ErrLength, "bad_value": ErrValue}

func TestGoldenPackets(t *testing.T) {
	for _, g := range wiretest.Goldens(t) {
		t.Run(g.Name, func(t *testing.T) {
			p, err := Parse(g.Packet)
			if reason, dropped := strings.CutPrefix(g.Text, "drop "); dropped {
				if err != refusals[reason] {
					t.Fatalf("error %v, want %v", err, refusals[reason])
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := p.String(); got != g.Text {
				t.Errorf("decoded\n%s\nwant\n%s", got, g.Text)
			}
			if p.From.String() != "deadbeef" {
				t.Errorf("from %s", p.From)
			}
			if p.Trailing > 0 || g.Name == "live_from_sync" || g.Name == "peers_late" {
				return // not what is sent
			}
			if got := encode(p); !bytes.Equal(got, g.Packet) {
				t.Errorf("encoded\n%x\nwant\n%x", got, g.Packet)
			}
		})
	}
}

func TestFullPacketsFitAnEthernetFrame(t *testing.T) {
	for k, want := range map[Kind]int{KindLive: 52, KindLive6: 36, KindTell: 45, KindOverrides: 44, KindOverrideAsk: 162, KindCountParts: 45, KindCountRecords: 43} {
		if got := k.Records(fullFrame); got != want {
			t.Errorf("%s: %d records, want %d", k, got, want)
		}
	}
}

func TestPacketJSON(t *testing.T) {
	for name, want := range map[string]string{
		"live_completed":  `{"id":"deadbeef","type":"live","peers":[{"info_hash":"5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6","peer":"192.0.2.1:6881","flags":["seeding","complete"]}]}`,
		"beacon":          `{"id":"deadbeef","type":"beacon","torrents":10000000}`,
		"inquire":         `{"id":"deadbeef","type":"inquire","target":"cafebabe"}`,
		"hello_asks":      `{"id":"deadbeef","type":"hello","peers_held":0,"up_seconds":1,"filling":true,"asks":true}`,
		"peers_ask":       `{"id":"deadbeef","type":"peers_ask","target":"cafebabe","stream":"0a0b0c0d"}`,
		"peers_late":      `{"id":"deadbeef","type":"peers","target":"cafebabe","stream":"0a0b0c0d","number":7,"peers":[{"info_hash":"000102030405060708090a0b0c0d0e0f10111213","peer":"192.0.2.1:6881","age_seconds":5,"flags":["leeching"]}]}`,
		"peers_end":       `{"id":"deadbeef","type":"peers_end","target":"cafebabe","stream":"0a0b0c0d","number":9}`,
		"have_some":       `{"id":"deadbeef","type":"peers_have","target":"cafebabe","stream":"0a0b0c0d","number":10,"missing":[3,8]}`,
		"tell_one":        `{"id":"deadbeef","type":"tell","tells":[{"info_hash":"5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6","age_minutes":7,"downloaded":13772}]}`,
		"override_two":    `{"id":"deadbeef","type":"overrides","overrides":[{"info_hash":"5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6","decision":"refuse","made":"2023-11-14T22:13:20.000000001Z","origin":"abcdef01"},{"info_hash":"000102030405060708090a0b0c0d0e0f10111213","decision":"dropped","made":"2023-11-14T22:13:21Z","origin":"01020304"}]}`,
		"override_digest": `{"id":"deadbeef","type":"override_digest","digest":"0123456789abcdef","agreed":"2023-11-14T22:13:20Z","label":"abcdef01"}`,
		"count_hello":     `{"id":"deadbeef","type":"count_hello","origin":"a001020304050607","said":{"ended":"0000000000000005","ended_names":["b001020304050607"],"folded":8,"folded_digest":"0000000000000009","folded_names":["a001020304050607"],"known":[{"origin":"b001020304050607","age_seconds":10}],"label":"d00d0e0f","members":11,"nobody":"0000000000000007","number":2,"oldest":3,"own":"0000000000000004","serial":1,"silent":"0000000000000006"}}`,
		"count_parts":     `{"id":"deadbeef","type":"count_parts","origin":"a001020304050607","said":{"number":1,"parts":[{"info_hash":"5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6","value":2,"age_seconds":3,"kept":true},{"info_hash":"5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6","value":3,"age_seconds":0,"kept":false}]}}`,
		"names_open":      `{"id":"deadbeef","type":"count_names","origin":"a001020304050607","receiver":"b001020304050607","said":{"after":"0000000000000000","folded":false,"more":true,"names":[{"origin":"a001020304050607","root":"0000000000000001","ended":true},{"origin":"b001020304050607","root":"0000000000000002"}]}}`,
		"digests_ask":     `{"id":"deadbeef","type":"count_digests_ask","origin":"a001020304050607","receiver":"b001020304050607","said":{"nodes":["root","fff"],"subject":"0000000000000000"}}`,
		"records":         `{"id":"deadbeef","type":"count_records","origin":"a001020304050607","receiver":"b001020304050607","said":{"folded":1,"folded_digest":"0000000000000002","from":"5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6","last_range":"50ff","more":true,"parts":[{"info_hash":"5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6","value":2,"age_seconds":3,"kept":true}],"subject":"a001020304050607"}}`,
		"live_counted":    `{"id":"deadbeef","type":"live","peers":[{"info_hash":"5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6","peer":"192.0.2.1:6881","flags":["seeding","complete","counted"]}]}`,
		"override_ask":    `{"id":"deadbeef","type":"override_ask","target":"cafebabe","ranges":[{"first_byte":"00","digest":"0000000000000000"},{"first_byte":"50","digest":"0123456789abcdef"}]}`,
	} {
		p, _ := Parse(wiretest.Packet(t, name))
		if got, err := json.Marshal(p); err != nil || string(got) != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, got, want)
		}
	}
}

// TestOnlyCompletionsAreMarked: the mark is read where it was written, and nowhere else.
func TestOnlyCompletionsAreMarked(t *testing.T) {
	for _, peer := range []tracker.Peer{tracker.MakePeer4([4]byte{8}, 1), tracker.MakePeer6([16]byte{0x20, 1}, 1)} {
		for _, flags := range []tracker.SyncFlags{0, tracker.SyncSeeding, tracker.SyncComplete, tracker.SyncStopped} {
			for _, counted := range []bool{false, true} {
				kind := KindOfPeers(peer.Family())
				b := AppendSync(AppendHeader(nil, ID{1}, kind), &tracker.SyncRecord{Peer: peer, Flags: flags, Counted: counted})
				want := counted && flags == tracker.SyncComplete
				last := &b[len(b)-1]
				if (*last == 1) != want {
					t.Errorf("%s, flags %x, counted %t: the last byte is %d", kind, flags, counted, *last)
				}
				for _, is := range []byte{*last, 1, 2, 0xff} {
					*last = is
					p, err := Parse(b)
					if err != nil {
						t.Fatal(err)
					}
					var r tracker.SyncRecord
					if p.Sync(0, &r); r.Counted != (is == 1 && flags == tracker.SyncComplete) {
						t.Errorf("%s, flags %x, last byte %d: counted %t", kind, flags, is, r.Counted)
					}
				}
			}
		}
	}
}

func TestCodecDoesNotAllocate(t *testing.T) {
	buf := make([]byte, 0, fullFrame)
	live, tell := wiretest.Packet(t, "live_two"), wiretest.Packet(t, "tell_one")
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
	for _, g := range wiretest.Goldens(f) {
		f.Add(g.Packet)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			return
		}
		if p.Kind == KindLive6 {
			fuzzLive6(t, p)
			return
		}
		if p.Kind == KindPeers {
			fuzzPeers(t, p)
			return
		}
		again := encode(p)
		q, err := Parse(again)
		if err != nil {
			t.Fatalf("%x from %x: %v", again, b, err)
		}
		if p.Trailing = 0; p.String() != q.String() || len(again) != len(b)-len(b[HeaderSize+len(p.body):]) {
			t.Fatalf("%s became %s", p, q)
		}
	})
}

// fuzzPeers goes by peer: what is read may be grouped otherwise.
func fuzzPeers(t *testing.T, p Packet) {
	again, err := Parse(encode(p))
	if p.Records() == 0 {
		return // groups without peers are not written
	}
	if err != nil || again.Records() != p.Records() {
		t.Fatalf("%s became %s: %v", p, again, err)
	}
}

func TestSecondsAreRoundedUpAndBounded(t *testing.T) {
	for ago, want := range map[time.Duration]uint32{
		-time.Hour: 0, 0: 0, 1: 1, time.Second: 1, time.Second + 1: 2, 1000 * time.Hour: 1<<16 - 1,
	} {
		b := AppendPeers(nil, ID{1}, ID{2}, 3, 4)
		b = peergroup.Append(b, []tracker.PeerState{{Peer: tracker.MakePeer4([4]byte{8}, 1)}})
		SetSeconds(b, ago)
		p, err := Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		p.eachOf(func(s *tracker.PeerState) {
			if s.Age != want {
				t.Errorf("%s became %d seconds, want %d", ago, s.Age, want)
			}
		})
	}
}

// fuzzLive6 goes by record: an IPv4-mapped address makes an IPv4 peer, whose
// records go into packets of the other kind.
func fuzzLive6(t *testing.T, p Packet) {
	for i := range p.Records() {
		var r, again tracker.SyncRecord
		p.Sync(i, &r)
		b := AppendSync(AppendHeader(nil, p.From, KindOfPeers(r.Peer.Family())), &r)
		q, err := Parse(b)
		if err != nil {
			t.Fatalf("%x: %v", b, err)
		}
		if q.Sync(0, &again); r != again {
			t.Fatalf("%v became %v", r, again)
		}
	}
}
