package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"keeptrack/cmd/internal/bench"
	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
)

// addressFlood is how much one address announces, and what it may have stored.
type addressFlood struct {
	hashes, ports         int
	maxTorrents, maxPeers int
	peerTimeout           string
}

func theFlood() addressFlood {
	return testenv.Pick(addressFlood{20_000, 3_000, 2_000, 300, "3s"}, addressFlood{1_000_000, 65_000, 250_000, 1000, "50s"})
}

// start starts a daemon with the limits.
func (f addressFlood) start(t *testing.T) *instance {
	return start(t, testSettings(t.TempDir()).with(settings{
		"tracker.peer_timeout":             strconv.Quote(f.peerTimeout),
		"tracker.max_peers_per_address":    strconv.Itoa(f.maxPeers),
		"tracker.max_torrents_per_address": strconv.Itoa(f.maxTorrents),
		"http.listen":                      `["127.0.0.1:0"]`,
		"udp.listen":                       `["127.0.0.1:0"]`,
	}))
}

// networkSlack is by how much max_peers_per_address may be exceeded.
const networkSlack = 8

// TestOneAddressIsLimited has one address announce made-up torrents, and made-up peers of
// one torrent.
func TestOneAddressIsLimited(t *testing.T) {
	flood := theFlood()
	d := flood.start(t)
	w, one := connectWire(t, d.udp4), hashOf("one torrent")
	w.announceAll(madeUp(0, 1000)) // makes what is kept
	const heap = "go_memstats_heap_inuse_bytes"
	before, resident := d.metrics(), d.memory()

	w.announcePorts(one, flood.ports)
	after := d.metrics()
	stored := after[`keeptrack_peers{family="ipv4"}`] - before[`keeptrack_peers{family="ipv4"}`]
	if stored > float64(flood.maxPeers+networkSlack) || after[rejected("peers_per_address")] < float64(flood.ports-flood.maxPeers-networkSlack) {
		t.Errorf("%g of %d peers stored, %g turned away", stored, flood.ports, after[rejected("peers_per_address")])
	}
	// Over HTTP it is the same: an answer with peers, and no place among them.
	if r := announceTo(t, d.urls()["http IPv4"], one, 65_500, 1, tracker.EventStarted); len(r.Peers) == 0 {
		t.Errorf("turned away without peers: %+v", r)
	}
	if n := d.metric(rejected("peers_per_address")); n != after[rejected("peers_per_address")]+1 {
		t.Errorf("%g turned away after one more over HTTP", n)
	}

	w.announceAll(madeUp(1000, flood.hashes))
	after = d.metrics()
	if n := after["keeptrack_torrents"]; n > float64(2*flood.maxTorrents) || n < float64(flood.maxTorrents)/2 || after[rejected("torrents_per_address")] == 0 {
		t.Errorf("%g of %d torrents stored, %g turned away", n, flood.hashes, after[rejected("torrents_per_address")])
	}
	t.Logf("%g torrents, %g of %d announces turned away, %d MiB resident instead of %d", after["keeptrack_torrents"],
		after[rejected("torrents_per_address")], flood.hashes, d.memory()>>20, resident>>20)
	other := wireFrom(t, "127.0.0.2", d.udp4)
	other.announceAll([]tracker.InfoHash{hashOf("of another address")})
	waitScrape(t, d.urls()["udp IPv4"], hashOf("of another address"), 0, 1, 0)

	waitFor(t, "the flood to run off", func() bool { return d.metric("keeptrack_torrents") == 0 })
	waitFor(t, "the memory to come back", func() bool { return d.metric(heap) < before[heap]+4<<20 })
	w.connect()
	w.announceAll(madeUp(0, 100))
	if n := d.metric("keeptrack_torrents"); n != 100 {
		t.Errorf("%g torrents of 100 after all", n)
	}
	t.Logf("%d MiB resident in the end", d.memory()>>20)
	d.stop()
}

