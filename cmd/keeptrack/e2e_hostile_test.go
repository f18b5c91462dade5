package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
)

// hostile is what a tracker says to steer a terminal: C0, DEL and C1 controls, a
// line of its own, bidi and other format characters, and what is no UTF-8.
const hostile = "\x1b[2J\x1b]0;t\a\r\nkeeptrack: all is well\x7f\u009b2J\u202e\u2066\u200b\u2028\xff\x9b"

// saying listens and answers each connection's request with raw text.
func saying(t *testing.T, answer string) (host string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = conn.Read(make([]byte, 4096)) // one request
				_, _ = conn.Write([]byte(answer))    // the client says what it lacks
			}()
		}
	}()
	return l.Addr().String()
}

// body is an answer with a body.
func body(text string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(text), text)
}

// bencoded is a string as BEP 3 has it.
func bencoded(s string) string { return fmt.Sprintf("%d:%s", len(s), s) }

// TestHostileTracker: whatever a tracker says, the commands print text alone.
func TestHostileTracker(t *testing.T) {
	zone := "fe80::1%" + hostile
	answers := map[string]string{
		"failure":      body("d14:failure reason" + bencoded(hostile) + "e"),
		"warning":      body("d8:intervali1800e5:peers0:15:warning message" + bencoded(hostile) + "e"),
		"peer's zone":  body("d8:intervali1800e5:peersld2:ip" + bencoded(zone) + "4:porti1eeee"),
		"status":       "HTTP/1.1 404 " + strings.ReplaceAll(hostile, "\r\n", "") + "\r\nContent-Length: 0\r\n\r\n",
		"status line":  hostile + "\r\n\r\n",
		"no bencoding": body(hostile),
		"redirect":     "HTTP/1.1 302 Found\r\nLocation: http://t\u202e\u009b.invalid/\u202e\r\nContent-Length: 0\r\n\r\n",
		"bad redirect": "HTTP/1.1 302 Found\r\nLocation: x\x1b[2J:\u202e//\r\nContent-Length: 0\r\n\r\n",
		"files":        body("d5:filesd20:" + strings.Repeat("\x1b", 20) + "d8:complete" + bencoded(hostile) + "eeee"),
		"admin error":  "HTTP/1.1 503 " + "\u202e" + "\r\nContent-Length: " + strconv.Itoa(len(hostile)) + "\r\n\r\n" + hostile,
		"admin JSON":   "HTTP/1.1 503 x\r\nContent-Length: 36\r\n\r\n" + `{"error": "\u001b[2J\u202e\n\u009b"}` + "\n",
	}
	hash := hashOf("hostile").String()
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := "http://" + saying(t, answer)
			for _, args := range [][]string{
				{"announce", base + "/announce", hash},
				{"announce", base + "/announce", hash, "--json"},
				{"scrape", base + "/announce", strings.Repeat("1b", 20)},
				{"scrape", base + "/announce", hash, "--json"},
				{"bench", base + "/announce", "--requests", "2", "--timeout", "1s", "--torrents", "1", "--peers", "1", "--sources", "1"},
				{"bench", base + "/announce", "--requests", "2", "--timeout", "1s", "--torrents", "1", "--peers", "1", "--sources", "1", "--json"},
				{"backup", filepath.Join(t.TempDir(), "out.db"), "--admin", base},
				{"db", "import", filepath.Join(t.TempDir(), "in.db"), base + "/stats?mode=statedump"},
			} {
				wantPrintable(t, args, keeptrack(args...))
			}
		})
	}
}

// TestMoreThanAnAnswer: what comes after an answer is no matter, and is not told.
func TestMoreThanAnAnswer(t *testing.T) {
	base := "http://" + saying(t, "HTTP/1.1 503 no\r\nContent-Length: 2\r\n\r\n{}"+strings.Repeat("more", 1000))
	for range 5 { // whether it is seen depends on how it comes
		got := runProgram(t, t.TempDir(), "backup", "--admin", base, "out.db")
		if got.status != statusFailed || strings.Count(got.stderr, "\n") != 1 || !strings.HasPrefix(got.stderr, "keeptrack: backup to out.db: ") {
			t.Fatalf("got %+v", got)
		}
	}
}

// TestHostileUDPTracker is TestHostileTracker over UDP, with an error's text.
func TestHostileUDPTracker(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		b := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			h, err := bep15.ParseRequestHeader(b[:n])
			if err != nil {
				continue
			}
			answer := bep15.ErrorReply{TransactionID: h.TransactionID, Text: hostile}.Append(nil)
			if h.Action == bep15.ActionConnect {
				answer = bep15.ConnectReply{TransactionID: h.TransactionID, ConnectionID: 1}.Append(nil)
			}
			_, _ = conn.WriteTo(answer, from) // the client asks again
		}
	}()
	url := "udp://" + conn.LocalAddr().String()
	for _, args := range [][]string{
		{"announce", url, hashOf("hostile").String()},
		{"scrape", url, hashOf("hostile").String()},
		{"bench", url, "--requests", "2", "--timeout", "1s", "--torrents", "1", "--peers", "1", "--sources", "1"},
		{"bench", url, "--requests", "2", "--timeout", "1s", "--torrents", "1", "--peers", "1", "--sources", "1", "--json"},
	} {
		got := keeptrack(args...)
		wantPrintable(t, args, got)
		if !strings.Contains(got.stdout+got.stderr, "all is well") {
			t.Errorf("%q prints nothing of what the tracker says: %q, %q", args, got.stdout, got.stderr)
		}
	}
}

// wantPrintable expects lines of text that can be seen, and none that the tracker
// has begun.
func wantPrintable(t *testing.T, args []string, got outcome) {
	t.Helper()
	for _, text := range []string{got.stdout, got.stderr} {
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if strings.ContainsFunc(line, func(r rune) bool { return !strconv.IsPrint(r) }) || strings.ContainsRune(line, '\ufffd') {
				t.Errorf("%q prints %q", args, line)
			}
			if strings.HasPrefix(line, "keeptrack: all is well") {
				t.Errorf("%q has a line of the tracker's: %q", args, text)
			}
		}
	}
	if args[len(args)-1] == "--json" && got.stdout != "" && !json.Valid([]byte(got.stdout)) {
		t.Errorf("%q prints no JSON: %q", args, got.stdout)
	}
}

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
