package udp

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
	"keeptrack/tracker/bep15/bep15test"
)

// newTestTracker takes in private addresses, so that tests can announce from
// loopback.
func newTestTracker() *tracker.Tracker {
	return tracker.New(tracker.Options{
		AnnounceInterval: 30 * time.Minute, MinAnnounceInterval: 15 * time.Minute,
		PeerTimeout: 45 * time.Minute, RenewAfter: 10 * time.Minute,
		DefaultNumWant: 50, MaxNumWant: 200, AllowPrivate: true,
	}, testTime)
}

func newTestHandler(t *tracker.Tracker) *handler {
	h := newHandler(t, inForce(testIDs), zerolog.Nop())
	h.begin(testTime)
	return h
}

// inForce has connection ids in force.
func inForce(ids *connectionIDs) *atomic.Pointer[connectionIDs] {
	p := new(atomic.Pointer[connectionIDs])
	p.Store(ids)
	return p
}

func from(s string) source {
	a := netip.MustParseAddrPort(s)
	return source{a.Addr().As16(), a.Port()}
}

// ask has the handler answer one packet.
func ask(h *handler, client source, packet []byte) []byte {
	defer h.count.tell()
	return h.answer(client, packet, make([]byte, bep15.MaxReplySize))
}

// counted returns what a handler has counted and told.
func counted(h *handler) (s FamilyStats) {
	h.count.addTo(&s)
	return s
}

// announceFrom returns an announce with a good connection id.
func announceFrom(h *handler, client source, port uint16) bep15.AnnounceRequest {
	return bep15.AnnounceRequest{
		ConnectionID: h.ids.id(client.addr, h.slot), TransactionID: 0xdeadbeef,
		InfoHash: bep15test.InfoHash, Left: 1, NumWant: -1, Port: port,
	}
}

func TestHandlerConnect(t *testing.T) {
	h := newTestHandler(newTestTracker())
	client := from("192.0.2.1:1234")
	for range 2 { // a retransmitted request is answered again
		reply, err := bep15.ParseConnectReply(ask(h, client, bep15test.Goldens(t)["connect_request"]))
		if err != nil {
			t.Fatal(err)
		}
		if reply.TransactionID != 0xdeadbeef || !testIDs.valid(reply.ConnectionID, client.addr, h.slot) {
			t.Errorf("reply %+v", reply)
		}
	}
	if n := counted(h).Connects; n != 2 {
		t.Errorf("%d connects counted, want 2", n)
	}
}

func TestHandlerAnnounce(t *testing.T) {
	for _, tt := range []struct {
		name, client, other string
		family              tracker.Family
		peers               string // of other at port 6881
	}{
		{"IPv4", "192.0.2.9:1234", "192.0.2.1:5678", tracker.IPv4, "\xc0\x00\x02\x01\x1a\xe1"},
		{"IPv6", "[2001:db8::9]:1234", "[2001:db8::1]:5678", tracker.IPv6,
			"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x1a\xe1"},
		{"IPv4 in IPv6 form", "[::ffff:192.0.2.9]:1234", "192.0.2.1:5678", tracker.IPv4, "\xc0\x00\x02\x01\x1a\xe1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newTestHandler(newTestTracker())
			seed := announceFrom(h, from(tt.other), 6881)
			seed.Left = 0
			ask(h, from(tt.other), seed.Append(nil))
			leech := announceFrom(h, from(tt.client), 6882)
			reply, err := bep15.ParseAnnounceReply(ask(h, from(tt.client), leech.Append(nil)), tt.family)
			if err != nil {
				t.Fatal(err)
			}
			want := bep15.AnnounceReply{TransactionID: 0xdeadbeef, Interval: 1800, Leechers: 1, Seeders: 1, Peers: []byte(tt.peers)}
			if reply.TransactionID != want.TransactionID || reply.Interval != want.Interval ||
				reply.Leechers != 1 || reply.Seeders != 1 || !bytes.Equal(reply.Peers, want.Peers) {
				t.Errorf("reply %+v, want %+v", reply, want)
			}
		})
	}
}

