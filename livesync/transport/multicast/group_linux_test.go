package multicast

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/net/ipv4"

	"keeptrack/livesync/transport"
	"keeptrack/livesync/transport/transporttest"
)

const testInterface = "127.0.0.1"

var (
	testGroup  = netip.MustParseAddr("224.0.42.5")
	testNodes  = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
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

func testOptions(port uint16) Options {
	return Options{
		Interface: testInterface, Group: testGroup, Port: port, Nodes: testNodes, Loopback: true,
		MaxPacket: MaxPacket, Log: zerolog.Nop(),
	}
}

func listenTest(t *testing.T, port uint16, loopback bool) *group {
	t.Helper()
	o := testOptions(port)
	o.Loopback = loopback
	m, err := open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// receiveTest returns the next packet, which has to come soon.
func receiveTest(t *testing.T, m *group) (string, transport.Endpoint) {
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
	at, err := (&Options{Interface: testInterface}).find(netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	if err := ipv4.NewPacketConn(c).SetMulticastInterface(&net.Interface{Index: at.index}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.WriteTo([]byte(p), net.UDPAddrFromAddrPort(to)); err != nil {
		t.Fatal(err)
	}
}

func TestSeveralInstancesShareAHost(t *testing.T) {
	port := freePort(t)
	members := []*group{listenTest(t, port, true), listenTest(t, port, true), listenTest(t, port, true)}
	for i, from := range members {
		p := strings.Repeat("p", i+1)
		if err := from.Send(transport.All, []byte(p)); err != nil {
			t.Fatal(err)
		}
		for j, to := range members {
			got, source := receiveTest(t, to)
			if want := transport.At(netip.AddrPortFrom(netip.MustParseAddr(testInterface), port)); got != p || source != want {
				t.Errorf("%d got %q from %s, want %q from %s", j, got, source, p, want)
			}
		}
	}
}

func TestOnlyTheGroupIsTaken(t *testing.T) {
	port := freePort(t)
	m := listenTest(t, port, true)
	o := testOptions(port)
	o.Group = otherGroup
	stranger, err := open(o)
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
	if err := m.Send(transport.All, []byte("p")); err != nil {
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
		if got, err := ipv4.NewPacketConn(m.out.Load().conn).MulticastLoopback(); err != nil || got != loopback {
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
	if err := m.Send(transport.All, []byte("p")); !errors.Is(err, net.ErrClosed) {
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
		if err := m.Send(transport.All, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	// The counter comes with a packet that is queued after the drops.
	for p := ""; p != "last"; p, _ = receiveTest(t, m) {
		sent++
		if err := m.Send(transport.All, []byte("last")); err != nil {
			t.Fatal(err)
		}
	}
	if m.Lost() == 0 || m.Lost() >= sent {
		t.Errorf("%d packets lost of %d", m.Lost(), sent)
	}
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"no such interface":    {func(o *Options) { o.Interface = "nowhere0" }, "nowhere0"},
		"address not here":     {func(o *Options) { o.Interface = "192.0.2.77" }, "192.0.2.77"},
		"IPv6 address":         {func(o *Options) { o.Interface = "::1" }, "::1"},
		"group not multicast":  {func(o *Options) { o.Group = netip.MustParseAddr("192.0.2.1") }, "192.0.2.1"},
		"no port":              {func(o *Options) { o.Port = 0 }, "port 0"},
		"nobody to hear":       {func(o *Options) { o.Nodes = nil }, "no nodes"},
		"packets too large":    {func(o *Options) { o.MaxPacket = MaxPacket + 1 }, "1473"},
		"packets of no length": {func(o *Options) { o.MaxPacket = 0 }, "0 bytes"},
	} {
		o := testOptions(9696)
		tt.change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), "live sync: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInterfaceByNameAndAddress(t *testing.T) {
	byAddress, err := (&Options{Interface: testInterface}).find(netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	byName, err := (&Options{Interface: byAddress.name}).find(netip.MustParseAddr(testInterface))
	if err != nil {
		t.Fatal(err)
	}
	if byName != byAddress {
		t.Errorf("by address: %+v, by name: %+v", byAddress, byName)
	}
}

func TestReceiveBufferIsLogged(t *testing.T) {
	var out bytes.Buffer
	o := testOptions(freePort(t))
	o.Log = zerolog.New(&out)
	m, err := open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if !strings.Contains(out.String(), `"receive_buffer":`) {
		t.Errorf("logged %q", out.String())
	}
}

func TestOnlyNodesAreTrusted(t *testing.T) {
	o := Options{Nodes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32")}}
	for text, want := range map[string]bool{
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "192.0.2.7": true,
		"11.0.0.1": false, "192.0.2.8": false, "::a01:203": false,
	} {
		if got := o.trusts(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}

func TestForeignPacketsAreMarked(t *testing.T) {
	port := freePort(t)
	o := testOptions(port)
	o.Nodes = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	m, err := open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	sendTest(t, netip.AddrPortFrom(testGroup, port), "p")
	n, from, err := m.Receive(make([]byte, 16))
	if n != 1 || !strings.HasPrefix(from.String(), testInterface+":") || !errors.Is(err, transport.ErrForeign) {
		t.Errorf("%d bytes from %s, %v", n, from, err)
	}
}

func TestConformance(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) (a, b transport.Transport) {
		port := freePort(t)
		return listenTest(t, port, true), listenTest(t, port, true)
	})
}
