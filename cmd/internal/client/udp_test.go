package client

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
)

// fakeUDP is a tracker that hands out one connection id and answers what has
// it through reply. An empty reply is not sent.
type fakeUDP struct {
	conn  net.PacketConn
	drop  int // requests left to be lost on their way
	reply func(request []byte) []byte
	asked chan []byte // gets what reply is called with
}

const fakeID = 0x1122334455667788

// serveUDP runs the tracker on the address until the test ends.
func serveUDP(t *testing.T, address string, drop int, reply func(request []byte) []byte) (host string, asked <-chan []byte) {
	t.Helper()
	conn, err := net.ListenPacket("udp", address)
	testenv.Need(t, "listen on "+address, err)
	f := &fakeUDP{conn: conn, drop: drop, reply: reply, asked: make(chan []byte, 8)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.run()
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return conn.LocalAddr().String(), f.asked
}

func (f *fakeUDP) run() {
	buf := make([]byte, 2048)
	for {
		n, from, err := f.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if f.drop > 0 {
			f.drop--
			continue
		}
		if answer := f.answer(buf[:n]); len(answer) > 0 {
			// Something late or forged first: the client must not care.
			f.conn.WriteTo([]byte{0}, from)
			f.conn.WriteTo(bep15.ConnectReply{TransactionID: ^transactionOf(buf)}.Append(nil), from)
			f.conn.WriteTo(answer, from)
		}
	}
}

func (f *fakeUDP) answer(request []byte) []byte {
	h, err := bep15.ParseRequestHeader(request)
	switch {
	case err != nil:
		return nil
	case h.Action == bep15.ActionConnect && h.ConnectionID == bep15.Magic:
		return bep15.ConnectReply{TransactionID: h.TransactionID, ConnectionID: fakeID}.Append(nil)
	case h.ConnectionID != fakeID:
		return nil
	}
	f.asked <- bytes.Clone(request)
	return f.reply(request)
}

func transactionOf(request []byte) uint32 {
	h, _ := bep15.ParseRequestHeader(request)
	return h.TransactionID
}

func TestAnnounceUDP(t *testing.T) {
	for _, c := range []struct {
		name, listen string
		peers        []netip.AddrPort
	}{
		{"IPv4", "127.0.0.1:0", peers("192.0.2.1:6881", "198.51.100.2:51413")},
		{"IPv6", "[::1]:0", peers("[2001:db8::1]:6881", "[2001:db8::2]:51413")},
		{"no peers", "127.0.0.1:0", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			host, asked := serveUDP(t, c.listen, 0, func(request []byte) []byte {
				r := bep15.AnnounceReply{TransactionID: transactionOf(request), Interval: 1800, Leechers: 2, Seeders: 1}
				for _, p := range c.peers {
					r.Peers = tracker.MakePeer(p.Addr(), p.Port()).AppendCompact(r.Peers)
				}
				return r.Append(nil)
			})
			req := Request{
				InfoHash: tracker.InfoHash{1, 2}, PeerID: [20]byte{3}, Port: 6881,
				Left: 1000, Event: tracker.EventStarted, NumWant: -1,
			}
			r, err := Announce(t.Context(), "udp://"+host+"/announce?key=1", req)
			if err != nil {
				t.Fatal(err)
			}
			want := Reply{Interval: 30 * time.Minute, Leechers: 2, Seeders: 1, Peers: c.peers}
			if !reflect.DeepEqual(r, want) {
				t.Errorf("got %+v, want %+v", r, want)
			}
			got, err := bep15.ParseAnnounceRequest(<-asked)
			if err != nil {
				t.Fatal(err)
			}
			if got.InfoHash != req.InfoHash || got.PeerID != req.PeerID || got.Port != 6881 || got.Left != 1000 ||
				got.TrackerEvent() != tracker.EventStarted || got.NumWant != -1 {
				t.Errorf("request %+v for %+v", got, req)
			}
			if data := bep15.URLData(got.Options); data != "/announce?key=1" {
				t.Errorf("URL data %q", data)
			}
		})
	}
}

func TestAnnounceUDPWithoutPathHasNoOptions(t *testing.T) {
	host, asked := serveUDP(t, "127.0.0.1:0", 0, func(request []byte) []byte {
		return bep15.AnnounceReply{TransactionID: transactionOf(request)}.Append(nil)
	})
	if _, err := Announce(t.Context(), "udp://"+host, Request{}); err != nil {
		t.Fatal(err)
	}
	if size := len(<-asked); size != bep15.AnnounceRequestSize {
		t.Errorf("the request has %d bytes", size)
	}
}

