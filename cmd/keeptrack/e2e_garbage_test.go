package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
)

// The number of datagrams and of HTTP requests that make no sense.
const (
	garbageDatagrams = 80_000
	garbageRequests  = 20_000
)

// mostGrowth is how many bytes of memory a daemon may take on while it gets
// garbage. A buffer kept for each request would be more.
const mostGrowth = 16 << 20

func TestGarbageDoesNoHarm(t *testing.T) {
	d := start(t, testSettings(t.TempDir()))
	// The first part fills every pool and cache there is. Before it, not even
	// all workers need to have started.
	sendGarbage(t, d, 1, garbageDatagrams/10, garbageRequests/10)
	const heap, goroutines = "go_memstats_sys_bytes", "go_goroutines"
	resident, before := d.memory(), d.metrics()
	sendGarbage(t, d, 2, garbageDatagrams*9/10, garbageRequests*9/10)

	if grown := d.metric(heap) - before[heap]; grown > mostGrowth {
		t.Errorf("the daemon's heap has grown by %g bytes from %g", grown, before[heap])
	}
	// The race detector's own memory grows with everything that happens.
	if grown := d.memory() - resident; grown > mostGrowth && !raceDetector() {
		t.Errorf("the daemon has grown by %d bytes from %d", grown, resident)
	}
	waitFor(t, "the end of what the requests started", func() bool { return d.metric(goroutines) <= before[goroutines]+5 })
	waitFor(t, "the end of all connections", func() bool { return d.metric("keeptrack_http_connections") == 0 })
	for name, url := range d.urls() {
		announceTo(t, url, hashOf("afterwards"), 6881, 0, tracker.EventStarted)
		if r := scrapeOf(t, url, hashOf("afterwards"))[0]; r.Seeders == 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	d.stop()
}

// sendGarbage sends garbage drawn from a seed to all front ends at once.
func sendGarbage(t *testing.T, d *instance, seed uint64, datagrams, requests int) {
	t.Helper()
	udpAddresses, httpAddresses := []string{d.udp4}, []string{d.http4}
	if hasIPv6() {
		udpAddresses, httpAddresses = append(udpAddresses, d.udp6), append(httpAddresses, d.http6)
	}
	var all sync.WaitGroup
	for i, address := range udpAddresses {
		w := connectWire(t, address)
		all.Go(func() { w.sendGarbage(garbler{rand.New(rand.NewPCG(seed, uint64(i)))}, datagrams/len(udpAddresses)) })
	}
	for i, address := range httpAddresses {
		all.Go(func() {
			g := garbler{rand.New(rand.NewPCG(seed, uint64(100+i)))}
			for range requests / len(httpAddresses) {
				if err := requestGarbage(address, g.request()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// sendGarbage sends n datagrams, a few at a time, so that none has to be lost
// on its way.
func (w *wire) sendGarbage(g garbler, n int) {
	for i := range n {
		if _, err := w.conn.Write(g.datagram(w.id)); err != nil {
			w.t.Error(err)
			return
		}
		if i%100 == 0 && !w.answers() {
			w.t.Errorf("no answer after %d datagrams", i)
			return
		}
	}
}

// answers says whether the daemon still answers a connect request, behind
// whatever else it answers.
func (w *wire) answers() bool {
	const transaction = 0xfefefefe
	connect := bep15.ConnectRequest{TransactionID: transaction}.Append(nil)
	var buf [2048]byte
	for end := time.Now().Add(patience); time.Now().Before(end); {
		w.conn.SetReadDeadline(time.Now().Add(resend))
		if _, err := w.conn.Write(connect); err != nil {
			return false
		}
		for {
			n, err := w.conn.Read(buf[:])
			if err != nil {
				break
			}
			if r, err := bep15.ParseConnectReply(buf[:n]); err == nil && r.TransactionID == transaction {
				return true
			}
		}
	}
	return false
}

// requestGarbage sends an HTTP request of any shape on a connection of its own
// and reads what comes until the daemon hangs up.
func requestGarbage(address string, request []byte) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	conn.Write(request) // the daemon may have had enough before the end
	conn.(*net.TCPConn).CloseWrite()
	_, err = io.Copy(io.Discard, conn)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		return fmt.Errorf("the daemon does not hang up after %q", request)
	}
	return nil
}

// garbler makes requests that are wrong in all kinds of ways.
type garbler struct{ *rand.Rand }

// datagram returns random bytes, or a request with a valid connection id that
// is cut off or has some bytes changed. It draws on few torrents and ports, so
// that what happens to be a valid announce fills no memory either.
func (g garbler) datagram(id uint64) []byte {
	hash := hashOf(string(rune('a' + g.IntN(10))))
	var p []byte
	switch g.IntN(5) {
	case 0:
		return g.bytes(g.IntN(1500))
	case 1:
		p = bep15.ConnectRequest{TransactionID: g.Uint32()}.Append(nil)
	case 2:
		p = bep15.ScrapeRequest{ConnectionID: id, InfoHashes: bytes.Repeat(hash[:], g.IntN(80))}.Append(nil)
	default:
		p = bep15.AnnounceRequest{
			ConnectionID: id, InfoHash: hash, Event: g.Uint32N(6), Port: uint16(g.IntN(10)),
			Left: g.Uint64(), NumWant: int32(g.Uint32()), Options: g.bytes(g.IntN(20)),
		}.Append(nil)
	}
	if g.IntN(2) == 0 {
		return p[:g.IntN(len(p)+1)]
	}
	const changeable = 16 // the torrent and what follows stay as they are
	at := g.IntN(min(changeable, len(p)))
	p[at] ^= byte(1 << g.IntN(8))
	return p
}

// request is what datagram is, for HTTP.
func (g garbler) request() []byte {
	announce := []byte("GET /announce?info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=-KT0001-012345678901&port=6881&uploaded=0" +
		"&downloaded=0&left=0&compact=1&event=started HTTP/1.1\r\nHost: tracker\r\n")
	switch g.IntN(6) {
	case 0:
		return g.bytes(g.IntN(2000))
	case 1:
		return announce[:g.IntN(len(announce))]
	case 2:
		for range 1 + g.IntN(5) {
			announce[g.IntN(len(announce))] = byte(g.Uint32())
		}
		return append(announce, "\r\n"...)
	case 3:
		return slices.Concat(announce, []byte("X-Long: "), bytes.Repeat([]byte("x"), g.IntN(20_000)), []byte("\r\n\r\n"))
	case 4:
		return fmt.Appendf(nil, "POST /announce HTTP/1.%d\r\nContent-Length: %d\r\n\r\nabc", g.IntN(3), g.Int64())
	}
	return fmt.Appendf(nil, "GET /scrape?info_hash=%%%x HTTP/1.1\r\nHost: t\r\n\r\n", g.bytes(g.IntN(40)))
}

func (g garbler) bytes(n int) []byte {
	b := make([]byte, 0, n+8)
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, g.Uint64())
	}
	return b[:n]
}
