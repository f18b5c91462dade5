package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"keeptrack/cmd/internal/bench"
	"keeptrack/cmd/internal/harness"
	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
)

// plain builds the program once without the race detector, whose memory is not what
// the tests measure, and returns its path.
var plain = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "keeptrack-plain")
	return path, harness.Build(context.Background(), path, "-race=false")
})

// startPlain starts the program built without the race detector.
func startPlain(t *testing.T, s settings) *instance {
	t.Helper()
	path, err := plain()
	if err != nil {
		t.Fatal(err)
	}
	cmd := program(t, t.TempDir(), "serve", "--config", s.write(t))
	cmd.Path, cmd.Args[0] = path, path
	return startCommand(t, cmd, &http.Client{Timeout: patience})
}

// proxied announces over one HTTP connection for clients of any address, as a
// trusted proxy does.
type proxied struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	out  bytes.Buffer
	sent int // and not yet answered
}

func dialProxied(t *testing.T, d *instance) *proxied {
	t.Helper()
	conn, err := net.Dial("tcp", d.http4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &proxied{t: t, conn: conn, in: bufio.NewReaderSize(conn, 1<<16)}
}

// announce has an announce wait for the next flush.
func (p *proxied) announce(hash tracker.InfoHash, from netip.Addr, port int, more string) {
	fmt.Fprintf(&p.out, "GET /announce?info_hash=%s&port=%d&compact=1&numwant=1%s HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: %s\r\n\r\n",
		url.QueryEscape(string(hash[:])), port, more, from)
	p.sent++
	if p.sent == 64 {
		p.flush()
	}
}

// flush sends what waits and returns the body of the last reply.
func (p *proxied) flush() (body []byte) {
	if err := p.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		p.t.Error(err)
	}
	if _, err := p.conn.Write(p.out.Bytes()); err != nil {
		p.t.Error(err)
	}
	for p.out.Reset(); p.sent > 0; p.sent-- {
		body = p.reply()
	}
	return body
}

func (p *proxied) reply() []byte {
	length := 0
	for {
		line, err := p.in.ReadSlice('\n')
		if err != nil {
			p.t.Error(err)
			p.sent = 1 // the last
			return nil
		}
		if len(line) == 2 {
			break
		}
		if rest, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			length, _ = strconv.Atoi(strings.TrimSpace(string(rest)))
		}
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(p.in, body); err != nil {
		p.t.Error(err)
	}
	return body
}

// warmUp has a daemon answer a lot and store nothing, so that what it needs to serve is
// resident.
func (d *instance) warmUp() {
	d.t.Helper()
	p := dialProxied(d.t, d)
	for i := range 20_000 {
		p.announce(numbered(0xee, i), netip.AddrFrom4([4]byte{45, 9, 0, 1}), 0, "")
	}
	p.flush()
	d.metrics()
}

// siege is a flood from many networks, against a budget in bytes.
type siege struct {
	networks, announces int
	budget              int64
}

func mebibytes(n int64) string { return fmt.Sprintf(`"%dMiB"`, n>>20) }

func theSiege() siege {
	return testenv.Pick(siege{4000, 600_000, 24 << 20}, siege{4000, 8_000_000, 128 << 20})
}

// network returns the n-th of the attacking networks: IPv6 /64s in a few /48s, and
// IPv4 addresses.
func (s siege) network(n int) netip.Addr {
	n %= s.networks
	if n%4 == 0 {
		return netip.AddrFrom4([4]byte{23, byte(n >> 16), byte(n >> 8), byte(n)})
	}
	return netip.AddrFrom16([16]byte{0x26, 0, 0, 0, 0, byte(n % 8), byte(n >> 8), byte(n), 15: 1})
}

// storm sends the announces number from, from+step, from+2 step …: peers of few
// torrents, torrents of their own, and completed ones.
func (s siege) storm(t *testing.T, d *instance, from, step int) {
	p := dialProxied(t, d)
	for i := from; i < s.announces; i += step {
		network, port := s.network(i/3), 1+i/s.networks%60_000
		switch i % 3 {
		case 0:
			p.announce(numbered(0xf0, i%1000), network, port, "&left=1")
		case 1:
			p.announce(numbered(0xf1, i), network, port, "&left=1")
		default:
			p.announce(numbered(0xf2, i), network, port, "&left=0&event=completed")
		}
	}
	p.flush()
}

