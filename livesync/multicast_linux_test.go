package livesync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/net/ipv4"

	"keeptrack/tracker"
)

const testInterface = "127.0.0.1"

var (
	testGroup  = netip.MustParseAddr("224.0.42.5")
	otherGroup = netip.MustParseAddr("224.0.42.23")
)

// freePort returns a UDP port that nobody uses.
func freePort(t *testing.T) uint16 {
	t.Helper()
	c, err := net.ListenPacket("udp4", testInterface+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Port()
}

func listenTest(t *testing.T, port uint16, loopback bool) *Multicast {
	t.Helper()
	m, err := ListenMulticast(MulticastOptions{
		Interface: testInterface, Group: testGroup, Port: port, Loopback: loopback, Log: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// receiveTest returns the next packet, which has to come soon.
func receiveTest(t *testing.T, m *Multicast) (string, netip.AddrPort) {
	t.Helper()
	if err := m.in.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	n, from, err := m.Receive(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n]), from
}

// sendTest sends a packet from a socket of its own over the loopback interface.
func sendTest(t *testing.T, to netip.AddrPort, p string) {
	t.Helper()
	c, err := net.ListenPacket("udp4", testInterface+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ifi, _, err := findInterface(testInterface)
	if err != nil {
		t.Fatal(err)
	}
	if err := ipv4.NewPacketConn(c).SetMulticastInterface(ifi); err != nil {
		t.Fatal(err)
	}
	if _, err := c.WriteTo([]byte(p), net.UDPAddrFromAddrPort(to)); err != nil {
		t.Fatal(err)
	}
}

func TestSeveralInstancesShareAHost(t *testing.T) {
	port := freePort(t)
	members := []*Multicast{listenTest(t, port, true), listenTest(t, port, true), listenTest(t, port, true)}
	for i, from := range members {
		p := strings.Repeat("p", i+1)
		if err := from.Send([]byte(p)); err != nil {
			t.Fatal(err)
		}
		for j, to := range members {
			got, source := receiveTest(t, to)
			if want := netip.AddrPortFrom(netip.MustParseAddr(testInterface), port); got != p || source != want {
				t.Errorf("%d got %q from %s, want %q from %s", j, got, source, p, want)
			}
		}
	}
}

func TestOnlyTheGroupIsTaken(t *testing.T) {
	port := freePort(t)
	m := listenTest(t, port, true)
	stranger, err := ListenMulticast(MulticastOptions{
		Interface: testInterface, Group: otherGroup, Port: port, Loopback: true, Log: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	sendTest(t, netip.AddrPortFrom(otherGroup, port), "to another group")
	sendTest(t, netip.AddrPortFrom(netip.MustParseAddr(testInterface), port), "unicast")
	sendTest(t, netip.AddrPortFrom(testGroup, port), "to the group")
	if got, _ := receiveTest(t, m); got != "to the group" {
		t.Errorf("took a packet %q", got)
	}
	if got, _ := receiveTest(t, stranger); got != "to another group" {
		t.Errorf("the other group's member took a packet %q", got)
	}
}

func TestPacketsLeaveWithTTL1(t *testing.T) {
	m := listenTest(t, freePort(t), true)
	p := ipv4.NewPacketConn(m.in)
	if err := p.SetControlMessage(ipv4.FlagTTL, true); err != nil {
		t.Fatal(err)
	}
	if err := m.Send([]byte("p")); err != nil {
		t.Fatal(err)
	}
	_, cm, _, err := p.ReadFrom(make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	if cm.TTL != 1 {
		t.Errorf("TTL %d", cm.TTL)
	}
}

func TestMulticastLoopFollowsTheOption(t *testing.T) {
	for _, loopback := range []bool{false, true} {
		m := listenTest(t, freePort(t), loopback)
		if got, err := ipv4.NewPacketConn(m.out).MulticastLoopback(); err != nil || got != loopback {
			t.Errorf("loopback %v: the socket says %v, %v", loopback, got, err)
		}
	}
}

func TestCloseEndsReceive(t *testing.T) {
	m := listenTest(t, freePort(t), true)
	result := make(chan error)
	go func() {
		_, _, err := m.Receive(make([]byte, 16))
		result <- err
	}()
	for range 2 {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := <-result; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Receive returned %v", err)
	}
	if err := m.Send([]byte("p")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Send returned %v", err)
	}
}

func TestKernelDropsAreCounted(t *testing.T) {
	m := listenTest(t, freePort(t), true)
	if err := m.in.SetReadBuffer(1); err != nil {
		t.Fatal(err)
	}
	sent := uint64(0)
	for ; sent < 200; sent++ {
		if err := m.Send(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	// The counter comes with a packet that is queued after the drops.
	for p := ""; p != "last"; p, _ = receiveTest(t, m) {
		sent++
		if err := m.Send([]byte("last")); err != nil {
			t.Fatal(err)
		}
	}
	if m.Lost() == 0 || m.Lost() >= sent {
		t.Errorf("%d packets lost of %d", m.Lost(), sent)
	}
}

func TestListenMulticastNamesWhatIsWrong(t *testing.T) {
	for name, tt := range map[string]struct {
		o    MulticastOptions
		want string
	}{
		"no such interface":   {MulticastOptions{Interface: "nowhere0", Group: testGroup, Port: 9696}, "nowhere0"},
		"address not here":    {MulticastOptions{Interface: "192.0.2.77", Group: testGroup, Port: 9696}, "192.0.2.77"},
		"IPv6 address":        {MulticastOptions{Interface: "::1", Group: testGroup, Port: 9696}, "::1"},
		"group not multicast": {MulticastOptions{Interface: testInterface, Group: netip.MustParseAddr("192.0.2.1"), Port: 9696}, "192.0.2.1"},
		"no port":             {MulticastOptions{Interface: testInterface, Group: testGroup}, "port 0"},
	} {
		if _, err := ListenMulticast(tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInterfaceByNameAndAddress(t *testing.T) {
	byAddr, addr, err := findInterface(testInterface)
	if err != nil {
		t.Fatal(err)
	}
	byName, addr2, err := findInterface(byAddr.Name)
	if err != nil {
		t.Fatal(err)
	}
	if byName.Index != byAddr.Index || addr != addr2 {
		t.Errorf("by address: %s %s, by name: %s %s", byAddr.Name, addr, byName.Name, addr2)
	}
}

func TestReceiveBufferIsLogged(t *testing.T) {
	var out bytes.Buffer
	m, err := ListenMulticast(MulticastOptions{
		Interface: testInterface, Group: testGroup, Port: freePort(t), Log: zerolog.New(&out),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if !strings.Contains(out.String(), `"receive_buffer":`) {
		t.Errorf("logged %q", out.String())
	}
}

// startMulticast runs an instance on the loopback interface, with intervals
// short enough to wait for.
func startMulticast(t *testing.T, port uint16, records ...tracker.Record) *instance {
	t.Helper()
	o := defaults()
	o.Nodes = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	o.MaxDelay = 10 * time.Millisecond
	o.FirstBeaconDelay = 200 * time.Millisecond
	o.BeaconInterval = 200 * time.Millisecond
	i := &instance{done: make(chan error, 1)}
	i.tracker = tracker.New(tracker.Options{
		PeerTimeout: time.Hour, RenewAfter: time.Hour, TorrentTimeout: 720 * time.Hour, AllowPrivate: true,
		Tell: func(r tracker.SyncRecord) { i.Node.Tell(r) },
	}, time.Now())
	for _, r := range records {
		i.tracker.Load(i.tracker.Instant(time.Now()), r)
	}
	var err error
	if i.Node, err = New(o, listenTest(t, port, true), i.tracker); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	i.cancel = cancel
	go func() { i.done <- i.Run(ctx) }()
	return i
}

// eventually waits until ok, which has to be soon.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// TestPeerSyncOverMulticast has three instances on one host, one source
// address and port: only their ids tell them apart.
func TestPeerSyncOverMulticast(t *testing.T) {
	port := freePort(t)
	members := []*instance{startMulticast(t, port), startMulticast(t, port), startMulticast(t, port)}
	members[0].announce(testHash, "192.0.2.1:6881", 0, tracker.EventNone)
	members[1].announce(testHash, "192.0.2.2:6881", 1, tracker.EventStarted)
	members[2].announce(testHash, "192.0.2.3:6881", 0, tracker.EventCompleted)
	want := tracker.Counts{Seeders: 2, Leechers: 1, Downloaders: 1, Downloaded: 1}
	for k, i := range members {
		eventually(t, fmt.Sprintf("instance %d has the peers of all and drops its own packets", k), func() bool {
			return i.counts(testHash) == want && i.Stats().Drops[DropOwn] > 0
		})
	}
	stopAll(t, members...)
}

func TestScrapeSyncOverMulticast(t *testing.T) {
	port := freePort(t)
	all := testRecords(20_000)
	members := []*instance{startMulticast(t, port), startMulticast(t, port, all[:1_000]...), startMulticast(t, port, all...)}
	want := byHash(all)
	for k, i := range members {
		eventually(t, fmt.Sprintf("instance %d has every torrent", k), func() bool { return i.tracker.Torrents() == len(all) })
		for h, r := range i.records() {
			if r.Downloaded != want[h].Downloaded {
				t.Fatalf("instance %d counts %d for %s, want %d", k, r.Downloaded, h, want[h].Downloaded)
			}
		}
	}
	if c := members[0].Cluster(); len(c.Instances) != 2 {
		t.Errorf("knows %d others, want 2", len(c.Instances))
	}
	stopAll(t, members...)
}