// TestOneAddressCompletesFew has one address say that it has completed made-up torrents,
// and others once their peers are gone. A torrent with a count is kept for torrent_timeout.
func TestOneAddressCompletesFew(t *testing.T) {
	flood := theFlood()
	d := flood.start(t)
	w, resident := connectWire(t, d.udp4), d.memory()
	for wave := range 2 {
		w.connect()
		w.complete(madeUp(wave*flood.hashes, (wave+1)*flood.hashes), func(int) int { return 1 })
		joined, most := d.metric("keeptrack_torrents"), d.memory()
		waitFor(t, "the peers to run off", func() bool { return d.metric(`keeptrack_peers{family="ipv4"}`) == 0 })
		waitFor(t, "the torrents without a count to go", func() bool { return d.metric("keeptrack_torrents") <= float64(flood.maxTorrents)*1.01 })
		m := d.metrics()
		kept, uncounted := m["keeptrack_torrents"], m[rejected("completions_per_address")]
		if kept < float64(flood.maxTorrents) || uncounted == 0 || m["keeptrack_completed_total"] != kept {
			t.Errorf("%g torrents kept, %g completions counted and %g not", kept, m["keeptrack_completed_total"], uncounted)
		}
		t.Logf("%g torrents, %d MiB resident; later %g torrents, %d MiB, %g completions not counted, started with %d MiB",
			joined, most>>20, kept, d.memory()>>20, uncounted, resident>>20)
	}
	other := wireFrom(t, "127.0.0.2", d.udp4)
	other.complete([]tracker.InfoHash{hashOf("of another address")}, func(int) int { return 1 })
	waitScrape(t, d.urls()["udp IPv4"], hashOf("of another address"), 1, 0, 1)
	d.stop()
}

func rejected(reason string) string {
	return fmt.Sprintf("keeptrack_peers_turned_away_total{reason=%q}", reason)
}

// madeUp returns info hashes that nobody has, numbered from first to end.
func madeUp(first, end int) []tracker.InfoHash {
	hashes := make([]tracker.InfoHash, end-first)
	for i := range hashes {
		binary.BigEndian.PutUint64(hashes[i][:], uint64(first+i)*0x9e3779b97f4a7c15)
	}
	return hashes
}

// wireFrom is connectWire from another address of the loopback network.
func wireFrom(t *testing.T, source, address string) *wire {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(source)}}
	conn, err := d.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	w := &wire{t: t, conn: conn}
	w.connect()
	return w
}

// announcePorts announces as many ports of one torrent, from 1.
func (w *wire) announcePorts(hash tracker.InfoHash, ports int) {
	w.t.Helper()
	w.exchange(ports, func(i uint32) []byte {
		return bep15.AnnounceRequest{ConnectionID: w.id, TransactionID: i, InfoHash: hash, Port: uint16(1 + i), Left: 1}.Append(nil)
	}, func(uint32, []byte) {})
}

// slowFlood is how many connections are held open by clients that send nothing
// or a byte now and then, and what the honest ask beside them.
type slowFlood struct {
	connections int
	rate        float64
	duration    time.Duration
}

func theSlowFlood() slowFlood {
	return testenv.Pick(slowFlood{400, 50, 2 * time.Second}, slowFlood{10_000, 200, 20 * time.Second})
}