// numbered returns an info hash that begins with a byte.
func numbered(first byte, n int) tracker.InfoHash {
	h := hashOf(strconv.Itoa(n))
	h[0] = first
	return h
}

// newcomer announces one torrent from a network of its own until a second client
// is told of it, and returns how often that took.
func newcomer(t *testing.T, d *instance, n int) (tries int) {
	p, hash := dialProxied(t, d), numbered(0x01, n)
	first := netip.AddrFrom4([4]byte{45, 7, byte(n >> 8), byte(n)})
	second := netip.AddrFrom4([4]byte{45, 8, byte(n >> 8), byte(n)})
	compact := append(first.AsSlice(), 6881>>8, 6881&0xff)
	for end := time.Now().Add(patience); ; {
		tries++
		p.announce(hash, first, 6881, "&left=0")
		p.announce(hash, second, 0, "&left=1") // port 0: answered, not stored
		if bytes.Contains(p.flush(), compact) {
			return tries
		}
		if t.Failed() || time.Now().After(end) {
			t.Errorf("newcomer %d has not got in after %d announces", n, tries)
			return tries
		}
	}
}

// TestMemoryStaysInTheBudget sends several times what tracker.max_memory has room
// for, while checkpoints are written, and has honest newcomers come meanwhile.
func TestMemoryStaysInTheBudget(t *testing.T) {
	s := theSiege()
	d := startPlain(t, testSettings(t.TempDir()).with(settings{
		"tracker.max_memory":        mebibytes(s.budget),
		"http.listen":               `["127.0.0.1:0"]`,
		"http.trusted_proxies":      `["127.0.0.1"]`,
		"store.checkpoint_interval": `"2s"`,
	}))
	d.warmUp()
	idle, began := d.peakMemory(), time.Now()
	var storm sync.WaitGroup
	for i := range 2 {
		storm.Go(func() { s.storm(t, d, i, 2) })
	}
	over := make(chan struct{})
	go func() { storm.Wait(); close(over) }()
	const newcomers = 20
	most, slowest := 0, time.Duration(0)
	for i := range newcomers {
		began := time.Now()
		most = max(most, newcomer(t, d, i))
		slowest = max(slowest, time.Since(began))
		select {
		case <-over:
		case <-time.After(200 * time.Millisecond):
		}
	}
	<-over
	took := time.Since(began)
	m, peak := d.metrics(), d.peakMemory()
	allowed := idle + s.budget*135/100
	t.Logf("%d announces from %d networks in %.1f s: %d MiB resident when idle, %d MiB at most, %d MiB allowed; %g turned away, %g evicted, %g checkpoints; newcomers were in after at most %d announces and %v",
		s.announces, s.networks, took.Seconds(), idle>>20, peak>>20, allowed>>20, m[rejected("memory")],
		m[`keeptrack_evicted_total{kind="peers"}`]+m[`keeptrack_evicted_total{kind="torrents"}`]+m[`keeptrack_evicted_total{kind="records"}`],
		m["keeptrack_checkpoint_total"], most, slowest)
	if peak > allowed {
		t.Errorf("%d bytes were resident, at most %d may be", peak, allowed)
	}
	if got := m["keeptrack_memory_limit_bytes"]; got != float64(s.budget) || m["keeptrack_memory_bytes"] < 0.8*got {
		t.Errorf("the flood took %g of %g bytes", m["keeptrack_memory_bytes"], got)
	}
	for i := range newcomers {
		newcomer(t, d, newcomers+i)
	}
	d.stop()
}

