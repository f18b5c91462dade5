package main

import (
	"context"
	"crypto/sha1"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"keeptrack/cmd/internal/client"
	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
)

// hashOf returns the info hash of a torrent that the tests call name.
func hashOf(name string) tracker.InfoHash { return sha1.Sum([]byte(name)) }

// urls returns the URLs that the daemon can be announced to, by what they are.
func (d *instance) urls() map[string]string {
	urls := map[string]string{
		"udp IPv4":  "udp://" + d.udp4 + "/announce",
		"http IPv4": "http://" + d.http4 + "/announce",
	}
	if hasIPv6() {
		urls["udp IPv6"] = "udp://" + d.udp6 + "/announce"
		urls["http IPv6"] = "http://" + d.http6 + "/announce"
	}
	return urls
}

// announceTo announces the peer at port and returns the answer. Port 0 looks
// on without joining.
func announceTo(t *testing.T, url string, hash tracker.InfoHash, port uint16, left uint64, event tracker.Event) client.Reply {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := client.Announce(ctx, url, client.Request{
		InfoHash: hash, Port: port, Left: left, Event: event, NumWant: -1,
	})
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return r
}

// scrapeOf returns the counts of the torrents.
func scrapeOf(t *testing.T, url string, hashes ...tracker.InfoHash) []client.Scraped {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	rows, err := client.Scrape(ctx, url, hashes)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return rows
}

// waitScrape waits until a torrent has these counts.
func waitScrape(t *testing.T, url string, hash tracker.InfoHash, seeders, leechers, downloaded uint64) {
	t.Helper()
	want := client.Scraped{InfoHash: hash, Seeders: seeders, Leechers: leechers, Downloaded: downloaded}
	var got client.Scraped
	defer func() {
		if got != want {
			t.Errorf("%s says %+v, want %+v", url, got, want)
		}
	}()
	waitFor(t, "counts of a scrape", func() bool {
		got = scrapeOf(t, url, hash)[0]
		return got == want
	})
}

// swarmPeer returns the address of a peer on the loopback interface.
func swarmPeer(address string, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(address), port)
}

// sorted returns the peers in order, so that they can be compared.
func sorted(peers []netip.AddrPort) []netip.AddrPort {
	peers = slices.Clone(peers)
	slices.SortFunc(peers, netip.AddrPort.Compare)
	return peers
}

// wire is a UDP socket connected to a daemon, for what client.Announce does not
// do: many requests at once, and connection ids from elsewhere.
type wire struct {
	t    *testing.T
	conn net.Conn
	id   uint64
}

// resend is how long a wire waits before it takes a packet for lost.
const resend = 300 * time.Millisecond

// dialWire opens a socket without a connection id.
func dialWire(t *testing.T, address string) *wire {
	t.Helper()
	conn, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &wire{t: t, conn: conn}
}

// connectWire opens a socket and gets a connection id.
func connectWire(t *testing.T, address string) *wire {
	t.Helper()
	w := dialWire(t, address)
	w.connect()
	return w
}

func (w *wire) connect() {
	w.t.Helper()
	w.exchange(1, func(uint32) []byte {
		return bep15.ConnectRequest{TransactionID: 0}.Append(nil)
	}, func(_ uint32, packet []byte) {
		r, err := bep15.ParseConnectReply(packet)
		if err != nil {
			w.t.Fatal(err)
		}
		w.id = r.ConnectionID
	})
}

// exchange sends n requests, whose transaction ids count from 0, and has every
// reply taken once. A window of them is on its way at any time; what gets lost
// is sent again.
func (w *wire) exchange(n int, request func(transaction uint32) []byte, take func(transaction uint32, reply []byte)) {
	w.t.Helper()
	const window = 64
	var buf [2048]byte
	for from := 0; from < n; from += window {
		open := make([]uint32, 0, window)
		for i := from; i < min(from+window, n); i++ {
			open = append(open, uint32(i))
		}
		for end := time.Now().Add(patience); len(open) > 0; {
			if time.Now().After(end) {
				w.t.Fatalf("%d requests without a reply", len(open))
			}
			for _, i := range open {
				w.send(request(i))
			}
			for len(open) > 0 {
				size, ok := w.receive(buf[:])
				if !ok {
					break
				}
				h, err := bep15.ParseReplyHeader(buf[:size])
				if i := slices.Index(open, h.TransactionID); err == nil && i >= 0 {
					take(h.TransactionID, buf[:size])
					open = slices.Delete(open, i, i+1)
				}
			}
		}
	}
}

func (w *wire) send(packet []byte) {
	w.t.Helper()
	if _, err := w.conn.Write(packet); err != nil {
		w.t.Fatal(err)
	}
}

// receive reads a packet, or says that none comes for a while.
func (w *wire) receive(buf []byte) (int, bool) {
	w.t.Helper()
	if err := w.conn.SetReadDeadline(time.Now().Add(resend)); err != nil {
		w.t.Fatal(err)
	}
	n, err := w.conn.Read(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, false
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return n, true
}

// Ports that programs are told to use come from below those that systems give
// to sockets whose program does not care, so that none of those takes a port
// before the program has started.
const (
	firstPort = 10_000
	portCount = 20_000
)

// lastPort counts from anywhere, for those who test on the same host.
var lastPort atomic.Uint32

func init() { lastPort.Store(rand.Uint32N(portCount)) }

// freePort returns a port of the loopback interface that is not in use, for
// UDP and TCP. It returns none twice.
func freePort(t *testing.T) int {
	t.Helper()
	for range portCount {
		port := firstPort + int(lastPort.Add(1)%portCount)
		if !taken("127.0.0.1:" + strconv.Itoa(port)) {
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// taken says whether a port is in use for UDP or TCP.
func taken(address string) bool {
	u, err := net.ListenPacket("udp", address)
	if err != nil {
		return true
	}
	u.Close()
	l, err := net.Listen("tcp", address)
	if err != nil {
		return true
	}
	l.Close()
	return false
}