// TestSlowConnections floods the daemon with connections that do not get on,
// from many addresses, while honest clients announce.
func TestSlowConnections(t *testing.T) {
	flood := theSlowFlood()
	d := start(t, testSettings(t.TempDir()).with(settings{"http.listen": `["127.0.0.1:0"]`}))
	const descriptors, connections, heap = "process_open_fds", "keeptrack_http_connections", "go_memstats_heap_inuse_bytes"
	honestHTTP(t, d, slowFlood{rate: 50, duration: time.Second}) // opens what is kept
	waitFor(t, "the end of all connections", func() bool { return d.metric(connections) == 0 })
	before, resident := d.metrics(), d.memory()

	ctx, stop := context.WithCancel(t.Context())
	var slow sync.WaitGroup
	for i := range flood.connections {
		slow.Go(func() { staySlow(ctx, fmt.Sprintf("127.3.0.%d", 1+i%250), d.http4, i%2 == 0) })
	}
	waitFor(t, "the flood", func() bool { return d.metric(connections) >= 0.9*float64(flood.connections) })
	r := honestHTTP(t, d, flood)
	during := d.metrics()
	t.Logf("%d of %d honest announces answered, latency %+v µs; %g connections, %g evicted, %g descriptors, %d MiB resident",
		r.Good, r.Sent, r.Latency, during[connections], during["keeptrack_http_evicted_total"], during[descriptors], d.memory()>>20)
	if r.Good < r.Sent || r.Good == 0 {
		t.Errorf("%d of %d honest announces answered, last failure: %s", r.Good, r.Sent, r.LastFailure)
	}
	if most := 10_000.0; during[connections] > most || during[descriptors] > before[descriptors]+most+10 {
		t.Errorf("%g connections, %g descriptors", during[connections], during[descriptors])
	}
	if testenv.Long() && r.Latency.P99 > 100_000 {
		t.Errorf("p99 %.0f µs", r.Latency.P99)
	}

	stop()
	slow.Wait()
	waitFor(t, "the end of all connections", func() bool { return d.metric(connections) == 0 })
	waitFor(t, "the descriptors to come back", func() bool { return d.metric(descriptors) <= before[descriptors]+2 })
	waitFor(t, "the memory to come back", func() bool { return d.metric(heap) < before[heap]+4<<20 })
	t.Logf("%d MiB resident in the end, %d before", d.memory()>>20, resident>>20)
	d.stop()
}

// honestHTTP announces over connections of their own, from a process of its
// own: this one is busy with the flood.
func honestHTTP(t *testing.T, d *instance, flood slowFlood) (r bench.Report) {
	t.Helper()
	out := runProgram(t, t.TempDir(), "bench", "--json", "--close", "--mix", "announce=1", "--timeout", patience.String(),
		"--rate", strconv.FormatFloat(flood.rate, 'f', -1, 64), "--duration", flood.duration.String(), "http://"+d.http4+"/announce")
	if err := json.Unmarshal([]byte(out.stdout), &r); err != nil || out.status != statusDone {
		t.Fatalf("bench: %+v, %v", out, err)
	}
	return r
}

// staySlow holds connections from an address open, one after the other, and
// sends nothing, or the head of a request a byte at a time.
func staySlow(ctx context.Context, source, address string, trickle bool) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
	for ; ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
		conn, err := d.DialContext(ctx, "tcp", address)
		if err != nil {
			continue
		}
		release := context.AfterFunc(ctx, func() { conn.Close() })
		ended := make(chan struct{})
		if trickle {
			go dripInto(conn, ended)
		}
		io.Copy(io.Discard, conn) // until the daemon has had enough
		close(ended)
		release()
		conn.Close()
	}
}

// dripInto sends a byte a second until the connection has ended.
func dripInto(conn net.Conn, ended <-chan struct{}) {
	for second := time.Tick(time.Second); ; {
		select {
		case <-ended:
			return
		case <-second:
			conn.Write([]byte("x"))
		}
	}
}

// TestOneAddressCannotHoldAllConnections has one address open more connections than it may.
func TestOneAddressCannotHoldAllConnections(t *testing.T) {
	d := start(t, testSettings(t.TempDir()).with(settings{
		"http.listen": `["127.0.0.1:0"]`, "http.max_connections": "100", "http.max_connections_per_address": "20",
	}))
	ctx, stop := context.WithCancel(t.Context())
	var slow sync.WaitGroup
	defer slow.Wait()
	defer stop()
	for range 150 {
		slow.Go(func() {
			staySlow(ctx, "127.3.0.1", d.http4, false)
		})
	}
	d.waitMetric("keeptrack_http_refused_total", 100)
	waitFor(t, "the limit", func() bool { return d.metric("keeptrack_http_connections") >= 20 })
	r := honestHTTP(t, d, slowFlood{rate: 50, duration: time.Second})
	m := d.metrics()
	if r.Good < r.Sent || m["keeptrack_http_evicted_total"] > 0 || m["keeptrack_http_accept_pauses_total"] > 0 {
		t.Errorf("%d of %d answered, %g evicted, %g pauses", r.Good, r.Sent,
			m["keeptrack_http_evicted_total"], m["keeptrack_http_accept_pauses_total"])
	}
}