// TestTorrentsWithOneFirstByte fills a daemon with torrents, whose info hashes all begin
// with the same byte or do not. Both times honest clients announce at a steady rate while
// a checkpoint writes all of them, a backup copies them and live sync tells them. It prints
// how long the slowest announces took.
func TestTorrentsWithOneFirstByte(t *testing.T) {
	torrents := testenv.Pick(20_000, 4_000_000)
	alike := func(i int) tracker.InfoHash { return numbered(7, i) }
	spread := func(i int) tracker.InfoHash { return hashOf(strconv.Itoa(i)) }
	for range testenv.Pick(1, 3) {
		even := latencyBesideTorrents(t, torrents, spread)
		one := latencyBesideTorrents(t, torrents, alike)
		t.Logf("%d torrents: p99.9 %.0f µs evenly spread, %.0f µs with one first byte, %.2f times as much; at most %.0f and %.0f µs",
			torrents, even.P999, one.P999, one.P999/even.P999, even.Max, one.Max)
	}
}

func latencyBesideTorrents(t *testing.T, torrents int, hash func(i int) tracker.InfoHash) bench.Latency {
	g := newMulticastGroup(t)
	d := startPlain(t, g.member(settings{
		"livesync.id":                      `"cafebabe"`,
		"livesync.first_beacon_delay":      `"1h"`,
		"tracker.max_torrents_per_address": "0",
		"store.checkpoint_interval":        `"1h"`,
	}))
	hashes := make([]tracker.InfoHash, torrents)
	for i := range hashes {
		hashes[i] = hash(i)
	}
	connectWire(t, d.udp4).announceAll(hashes)
	load := program(t, t.TempDir(), "bench", "--json", "--mix", "announce=1", "--old-ids", "0", "--rate", "2000", "--timeout", patience.String(),
		"--torrents", "1000", "--duration", testenv.Pick("2s", "15s"), "udp://"+d.udp4)
	var out bytes.Buffer
	load.Stdout = &out
	if err := load.Start(); err != nil {
		t.Fatal(err)
	}
	g.send("127.0.0.1", inquire)
	if got := runProgram(t, t.TempDir(), "backup", "--admin", "http://"+d.admin, filepath.Join(t.TempDir(), "x.db")); got.status != statusDone {
		t.Fatalf("backup: %+v", got)
	}
	if err := load.Wait(); err != nil {
		t.Fatal(err)
	}
	var r bench.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	m := d.metrics()
	drops := uint64(m[`keeptrack_kernel_receive_drops_total{socket="udp"}`])
	if r.Good+drops < r.Sent || r.Good == 0 {
		t.Errorf("%d of %d honest announces answered", r.Good, r.Sent)
	}
	if got := m["keeptrack_checkpoint_records_total"]; got < float64(torrents) {
		t.Errorf("the checkpoint wrote %g of %d torrents", got, torrents)
	}
	if m[`keeptrack_livesync_records_total{direction="out",type="tell"}`] == 0 {
		t.Error("nothing was told")
	}
	d.stop()
	return r.Latency
}

// TestReceiveBufferThatTheSystemCuts: without CAP_NET_ADMIN, as under the unit,
// the daemon warns of it, once for each address, with the setting that mends it.
func TestReceiveBufferThatTheSystemCuts(t *testing.T) {
	text, err := os.ReadFile("/proc/sys/net/core/rmem_max")
	testenv.Need(t, "read the limit of receive buffers", err)
	const asked = 1 << 30 // the most that the config takes
	if limit, err := strconv.Atoi(strings.TrimSpace(string(text))); err != nil || limit >= asked {
		testenv.Need(t, "ask for more than the system grants", fmt.Errorf("it grants %d bytes: %v", limit, err))
	}
	dir := t.TempDir()
	cmd := program(t, dir, "serve", "--config", testSettings(dir).with(settings{
		"udp.listen": `["127.0.0.1:0"]`, "udp.workers": "3", "udp.receive_buffer": `"1GiB"`,
	}).write(t))
	if os.Geteuid() == 0 {
		options := confinement(t, "--bounding-set=-net_admin", "--inh-caps=-net_admin")
		confined := exec.Command("setpriv", append(options, cmd.Args...)...)
		confined.Args[len(options)+1] = cmd.Path
		confined.Dir, confined.Env = cmd.Dir, cmd.Env
		cmd = confined
	}
	d := startCommand(t, cmd, &http.Client{Timeout: patience})
	d.stop()
	if n := d.logged(`"hint":"sysctl -w net.core.rmem_max=1073741824"`); n != 1 {
		t.Errorf("%d warnings, want 1:\n%s", n, strings.Join(d.log, "\n"))
	}
}
