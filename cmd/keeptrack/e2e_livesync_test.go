package main

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/net/ipv4"

	"keeptrack/cmd/testenv"
	"keeptrack/store"
	"keeptrack/tracker"
)

// group is a multicast group on the loopback interface that no other test uses.
type group struct {
	t       *testing.T
	address *net.UDPAddr
}

func newMulticastGroup(t *testing.T) *group {
	t.Helper()
	ip := net.IPv4(239, byte(rand.N(256)), byte(rand.N(256)), byte(1+rand.N(254)))
	return &group{t, &net.UDPAddr{IP: ip, Port: freePort(t)}}
}

// member returns the config of an instance in the group.
func (g *group) member(more settings) settings {
	return testSettings(g.t.TempDir()).with(settings{
		"livesync.enabled":   "true",
		"livesync.interface": `"127.0.0.1"`,
		"livesync.group":     fmt.Sprintf("%q", g.address.IP),
		"livesync.port":      strconv.Itoa(g.address.Port),
		"livesync.nodes":     `["127.0.0.1/32"]`,
		"livesync.loopback":  "true",
		"livesync.max_delay": `"20ms"`,
	}).with(more)
}

// send sends a packet, given in hex, to the group from an address on the
// loopback interface.
func (g *group) send(from, packet string) {
	g.t.Helper()
	p, err := hex.DecodeString(packet)
	if err != nil {
		g.t.Fatal(err)
	}
	c, err := net.ListenPacket("udp4", from+":0")
	if err != nil {
		g.t.Fatal(err)
	}
	defer c.Close()
	m := ipv4.NewPacketConn(c)
	if err := firstError(m.SetMulticastInterface(loopbackInterface(g.t)), m.SetMulticastLoopback(true)); err != nil {
		g.t.Fatal(err)
	}
	if _, err := c.WriteTo(p, g.address); err != nil {
		g.t.Fatal(err)
	}
}

// listen joins the group and returns a function that waits for a packet whose
// hex starts with prefix.
func (g *group) listen() (await func(prefix string) string) {
	g.t.Helper()
	c, err := net.ListenMulticastUDP("udp4", loopbackInterface(g.t), g.address)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	return func(prefix string) string {
		g.t.Helper()
		if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
			g.t.Fatal(err)
		}
		buf := make([]byte, 2048)
		for {
			n, _, err := c.ReadFrom(buf)
			if err != nil {
				g.t.Fatalf("no packet %s: %v", prefix, err)
			}
			if packet := hex.EncodeToString(buf[:n]); strings.HasPrefix(packet, prefix) {
				return packet
			}
		}
	}
}

func loopbackInterface(t *testing.T) *net.Interface {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(i net.Interface) bool { return i.Flags&net.FlagLoopback != 0 })
	if i < 0 {
		testenv.Need(t, "use the loopback interface", errors.New("there is none"))
	}
	return &all[i]
}

// pair starts two instances of a group of their own.
func pair(t *testing.T) (first, second *instance) {
	t.Helper()
	g := newMulticastGroup(t)
	return start(t, g.member(nil)), start(t, g.member(nil))
}

// settle waits until to has heard everything that from has been announced so
// far. Peers are told in order, so a new one tells that those before it have
// arrived.
func settle(t *testing.T, from, to *instance) {
	t.Helper()
	last := hashOf(strconv.FormatUint(rand.Uint64(), 16))
	announceTo(t, from.urls()["udp IPv4"], last, 6881, 1, tracker.EventStarted)
	waitScrape(t, to.urls()["udp IPv4"], last, 0, 1, 0)
}

func TestAPeerIsHandedOutByTheOtherInstance(t *testing.T) {
	first, second := pair(t)
	others := second.urls()
	for name, url := range first.urls() {
		t.Run(name, func(t *testing.T) {
			hash := hashOf(name)
			began := time.Now()
			announceTo(t, url, hash, 6881, 0, tracker.EventStarted)
			waitScrape(t, others[name], hash, 1, 0, 0)
			t.Logf("known after %s", time.Since(began))
			address := "127.0.0.1"
			if strings.HasSuffix(name, "IPv6") {
				address = "::1"
			}
			r := announceTo(t, others[name], hash, 0, 1, tracker.EventStarted)
			if len(r.Peers) != 1 || r.Peers[0] != swarmPeer(address, 6881) {
				t.Errorf("handed out %v", r.Peers)
			}
		})
	}
}

