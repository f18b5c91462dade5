package udp

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"keeptrack/tracker/bep15"
)

// TestRepliesFindTheirRequests has a batch in which some datagrams get no reply,
// and one place holds none, as that of a receive after the stop.
func TestRepliesFindTheirRequests(t *testing.T) {
	s := openOne(t, "127.0.0.1:0", socketOptions{})
	h := newTestHandler(newTestTracker())
	for range 2 { // the second batch finds what the first has left
		var clients []client
		for i := range 5 {
			c := dial(t, s.addr())
			clients = append(clients, c)
			if i == 1 {
				c.send([]byte("too short"))
				continue
			}
			c.send(bep15.ConnectRequest{TransactionID: uint32(i)}.Append(nil))
		}
		if n, err := s.ring.receive(s.fd, nil); n != 5 || err != nil {
			t.Fatalf("%d received, %v", n, err)
		}
		s.ring.in[3].Hdr.Namelen = 0
		s.answer(h, testTime, 5)
		for _, i := range []int{0, 2, 4} {
			reply, from := clients[i].receive()
			if r, err := bep15.ParseConnectReply(reply); err != nil || r.TransactionID != uint32(i) || from != s.addr() {
				t.Errorf("reply %+v from %v, %v; want the one to request %d", r, from, err, i)
			}
		}
	}
	want := FamilyStats{Packets: 8, Connects: 6}
	want.Dropped[DropShort] = 2
	if got := counted(h); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// TestRingKnowsAddresses receives a datagram and looks at where it came from and,
// where the server listens on all addresses, at how the reply is to be sent.
func TestRingKnowsAddresses(t *testing.T) {
	overFamilies(t, func(t *testing.T, _ opener, addr netip.AddrPort) {
		s := openOne(t, addr.String(), socketOptions{})
		c := dial(t, s.addr())
		c.send(bep15.ConnectRequest{}.Append(nil))
		if n, err := s.ring.receive(s.fd, nil); n != 1 || err != nil {
			t.Fatalf("%d received, %v", n, err)
		}
		client := c.LocalAddr().(*net.UDPAddr).AddrPort()
		if got, want := s.ring.batch(1)[0].from, (source{client.Addr().As16(), client.Port()}); got != want {
			t.Errorf("from %+v, want %+v", got, want)
		}
		s.answer(newTestHandler(newTestTracker()), testTime, 1)
		out := &s.ring.out[0].Hdr
		got := unsafe.Slice(out.Control, out.Controllen)
		var want []byte
		switch {
		case !addr.Addr().IsUnspecified():
		case addr.Addr().Is4():
			want = unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: c.server.Addr().As4(), Addr: c.server.Addr().As4()})
		default:
			want = unix.PktInfo6(&unix.Inet6Pktinfo{Addr: c.server.Addr().As16()})
		}
		if !bytes.Equal(got, want) {
			t.Errorf("the reply's control message is %x, want %x", got, want)
		}
	})
}

// TestReceiveSaysThatItWaits: only a worker that finds nothing is idle. A socket
// that was shut down ends the wait at once.
func TestReceiveSaysThatItWaits(t *testing.T) {
	s := openOne(t, "127.0.0.1:0", socketOptions{})
	dial(t, s.addr()).send([]byte{1})
	waits := 0
	for want := range 2 {
		s.stop()
		if n, err := s.ring.receive(s.fd, func() { waits++ }); err != nil || waits != want {
			t.Errorf("%d received, %v, after %d waits, want %d", n, err, waits, want)
		}
	}
	if _, err := s.ring.receive(s.fd, nil); err != nil {
		t.Error(err)
	}
}

// BenchmarkBatch answers a batch of announces, without the system calls. Most of the
// torrents are not in the processor's caches.
func BenchmarkBatch(b *testing.B) {
	h, r := newTestHandler(newTestTracker()), newRing(unix.AF_INET, false)
	const torrents, peers = 200_000, 4
	fill := func(i, torrent, peer int) {
		ask := announceFrom(h, source{mapped("198.51.100.1"), 1}, uint16(1024+peer))
		binary.BigEndian.PutUint64(ask.InfoHash[:], uint64(torrent)*0x9e3779b97f4a7c15)
		r.in[i].Len = uint32(len(ask.Append(r.packets[i][:0])))
		copy(r.names[i][:], "\x00\x00\x00\x01\xc6\x33\x64\x01")
		r.in[i].Hdr.Namelen = unix.SizeofSockaddrInet4
	}
	answer := func(n int) int {
		h.answerBatch(testTime, r.batch(n))
		return r.replies(n)
	}
	for i := range torrents * peers {
		fill(0, i/peers, i%peers)
		answer(1)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 8, batchSize} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				for i := range n {
					fill(i, rng.IntN(torrents), rng.IntN(peers))
				}
				b.StartTimer()
				if answer(n) != n {
					b.Fatal("not all are answered")
				}
			}
		})
	}
}
