package main

import (
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"keeptrack/cmd/internal/client"
	"keeptrack/tracker"
)

// The torrents of the golden packets.
const (
	golden1 = "5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6"
	golden2 = "000102030405060708090a0b0c0d0e0f10111213"
)

// Golden packets of instance deadbeef.
const (
	liveOneSeed   = "deadbeef000000005024e27a65da1e1ea6dc6a51168cb2d710cfc5e6c00002011ae18000"
	liveCompleted = "deadbeef000000005024e27a65da1e1ea6dc6a51168cb2d710cfc5e6c00002011ae1c000"
	liveStop      = "deadbeef000000005024e27a65da1e1ea6dc6a51168cb2d710cfc5e6c00002011ae12000"
	liveTwo       = "deadbeef00000000000102030405060708090a0b0c0d0e0f10111213c6336402c8d50000000102030405060708090a0b0c0d0e0f10111213c00002011ae18000"
	live6One      = "deadbeef000000015024e27a65da1e1ea6dc6a51168cb2d710cfc5e620010db80000000000000000000000011ae18000"
	livePartial   = "deadbeef000000005024e27a65da1e1ea6dc6a51168cb2d710cfc5e6c00002011ae18000ffff"
	livePort0     = "deadbeef000000005024e27a65da1e1ea6dc6a51168cb2d710cfc5e6c000020100008000"
	beacon        = "deadbeef000000010000000000989680"
	inquire       = "deadbeef00000002cafebabe"
	tellOne       = "deadbeef000000035024e27a65da1e1ea6dc6a51168cb2d710cfc5e60000000700000000000035cc"
	tellBig       = "deadbeef00000003000102030405060708090a0b0c0d0e0f10111213000005a00000000100000001"
)

// receiver starts instance cafebabe, whom the golden packets are for.
func receiver(t *testing.T) (*group, *instance) {
	t.Helper()
	g := newMulticastGroup(t)
	return g, start(t, g.member(settings{
		"livesync.id":                 `"cafebabe"`,
		"livesync.beacon_interval":    `"100ms"`,
		"livesync.first_beacon_delay": `"1h"`,
	}))
}

// deliver sends a packet and waits until the daemon is done with it.
func (d *instance) deliver(g *group, packet string) {
	d.t.Helper()
	before := d.received()
	g.send("127.0.0.1", packet)
	waitFor(d.t, "receipt of "+packet, func() bool { return d.received() > before })
	d.fence(g)
}

// fence waits until the daemon is done with every packet received so far. They
// are counted first and then taken in, one after the other: once a further one
// is counted, those before it have had their effect.
func (d *instance) fence(g *group) {
	d.t.Helper()
	const counter = `keeptrack_livesync_drops_total{reason="unknown_type"}`
	before := d.metric(counter)
	g.send("127.0.0.1", "deadbeef7fffffff")
	d.waitMetric(counter, before+1)
}

// received is a number that grows with every packet received, used or not.
func (d *instance) received() float64 {
	d.t.Helper()
	var sum float64
	for name, value := range d.metrics() {
		if strings.HasPrefix(name, "keeptrack_livesync_drops_total") ||
			strings.HasPrefix(name, "keeptrack_livesync_packets_total") && strings.Contains(name, `direction="in"`) {
			sum += value
		}
	}
	return sum
}

