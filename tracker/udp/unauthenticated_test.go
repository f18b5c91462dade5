package udp

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"keeptrack/tracker/bep15"
	"keeptrack/tracker/bep15/bep15test"
)

// stranger makes datagrams as somebody sends them who has no connection id for
// the address that they come from.
type stranger struct {
	*rand.Rand
	h    *handler
	from source
}

// id returns a connection id that is not good here: a random one, the right one
// with a bit flipped, one of another address, of another secret, an expired one
// or one from the future.
func (s *stranger) id() uint64 {
	right := s.h.ids.id(s.from.addr, s.h.slot)
	other := s.from.addr
	other[15] ^= 1 << s.IntN(8)
	switch s.IntN(7) {
	case 0:
		return s.Uint64()
	case 1:
		return right ^ 1<<s.IntN(64)
	case 2:
		return s.h.ids.id(other, s.h.slot-uint64(s.IntN(slotsPerLifetime)))
	case 3:
		ids := newConnectionIDs(10*time.Minute, []byte("another secret!!"))
		return ids.id(s.from.addr, s.h.slot)
	case 4:
		return s.h.ids.id(s.from.addr, s.h.slot-slotsPerLifetime-1-uint64(s.IntN(20)))
	case 5:
		return s.h.ids.id(s.from.addr, s.h.slot+2+uint64(s.IntN(20)))
	}
	return []uint64{0, bep15.Magic, ^uint64(0)}[s.IntN(3)]
}

func (s *stranger) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.Uint32())
	}
	return b
}

// datagram returns a datagram of any kind, most of them whole, some cut off or
// with something behind.
func (s *stranger) datagram() (p []byte) {
	hashes := bytes.Repeat(bep15test.InfoHash[:], s.IntN(80))
	switch s.IntN(6) {
	case 0:
		p = bep15.ConnectRequest{TransactionID: s.Uint32()}.Append(nil)
	case 1:
		p = bep15.RequestHeader{ConnectionID: s.Uint64(), Action: bep15.Action(s.IntN(5)), TransactionID: s.Uint32()}.Append(nil)
	case 2:
		p = bep15.ScrapeRequest{ConnectionID: s.id(), TransactionID: s.Uint32(), InfoHashes: hashes}.Append(nil)
	case 3:
		return s.bytes(s.IntN(1500))
	default:
		p = bep15.AnnounceRequest{
			ConnectionID: s.id(), TransactionID: s.Uint32(), InfoHash: bep15test.InfoHash, Event: s.Uint32N(6),
			Left: s.Uint64(), NumWant: int32(s.Uint32()), Port: uint16(s.Uint32()), Options: s.bytes(s.IntN(20)),
		}.Append(nil)
	}
	switch s.IntN(4) {
	case 0:
		return p[:s.IntN(len(p)+1)]
	case 1:
		return append(p, s.bytes(s.IntN(100))...)
	}
	return p
}

// actionOf returns what a reply is; one that is cut off is none that there is.
func actionOf(reply []byte) bep15.Action {
	h, err := bep15.ParseReplyHeader(reply)
	if err != nil {
		return bep15.ActionError + 1
	}
	return h.Action
}

// TestStrangersGetNoMoreThanTheySent sends what strangers can send, to a tracker with
// a swarm that fills a reply: no reply is longer than its request, errors keep
// to their budget, and nothing is stored or counted.
func TestStrangersGetNoMoreThanTheySent(t *testing.T) {
	tr := newTestTracker()
	h := newTestHandler(tr)
	for port := uint16(1); port <= 300; port++ {
		for _, client := range []string{"192.0.2.1:1", "[2001:db8::1]:1"} {
			ask(h, from(client), announceFrom(h, from(client), port).Append(nil))
		}
	}
	before := tr.Stats()
	r := rand.New(rand.NewPCG(5, 6))
	errors := make(map[netip.Prefix]int) // of this second
	kinds := make(map[bep15.Action]int)
	for i := range 200_000 {
		if i%500 == 0 {
			h.begin(testTime.Add(time.Duration(i) * 2 * time.Millisecond))
			clear(errors)
		}
		client, network := strangerSource(r)
		s := stranger{r, h, client}
		packet := s.datagram()
		reply := ask(h, client, packet)
		if len(reply) > len(packet) {
			t.Fatalf("%d bytes in reply to %d: %x", len(reply), len(packet), packet)
		}
		if len(reply) == 0 {
			continue
		}
		action := actionOf(reply)
		kinds[action]++
		if action == bep15.ActionConnect {
			continue
		}
		if errors[network]++; action != bep15.ActionError || errors[network] > errorsPerSecond {
			t.Fatalf("action %d, reply %d of a second to %x", action, errors[network], packet)
		}
	}
	if kinds[bep15.ActionConnect] == 0 || kinds[bep15.ActionError] == 0 {
		t.Errorf("replies by action: %v", kinds)
	}
	if after := tr.Stats(); !reflect.DeepEqual(before, after) {
		t.Errorf("from %+v to %+v", before, after)
	}
}

// strangerSource draws one of a few addresses, and what has a budget of its own.
func strangerSource(r *rand.Rand) (source, netip.Prefix) {
	a := netip.AddrFrom4([4]byte{198, 51, 100, byte(r.IntN(8))})
	bits := 32
	if r.IntN(2) == 0 {
		a = netip.AddrFrom16([16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 7: byte(r.IntN(4)), 15: byte(r.Uint32())})
		bits = 64
	}
	network, _ := a.Prefix(bits)
	return source{a.As16(), uint16(1 + r.IntN(60_000))}, network
}

// TestConnectionIDsDoNotTravel replays what a client sends from elsewhere.
func TestConnectionIDsDoNotTravel(t *testing.T) {
	for _, test := range []struct {
		name, client, other string
		good                bool
	}{
		{"another port", "192.0.2.1:1", "192.0.2.1:2", true},
		{"the neighbour", "192.0.2.1:1", "192.0.2.2:1", false},
		{"another IPv6 address of the /64", "[2001:db8::1]:1", "[2001:db8::2]:1", false},
		{"the other family", "192.0.2.1:1", "[2001:db8::1]:1", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newTestHandler(newTestTracker())
			connect, err := bep15.ParseConnectReply(ask(h, from(test.client), bep15.ConnectRequest{TransactionID: 1}.Append(nil)))
			if err != nil {
				t.Fatal(err)
			}
			announce := bep15.AnnounceRequest{ConnectionID: connect.ConnectionID, InfoHash: bep15test.InfoHash, Port: 6881}.Append(nil)
			reply := ask(h, from(test.other), announce)
			if got := actionOf(reply) == bep15.ActionAnnounce; got != test.good || h.tracker.Torrents() == 1 != test.good {
				t.Errorf("reply %x, %d torrents", reply, h.tracker.Torrents())
			}
		})
	}
}
