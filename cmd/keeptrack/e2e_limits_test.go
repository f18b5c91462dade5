package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"strconv"
	"testing"

	"keeptrack/internal/testenv"
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