// TestHandlerAnnounceFields sends what changes the outcome and looks at the
// counts that come back.
func TestHandlerAnnounceFields(t *testing.T) {
	for _, tt := range []struct {
		name              string
		change            func(*bep15.AnnounceRequest)
		seeders, leechers uint32
	}{
		{"leecher", func(r *bep15.AnnounceRequest) {}, 0, 1},
		{"all is left", func(r *bep15.AnnounceRequest) { r.Left = math.MaxUint64 }, 0, 1},
		{"seeder", func(r *bep15.AnnounceRequest) { r.Left = 0 }, 1, 0},
		{"completed", func(r *bep15.AnnounceRequest) { r.Left, r.Event = 0, 1 }, 1, 0},
		{"stopped", func(r *bep15.AnnounceRequest) { r.Event = 3 }, 0, 0},
		{"paused", func(r *bep15.AnnounceRequest) { r.Event = 4 }, 0, 1},
		{"unknown event", func(r *bep15.AnnounceRequest) { r.Event = 99 }, 0, 1},
		{"port 0 is not stored", func(r *bep15.AnnounceRequest) { r.Port = 0 }, 0, 0},
		{"the ip field means nothing", func(r *bep15.AnnounceRequest) { r.IP = 0x01020304 }, 0, 1},
		{"options", func(r *bep15.AnnounceRequest) { r.Options = []byte("\x02\x09/announce\x00") }, 0, 1},
		{"malformed options", func(r *bep15.AnnounceRequest) { r.Options = []byte("\x02\xff/") }, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newTestHandler(newTestTracker())
			client := from("192.0.2.1:1234")
			r := announceFrom(h, client, 6881)
			tt.change(&r)
			reply, err := bep15.ParseAnnounceReply(ask(h, client, r.Append(nil)), tracker.IPv4)
			if err != nil {
				t.Fatal(err)
			}
			if reply.Seeders != tt.seeders || reply.Leechers != tt.leechers {
				t.Errorf("%d seeders, %d leechers; want %d, %d", reply.Seeders, reply.Leechers, tt.seeders, tt.leechers)
			}
		})
	}
}

