package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	"keeptrack/internal/testenv"
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