func TestACompletionCountsOnceOnEveryInstance(t *testing.T) {
	first, second := pair(t)
	theirs := second.urls()
	for name, url := range first.urls() {
		t.Run(name, func(t *testing.T) {
			hash := hashOf(name)
			announceTo(t, url, hash, 6881, 1000, tracker.EventStarted)
			settle(t, first, second)
			announceTo(t, url, hash, 6881, 0, tracker.EventCompleted)
			announceTo(t, url, hash, 6881, 0, tracker.EventCompleted) // as if the answer got lost
			settle(t, first, second)
			announceTo(t, theirs[name], hash, 6881, 0, tracker.EventCompleted) // the name stands for both
			settle(t, second, first)
			waitScrape(t, url, hash, 1, 0, 1)
			waitScrape(t, theirs[name], hash, 1, 0, 1)
		})
	}
}

func TestAStopRemovesThePeerEverywhere(t *testing.T) {
	first, second := pair(t)
	theirs := second.urls()
	for name, url := range first.urls() {
		t.Run(name, func(t *testing.T) {
			hash := hashOf(name)
			announceTo(t, url, hash, 6881, 0, tracker.EventStarted)
			waitScrape(t, theirs[name], hash, 1, 0, 0)
			announceTo(t, url, hash, 6881, 0, tracker.EventStopped)
			waitScrape(t, theirs[name], hash, 0, 0, 0)
		})
	}
}

func TestWhatWasLearnedIsNotToldAgain(t *testing.T) {
	first, second := pair(t)
	for _, url := range first.urls() {
		announceTo(t, url, hashOf("once"), 6881, 1, tracker.EventStarted)
	}
	settle(t, first, second)
	for _, kind := range []string{"live", "live6"} {
		name := fmt.Sprintf("keeptrack_livesync_records_total{direction=\"out\",type=%q}", kind)
		if n := second.metric(name); n != 0 {
			t.Errorf("%g records of type %s told by the second", n, kind)
		}
	}
}

// library is a set of torrents as they are in a database.
type library []tracker.Record

// newLibrary returns n torrents with counts, announced within the last hour.
func newLibrary(n int) library {
	now := uint32(time.Now().Unix() / 60)
	all := make(library, n)
	for i := range all {
		r := &all[i]
		binary.BigEndian.PutUint64(r.InfoHash[:], uint64(i)*0x9e3779b97f4a7c15)
		binary.BigEndian.PutUint32(r.InfoHash[16:], uint32(i))
		r.LastAnnounce = now - uint32(i%60)
		r.Downloaded = uint64(1 + i%1000)
	}
	return all
}

// unsaved is what of a library is to be written into a database.
type unsaved struct{ rest library }

func (u *unsaved) TakeChanges(dst []tracker.Change, limit int) []tracker.Change {
	n := min(limit, len(u.rest))
	for _, r := range u.rest[:n] {
		dst = append(dst, tracker.Change{Record: r})
	}
	u.rest = u.rest[n:]
	return dst
}

func (u *unsaved) RestoreChanges([]tracker.Change) {}
func (u *unsaved) Settle(tracker.Settlement)       {}
func (u *unsaved) Expired(tracker.Record) bool     { return false }