func parseHash(t *testing.T, s string) tracker.InfoHash {
	t.Helper()
	h, err := tracker.ParseInfoHash(s)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// wantCounts expects the counts of a torrent in every kind of scrape.
func (d *instance) wantCounts(hash string, seeders, leechers, downloaded uint64) {
	d.t.Helper()
	want := client.Scraped{InfoHash: parseHash(d.t, hash), Seeders: seeders, Leechers: leechers, Downloaded: downloaded}
	for name, url := range d.urls() {
		want := want
		if strings.HasPrefix(name, "udp") {
			want.Downloaded = min(downloaded, 1<<32-1)
		}
		if got := scrapeOf(d.t, url, want.InfoHash)[0]; got != want {
			d.t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

// wantPeers expects the peers handed out to a leecher.
func (d *instance) wantPeers(url, hash string, peers ...string) {
	d.t.Helper()
	var want []netip.AddrPort
	for _, p := range peers {
		want = append(want, netip.MustParseAddrPort(p))
	}
	r := announceTo(d.t, d.urls()[url], parseHash(d.t, hash), 0, 1, tracker.EventStarted)
	if got := sorted(r.Peers); !slices.Equal(got, sorted(want)) {
		d.t.Errorf("%s: peers %s, want %s", url, got, want)
	}
}

func TestGoldenPeerSync(t *testing.T) {
	g, d := receiver(t)
	for range 2 { // a packet that comes twice changes nothing
		d.deliver(g, liveOneSeed)
		d.wantCounts(golden1, 1, 0, 0)
		d.wantPeers("udp IPv4", golden1, "192.0.2.1:6881")
	}
	for range 2 {
		d.deliver(g, liveCompleted)
		d.wantCounts(golden1, 1, 0, 1)
	}
	for range 2 {
		d.deliver(g, liveTwo)
		d.wantCounts(golden2, 1, 1, 0)
		d.wantPeers("http IPv4", golden2, "192.0.2.1:6881", "198.51.100.2:51413")
	}
	if hasIPv6() {
		for range 2 {
			d.deliver(g, live6One)
			d.wantCounts(golden1, 2, 0, 1)
			d.wantPeers("udp IPv6", golden1, "[2001:db8::1]:6881")
			d.wantPeers("http IPv6", golden1, "192.0.2.1:6881", "[2001:db8::1]:6881")
		}
	}
	rest := d.metric(`keeptrack_peers{family="ipv6"}`)
	for range 2 {
		d.deliver(g, liveStop)
		d.wantCounts(golden1, uint64(rest), 0, 1)
		d.wantPeers("udp IPv4", golden1)
	}
}

func TestGoldenTell(t *testing.T) {
	g, d := receiver(t)
	for range 2 {
		d.deliver(g, tellOne)
		d.wantCounts(golden1, 0, 0, 13772)
		d.deliver(g, tellBig)
		d.wantCounts(golden2, 0, 0, 4294967297)
	}
	lower := strings.Replace(tellOne, "35cc", "35cb", 1)
	d.deliver(g, lower)
	d.wantCounts(golden1, 0, 0, 13772)
}

func TestGoldenBeaconIsAnsweredByAnInquire(t *testing.T) {
	g, d := receiver(t)
	await := g.listen()
	d.deliver(g, beacon)
	if got := await("cafebabe00000002"); got != "cafebabe00000002deadbeef" {
		t.Errorf("got %s", got)
	}
}

func TestGoldenInquireIsAnsweredByATell(t *testing.T) {
	g, d := receiver(t)
	await := g.listen()
	d.deliver(g, tellOne)
	d.deliver(g, tellBig)
	d.deliver(g, liveCompleted) // announced just now, and one more download
	d.deliver(g, inquire)
	got := await("cafebabe00000003")[16:]
	// The minute may turn between the packets and the answer.
	big, one := golden2+"000005a[01]"+"0000000100000001", golden1+"0000000[01]"+"00000000000035cd"
	want := regexp.MustCompile("^(" + big + one + "|" + one + big + ")$") // in any order
	if !want.MatchString(got) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestGoldenPacketsToBeDropped(t *testing.T) {
	g, d := receiver(t)
	d.deliver(g, liveCompleted)
	d.deliver(g, liveTwo)
	for _, c := range []struct{ name, from, packet, reason string }{
		{"short", "127.0.0.1", "deadbeef000000", "short"},
		{"beacon too long", "127.0.0.1", "deadbeef00000001000000000098968000", "bad_length"},
		{"inquire too short", "127.0.0.1", "deadbeef00000002cafeba", "bad_length"},
		{"unknown type", "127.0.0.1", "deadbeef000000ff00000000", "unknown_type"},
		{"port 0", "127.0.0.1", livePort0, "bad_peer"},
		{"trailing bytes", "127.0.0.1", livePartial, "trailing_bytes"}, // known peer: the whole record changes nothing
		{"own id", "127.0.0.1", "cafebabe" + liveStop[8:], "own_id"},
		{"not a node", "127.0.0.2", liveStop, "foreign_source"},
		{"inquire for another", "127.0.0.1", inquire[:16] + "0badcafe", "other_target"},
		{"beacon without torrents", "127.0.0.1", beacon[:16] + "0000000000000000", "empty_beacon"},
	} {
		t.Run(c.name, func(t *testing.T) {
			counter := fmt.Sprintf("keeptrack_livesync_drops_total{reason=%q}", c.reason)
			before, contents := d.metric(counter), d.contents()
			g.send(c.from, c.packet)
			waitFor(t, counter, func() bool { return d.metric(counter) > before })
			own := c.reason == "own_id" // its own hellos come back too
			if now := d.metric(counter); now != before+1 && !own {
				t.Errorf("%s went from %g to %g", counter, before, now)
			}
			d.fence(g)
			if now := d.contents(); !maps.Equal(now, contents) {
				t.Errorf("the tracker has\n%v, had\n%v", now, contents)
			}
		})
	}
}

func TestGoldenWholeRecordsBeforeTrailingBytesCount(t *testing.T) {
	g, d := receiver(t)
	d.deliver(g, livePartial)
	d.wantCounts(golden1, 1, 0, 0)
}

// contents is what can be seen of the swarms: every metric of the tracker and
// the golden torrents' counts.
func (d *instance) contents() map[string]float64 {
	d.t.Helper()
	seen := map[string]float64{}
	for name, value := range d.metrics() {
		for _, prefix := range []string{"keeptrack_torrents", "keeptrack_peers", "keeptrack_seeders", "keeptrack_completed"} {
			if strings.HasPrefix(name, prefix) {
				seen[name] = value
			}
		}
	}
	for _, r := range scrapeOf(d.t, d.urls()["http IPv4"], parseHash(d.t, golden1), parseHash(d.t, golden2)) {
		h := hex.EncodeToString(r.InfoHash[:])
		seen[h+" seeders"], seen[h+" leechers"], seen[h+" downloaded"] = float64(r.Seeders), float64(r.Leechers), float64(r.Downloaded)
	}
	return seen
}