// TestAttackMix sends honest announces amid ten times as many datagrams of
// nonsense. How fast and how many more it withstands, docs/security.md tells.
func TestAttackMix(t *testing.T) {
	d := start(t, testSettings(t.TempDir()))
	o := bench.DefaultOptions()
	o.URL, o.Mix, o.OldIDs = "udp://"+d.udp4, bench.Mix{bench.Announce: 1}, 0
	o.Rate, o.Attack, o.Duration, o.Timeout = 1000, 10_000, 2*time.Second, 5*time.Second
	b, err := bench.New(o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := b.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// What a busy system loses before the daemon gets it says nothing of the
	// daemon.
	drops := uint64(d.metric(`keeptrack_kernel_receive_drops_total{socket="udp"}`))
	if r.Good+drops < r.Sent || r.Good == 0 || r.Errors+r.Wrong > 0 {
		t.Errorf("%d of %d answered, %d errors, %d wrong, %d dropped by the system", r.Good, r.Sent, r.Errors, r.Wrong, drops)
	}
	if a := r.Attack; a.Sent == 0 || a.Answers == 0 || a.AnswerBytes > a.SentBytes {
		t.Errorf("the attack got %d bytes in %d answers for %d bytes in %d datagrams", a.AnswerBytes, a.Answers, a.SentBytes, a.Sent)
	}
	if n := d.metric("keeptrack_torrents"); n > float64(o.Torrents) {
		t.Errorf("%g torrents, the honest have %d", n, o.Torrents)
	}
	d.stop()
}

// TestCountsStopWhereClientsStillReadThem completes a torrent at the largest
// integer of bencoding, and reads it over HTTP, UDP and as text.
func TestCountsStopWhereClientsStillReadThem(t *testing.T) {
	const most = 1<<63 - 1
	dir := t.TempDir()
	hash, text := hashOf("popular"), filepath.Join(dir, "text")
	db := filepath.Join(dir, "keeptrack.db")
	write := func(count uint64) {
		if err := os.WriteFile(text, fmt.Appendf(nil, "%s\t%d\t29000000\n", hash, count), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(most + 1)
	got := runProgram(t, dir, "db", "import", db, text)
	if got.status != statusFailed || !strings.Contains(got.stderr, "larger than 9223372036854775807") {
		t.Errorf("import of a larger count: %+v", got)
	}
	write(most - 1)
	if got := runProgram(t, dir, "db", "import", db, text); got.status != statusDone {
		t.Fatalf("import: %+v", got)
	}
	d := start(t, testSettings(dir).with(settings{"tracker.torrent_timeout": `"0"`}))
	for n := range uint16(3) {
		announceTo(t, d.urls()["http IPv4"], hash, 6881+n, 1, tracker.EventStarted)
		announceTo(t, d.urls()["http IPv4"], hash, 6881+n, 0, tracker.EventCompleted)
	}
	if r := announceTo(t, d.urls()["http IPv4"], hash, 0, 1, tracker.EventNone); r.Downloaded == nil || *r.Downloaded != most {
		t.Errorf("announce: %+v", r)
	}
	waitScrape(t, d.urls()["http IPv4"], hash, 3, 0, most)
	waitScrape(t, d.urls()["udp IPv4"], hash, 3, 0, 1<<32-1)
	d.stop()
	if got := runProgram(t, dir, "db", "export", db); !strings.HasPrefix(got.stdout, hash.String()+"\t9223372036854775807\t") {
		t.Errorf("export: %+v", got)
	}
}