// save writes the library into the database in dir.
func (l library) save(t *testing.T, dir string) {
	t.Helper()
	s := openStore(t, dir)
	if _, err := s.Load(func(tracker.Record) {}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Checkpoint(&unsaved{l}, store.Along{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// wantIn expects the database in dir to hold this share of the library at
// least, with the same counts and nothing else. Ages are rounded up when they are told, so
// that a last announce may be a minute or two earlier.
func (l library) wantIn(t *testing.T, dir string, share float64) {
	t.Helper()
	want := make(map[tracker.InfoHash]tracker.Record, len(l))
	for _, r := range l {
		want[r.InfoHash] = r
	}
	s := openStore(t, dir)
	defer s.Close()
	wrong := 0
	n, err := s.Load(func(r tracker.Record) {
		w := want[r.InfoHash]
		if w.Downloaded != r.Downloaded || w.LastAnnounce-r.LastAnnounce > 2 {
			wrong++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if wrong > 0 || float64(n) < share*float64(len(l)) {
		t.Errorf("of %d torrents %d have arrived, %d of them with other figures", len(l), n, wrong)
	}
	t.Logf("%d of %d torrents have arrived", n, len(l))
}

// wantKept fails unless a database has every torrent of l.
func (l library) wantKept(t *testing.T, dir string) {
	t.Helper()
	s := openStore(t, dir)
	defer s.Close()
	kept := make(map[tracker.InfoHash]bool)
	if _, err := s.Load(func(r tracker.Record) { kept[r.InfoHash] = true }); err != nil {
		t.Fatal(err)
	}
	missing := 0
	for _, r := range l {
		if !kept[r.InfoHash] {
			missing++
		}
	}
	if missing > 0 {
		t.Errorf("the database has lost %d of %d torrents", missing, len(l))
	}
}

func openStore(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(filepath.Join(dir, "keeptrack.db"), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// at returns the settings with the database in dir.
func (s settings) at(dir string) settings {
	return s.with(settings{"store.path": fmt.Sprintf("%q", filepath.Join(dir, "keeptrack.db"))})
}

// hasty makes scrape sync show within seconds what takes an hour by default.
var hasty = settings{
	"livesync.first_beacon_delay": `"100ms"`,
	"livesync.beacon_interval":    `"250ms"`,
	"livesync.tell_rate":          "5000",
}

// TestARestartedInstanceTellsFromDisk holds that a tell is answered from what
// the database had, although no client has announced since the start.
func TestARestartedInstanceTellsFromDisk(t *testing.T) {
	const torrents = 100_000
	g := newMulticastGroup(t)
	dir, empty := t.TempDir(), t.TempDir()
	all := newLibrary(torrents)
	all.save(t, dir)
	teller := g.member(hasty).at(dir).with(settings{"livesync.id": `"0000000a"`})
	start(t, teller).stop()

	asker := start(t, g.member(hasty).at(empty))
	began := time.Now()
	told := start(t, teller)
	if told.torrents != torrents {
		t.Fatalf("%d torrents loaded", told.torrents)
	}
	waitFor(t, "every torrent", func() bool {
		const drops = `keeptrack_kernel_receive_drops_total{socket="livesync"}`
		if n := asker.metric(drops); n > 0 { // what is lost is not told again
			t.Fatalf("the receive buffer was too small: the system has dropped %g packets", n)
		}
		return asker.metric("keeptrack_torrents") >= torrents
	})
	t.Logf("all there %s after the restart", time.Since(began))
	if n := told.metric(`keeptrack_requests_total{action="announce",family="ipv4",result="ok",transport="udp"}`); n != 0 {
		t.Errorf("%g announces", n)
	}
	told.stop()
	asker.stop()
	all.wantIn(t, empty, 1)
}

// TestClusterAPI holds that the admin address shows who is there.
func TestClusterAPI(t *testing.T) {
	g := newMulticastGroup(t)
	dir := t.TempDir()
	newLibrary(50).save(t, dir)
	start(t, g.member(hasty).at(dir).with(settings{"livesync.id": `"0000000b"`}))
	d := start(t, g.member(hasty).with(settings{"livesync.id": `"0000000c"`}))
	var state struct {
		ID        string
		Torrents  int
		Instances []struct {
			ID, Source string
			Torrents   int
			Received   map[string]struct{ Packets, Records int }
		}
	}
	waitFor(t, "an instance with its counts", func() bool {
		if err := json.Unmarshal([]byte(d.mustAPI(http.MethodGet, "cluster")), &state); err != nil {
			t.Fatal(err)
		}
		// How many torrents the other has comes with its beacons.
		return len(state.Instances) == 1 && state.Instances[0].Received["count_records"].Records == 50 && state.Instances[0].Torrents > 0
	})
	if other := state.Instances[0]; state.ID != "0000000c" || other.ID != "0000000b" || other.Torrents != 50 {
		t.Errorf("the cluster is %+v", state)
	}
}