func TestUDPSendsAgain(t *testing.T) {
	host, _ := serveUDP(t, "127.0.0.1:0", 2, func(request []byte) []byte {
		return bep15.AnnounceReply{TransactionID: transactionOf(request), Interval: 300}.Append(nil)
	})
	s, err := new(Client).dialUDP(t.Context(), &url.URL{Host: host})
	if err != nil {
		t.Fatal(err)
	}
	defer s.conn.Close()
	s.wait = time.Millisecond
	packet, err := s.ask(t.Context(), func(id uint64, transaction uint32) []byte {
		return bep15.AnnounceRequest{ConnectionID: id, TransactionID: transaction}.Append(nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := bep15.ParseAnnounceReply(packet, tracker.IPv4); err != nil || r.Interval != 300 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestUDPConnectsAnewWhenTheIDIsOld(t *testing.T) {
	host, _ := serveUDP(t, "127.0.0.1:0", 0, func(request []byte) []byte {
		return bep15.ScrapeReply{TransactionID: transactionOf(request)}.Append(nil)
	})
	s, err := new(Client).dialUDP(t.Context(), &url.URL{Host: host})
	if err != nil {
		t.Fatal(err)
	}
	defer s.conn.Close()
	s.id, s.idTime = 1, time.Now().Add(-connectionLife)
	if _, err := s.scrape(t.Context(), nil, make([]tracker.InfoHash, 1)); err != nil || s.id != fakeID {
		t.Errorf("id %x, error %v", s.id, err)
	}
}

func TestUDPGivesUpWithTheContext(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = Announce(ctx, "udp://"+silent.LocalAddr().String(), Request{})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), silent.LocalAddr().String()) {
		t.Errorf("got %v", err)
	}
}

func TestUDPFailure(t *testing.T) {
	host, _ := serveUDP(t, "127.0.0.1:0", 0, func(request []byte) []byte {
		return bep15.ErrorReply{TransactionID: transactionOf(request), Text: "no\x00"}.Append(nil)
	})
	_, err := Announce(t.Context(), "udp://"+host, Request{})
	if f, ok := errors.AsType[*Failure](err); !ok || f.Reason != "no" {
		t.Errorf("got %v", err)
	}
}

func TestUDPMalformedAnswer(t *testing.T) {
	host, _ := serveUDP(t, "127.0.0.1:0", 0, func(request []byte) []byte {
		return append(bep15.AnnounceReply{TransactionID: transactionOf(request)}.Append(nil), 1, 2, 3)
	})
	if r, err := Announce(t.Context(), "udp://"+host, Request{}); !errors.Is(err, bep15.ErrLength) {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestScrapeUDP(t *testing.T) {
	host, asked := serveUDP(t, "127.0.0.1:0", 0, func(request []byte) []byte {
		ask, _ := bep15.ParseScrapeRequest(request)
		r := bep15.ScrapeReply{TransactionID: ask.TransactionID}
		for i := range ask.Len() {
			h := ask.InfoHash(i)
			r.Rows = bep15.ScrapeRow{Seeders: 1, Completed: uint32(h[0]), Leechers: 2}.Append(r.Rows)
		}
		return r.Append(nil)
	})
	hashes := make([]tracker.InfoHash, 100)
	want := make([]Scraped, len(hashes))
	for i := range hashes {
		hashes[i][0] = byte(i)
		want[i] = Scraped{InfoHash: hashes[i], Seeders: 1, Leechers: 2, Downloaded: uint64(i)}
	}
	rows, err := Scrape(t.Context(), "udp://"+host+"/announce", hashes)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("got %+v", rows)
	}
	for _, want := range []int{74, 26} {
		if size := len(<-asked); size != bep15.ScrapeRequestSize+20*want {
			t.Errorf("a request of %d bytes, want one of %d hashes", size, want)
		}
	}
}

func TestScrapeUDPShortReply(t *testing.T) {
	host, _ := serveUDP(t, "127.0.0.1:0", 0, func(request []byte) []byte {
		row := bep15.ScrapeRow{Seeders: 1}
		return bep15.ScrapeReply{TransactionID: transactionOf(request), Rows: row.Append(nil)}.Append(nil)
	})
	rows, err := Scrape(t.Context(), "udp://"+host, make([]tracker.InfoHash, 2))
	if err != nil || len(rows) != 2 || rows[0].Missing || !rows[1].Missing {
		t.Errorf("got %+v, %v", rows, err)
	}
}

func peers(s ...string) []netip.AddrPort {
	var list []netip.AddrPort
	for _, p := range s {
		list = append(list, netip.MustParseAddrPort(p))
	}
	return list
}