// TestHandlerCapsPeers fills a swarm and asks for more than a packet carries.
func TestHandlerCapsPeers(t *testing.T) {
	for _, tt := range []struct {
		name, client string
		family       tracker.Family
		numWant      int32
		size         int
	}{
		{"IPv4, 1000 wanted", "192.0.2.1:1234", tracker.IPv4, 1000, 20 + 200*6},
		{"IPv4, default", "192.0.2.1:1234", tracker.IPv4, -1, 20 + 50*6},
		{"IPv4, none", "192.0.2.1:1234", tracker.IPv4, 0, 20 + 50*6},
		{"IPv6, 1000 wanted", "[2001:db8::1]:1234", tracker.IPv6, 1000, 20 + 66*18},
		{"IPv6, most negative", "[2001:db8::1]:1234", tracker.IPv6, math.MinInt32, 20 + 50*18},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newTestHandler(newTestTracker())
			client := from(tt.client)
			for port := uint16(1); port <= 300; port++ {
				ask(h, client, announceFrom(h, client, port).Append(nil))
			}
			r := announceFrom(h, client, 1)
			r.NumWant = tt.numWant
			buf := make([]byte, bep15.MaxReplySize)
			reply := h.answer(client, r.Append(nil), buf)
			if len(reply) != tt.size || &reply[0] != &buf[0] {
				t.Errorf("%d bytes, in the buffer: %v; want %d", len(reply), &reply[0] == &buf[0], tt.size)
			}
			if _, err := bep15.ParseAnnounceReply(reply, tt.family); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestHandlerRefusedTorrent(t *testing.T) {
	tr := newTestTracker()
	tr.SetAccess(&tracker.Access{Mode: tracker.AccessDeny, List: tracker.NewHashSet([]tracker.InfoHash{bep15test.InfoHash})})
	h := newTestHandler(tr)
	client := from("192.0.2.1:1234")
	reply, err := bep15.ParseAnnounceReply(ask(h, client, announceFrom(h, client, 6881).Append(nil)), tracker.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	if len(reply.Peers) != 0 || reply.Seeders != 0 || reply.Leechers != 0 || reply.Interval != 10800 {
		t.Errorf("reply %+v, want no peers and an interval of 10800", reply)
	}
	if got, want := counted(h), (FamilyStats{Packets: 1, Refused: 1}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

func TestHandlerScrape(t *testing.T) {
	tr := newTestTracker()
	tr.Load(tr.Instant(testTime), tracker.Record{InfoHash: tracker.InfoHash{1}, LastAnnounce: 1, Downloaded: math.MaxUint32 + 1})
	h := newTestHandler(tr)
	client := from("192.0.2.1:1234")
	for port, left := range []uint64{0, 5, 5} {
		r := announceFrom(h, client, uint16(1000+port))
		r.Left = left
		ask(h, client, r.Append(nil))
	}
	hashes := []tracker.InfoHash{bep15test.InfoHash, {9}, {1}, bep15test.InfoHash}
	req := bep15.ScrapeRequest{ConnectionID: testIDs.id(client.addr, h.slot), TransactionID: 7}
	for _, hash := range hashes {
		req.InfoHashes = append(req.InfoHashes, hash[:]...)
	}
	reply, err := bep15.ParseScrapeReply(ask(h, client, req.Append(nil)))
	if err != nil {
		t.Fatal(err)
	}
	want := []bep15.ScrapeRow{{Seeders: 1, Leechers: 2}, {}, {Completed: math.MaxUint32}, {Seeders: 1, Leechers: 2}}
	if reply.TransactionID != 7 || reply.Len() != len(want) {
		t.Fatalf("reply %+v, want %d rows", reply, len(want))
	}
	for i, row := range want {
		if reply.Row(i) != row {
			t.Errorf("row %d is %v, want %v", i, reply.Row(i), row)
		}
	}
	req.InfoHashes = make([]byte, 80*20)
	if n := len(ask(h, client, req.Append(nil))); n != 8+74*12 {
		t.Errorf("80 hashes got %d bytes, want 74 rows", n)
	}
}

func TestHandlerDrops(t *testing.T) {
	client := from("192.0.2.1:1234")
	packets := bep15test.Goldens(t)
	connect, announce := packets["connect_request"], packets["announce_plain"]
	for _, tt := range []struct {
		name   string
		client source
		packet []byte
		want   Drop
	}{
		{"nothing", client, nil, DropShort},
		{"15 bytes", client, connect[:15], DropShort},
		{"source port 0", from("192.0.2.1:0"), connect, DropSourcePort},
		{"wrong magic", client, bep15.RequestHeader{ConnectionID: bep15.Magic + 1, Action: bep15.ActionConnect, TransactionID: 1}.Append(nil), DropMagic},
		{"error action", client, bep15.RequestHeader{ConnectionID: bep15.Magic, Action: bep15.ActionError, TransactionID: 1}.Append(nil), DropAction},
		{"unknown action", client, bep15.RequestHeader{ConnectionID: bep15.Magic, Action: 1 << 31, TransactionID: 1}.Append(nil), DropAction},
		{"announce of 97 bytes", client, announce[:97], DropShortAnnounce},
		{"announce of 16 bytes", client, announce[:16], DropShortAnnounce},
		{"scrape of no hash", client, packets["scrape_request"][:35], DropShortScrape},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newTestHandler(newTestTracker())
			if reply := ask(h, tt.client, tt.packet); len(reply) != 0 {
				t.Errorf("reply %x, want none", reply)
			}
			want := FamilyStats{Packets: 1}
			want.Dropped[tt.want] = 1
			if got := counted(h); got != want {
				t.Errorf("counted %+v, want one drop for %v", got, tt.want)
			}
		})
	}
}

func TestHandlerWrongConnectionID(t *testing.T) {
	packets := bep15test.Goldens(t)
	client := from("192.0.2.1:1234")
	h := newTestHandler(newTestTracker())
	expired := announceFrom(h, client, 6881)
	h.begin(testTime.Add(13 * time.Minute))
	for name, packet := range map[string][]byte{
		"announce":         packets["announce_plain"],
		"scrape":           packets["scrape_request"],
		"expired announce": expired.Append(nil),
	} {
		t.Run(name, func(t *testing.T) {
			reply := ask(h, client, packet)
			if len(reply) > len(packet) {
				t.Errorf("%d bytes for %d", len(reply), len(packet))
			}
			header, _ := bep15.ParseRequestHeader(packet)
			want, _ := bep15.ParseErrorReply(packets["error_reply"])
			want.TransactionID = header.TransactionID
			if got, err := bep15.ParseErrorReply(reply); got != want || err != nil {
				t.Errorf("reply %+v, %v; want %+v", got, err, want)
			}
		})
	}
	if n := h.tracker.Torrents(); n != 0 {
		t.Errorf("%d torrents stored by announces without a good id", n)
	}
	if got, want := counted(h), (FamilyStats{Packets: 3, StaleAnnounces: 2, StaleScrapes: 1}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

func TestHandlerLimitsErrors(t *testing.T) {
	h := newTestHandler(newTestTracker())
	packet := bep15test.Goldens(t)["announce_plain"]
	answered := func(client string, n int) (replies int) {
		for range n {
			if len(ask(h, from(client), packet)) > 0 {
				replies++
			}
		}
		return replies
	}
	if got := answered("192.0.2.1:1234", 25); got != errorsPerSecond {
		t.Errorf("%d error replies within a second, want %d", got, errorsPerSecond)
	}
	if got := counted(h).Dropped[DropConnectionID]; got != 25-errorsPerSecond {
		t.Errorf("%d counted as dropped, want %d", got, 25-errorsPerSecond)
	}
	if got := answered("192.0.2.1:1235", 1); got != 0 {
		t.Error("another port of the same address has its own budget")
	}
	h.begin(testTime.Add(time.Second))
	if got := answered("192.0.2.1:1234", 1); got != 1 {
		t.Error("no error reply in the next second")
	}
}

// TestHandlerNeverAmplifies sends random datagrams, most of them nearly right,
// from clients that have no connection id.
func TestHandlerNeverAmplifies(t *testing.T) {
	h := newTestHandler(newTestTracker())
	r := rand.New(rand.NewPCG(3, 4))
	replies := 0
	for i := range 50_000 {
		packet := make([]byte, r.IntN(200))
		for j := range packet {
			packet[j] = byte(r.Uint32())
		}
		if len(packet) >= bep15.ConnectRequestSize {
			header, _ := bep15.ParseRequestHeader(packet)
			header.Action = bep15.Action(r.Uint32N(5))
			if r.IntN(4) == 0 {
				header.ConnectionID = bep15.Magic
			}
			header.Append(packet[:0])
		}
		h.begin(testTime.Add(time.Duration(i) * time.Millisecond))
		reply := ask(h, from("192.0.2.1:1234"), packet)
		if len(reply) > len(packet) {
			t.Fatalf("%d bytes in reply to %d: %x", len(reply), len(packet), packet)
		}
		if len(reply) > 0 {
			replies++
		}
	}
	if replies == 0 || h.tracker.Torrents() != 0 {
		t.Errorf("%d replies, %d torrents; want some and none", replies, h.tracker.Torrents())
	}
}

func TestHandlerTrace(t *testing.T) {
	client := from("192.0.2.1:1234")
	for _, tt := range []struct {
		level zerolog.Level
		want  string
	}{
		{zerolog.TraceLevel, `{"level":"trace","peer":"192.0.2.1:6881","info_hash":"5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6",` +
			`"peer_id":"2d54543030303000000000000000000000000000","event":2,"left":1,"num_want":-1,"url_data":"/announce","message":"announce"}` + "\n"},
		{zerolog.DebugLevel, ""},
	} {
		t.Run(tt.level.String(), func(t *testing.T) {
			var log bytes.Buffer
			h := newHandler(newTestTracker(), inForce(testIDs), zerolog.New(&log).Level(tt.level))
			h.begin(testTime)
			r := announceFrom(h, client, 6881)
			r.Event, r.Options = 2, bep15.AppendURLData(nil, "/announce")
			copy(r.PeerID[:], "-TT0000")
			ask(h, client, r.Append(nil))
			if log.String() != tt.want {
				t.Errorf("logged %q, want %q", log.String(), tt.want)
			}
		})
	}
}

func TestHandlerDoesNotAllocate(t *testing.T) {
	h := newTestHandler(newTestTracker())
	for _, client := range []source{from("192.0.2.1:1234"), from("[2001:db8::1]:1234")} {
		for port := uint16(1); port <= 300; port++ {
			ask(h, client, announceFrom(h, client, port).Append(nil))
		}
		announce := announceFrom(h, client, 7)
		announce.NumWant, announce.Options = 200, []byte("\x02\x09/announce")
		scrape := bep15.ScrapeRequest{ConnectionID: announce.ConnectionID, TransactionID: 1, InfoHashes: bytes.Repeat(bep15test.InfoHash[:], bep15.MaxScrape)}
		wrong := announce
		wrong.ConnectionID++
		for name, packet := range map[string][]byte{
			"connect": bep15.ConnectRequest{TransactionID: 1}.Append(nil), "announce": announce.Append(nil),
			"scrape": scrape.Append(nil), "wrong connection id": wrong.Append(nil), "short": {1, 2, 3},
		} {
			now, batch := testTime, batchOf(client, packet, packet)
			allocs := testing.AllocsPerRun(100, func() {
				now = now.Add(time.Second / 2)
				h.answerBatch(now, batch)
			})
			if allocs != 0 {
				t.Errorf("%s: %v allocations", name, allocs)
			}
		}
	}
}

func TestDropNames(t *testing.T) {
	seen := make(map[string]bool)
	for d := range Drop(DropCount) {
		if d.String() == "" || seen[d.String()] {
			t.Errorf("reason %d has the name %q", d, d)
		}
		seen[d.String()] = true
	}
}

func BenchmarkHandler(b *testing.B) {
	t := newTestTracker()
	h := newTestHandler(t)
	client := from("198.51.100.1:6881")
	const torrents, peers = 10_000, 16
	hash := func(i int) (ih tracker.InfoHash) {
		binary.BigEndian.PutUint64(ih[:], uint64(i)*0x9e3779b97f4a7c15)
		return ih
	}
	buf := make([]byte, bep15.MaxReplySize)
	for i := range torrents {
		for p := range peers {
			r := announceFrom(h, client, uint16(1024+p))
			r.InfoHash, r.Left = hash(i), uint64(p%2)
			h.answer(client, r.Append(nil), buf)
		}
	}
	var announces, scrapes [1024][]byte
	for i := range announces {
		r := announceFrom(h, client, uint16(1024+i%peers))
		r.InfoHash = hash(i * 7 % torrents)
		announces[i] = r.Append(nil)
		scrapes[i] = bep15.ScrapeRequest{ConnectionID: r.ConnectionID, TransactionID: 1, InfoHashes: r.InfoHash[:]}.Append(nil)
	}
	connects := [1024][]byte{}
	for i := range connects {
		connects[i] = bep15.ConnectRequest{TransactionID: uint32(i)}.Append(nil)
	}
	for _, bb := range []struct {
		name    string
		packets *[1024][]byte
	}{{"connect", &connects}, {"announce", &announces}, {"scrape", &scrapes}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if len(h.answer(client, bb.packets[i%1024], buf)) == 0 {
					b.Fatal("no reply")
				}
				i++
			}
		})
	}
}
