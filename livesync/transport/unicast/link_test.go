package unicast

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/cmd/testenv"
	"keeptrack/livesync/transport"
	"keeptrack/livesync/transport/transporttest"
)

// names is a resolver that tests change.
type names struct {
	mu    sync.Mutex
	hosts map[string][]netip.Addr
	asked chan string // each name that is looked up; nil: nobody wants to know
}

var errNoName = errors.New("no such host")

func (n *names) set(host string, addrs ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hosts == nil {
		n.hosts = map[string][]netip.Addr{}
	}
	delete(n.hosts, host)
	for _, a := range addrs {
		n.hosts[host] = append(n.hosts[host], netip.MustParseAddr(a))
	}
}

func (n *names) lookUp(_ context.Context, host string) ([]netip.Addr, error) {
	if n.asked != nil {
		n.asked <- host
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if addrs := n.hosts[host]; addrs != nil {
		return addrs, nil
	}
	return nil, errNoName
}

// freePort returns a UDP port that nobody uses at 127.0.0.1.
func freePort(t *testing.T) uint16 {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Port()
}

func at(addr string, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(addr), port)
}

// peersOf reads peers.
func peersOf(t *testing.T, texts ...string) (peers []Peer) {
	t.Helper()
	for _, s := range texts {
		p, err := ParsePeer(s)
		if err != nil {
			t.Fatal(err)
		}
		peers = append(peers, p)
	}
	return peers
}

// listen opens a link that nobody runs; change may be nil.
func listen(t *testing.T, where netip.AddrPort, change func(*Options), peers ...string) *link {
	t.Helper()
	o := Options{Listen: where, Peers: peersOf(t, peers...), MaxPacket: SafePacket, Silence: time.Minute, Log: zerolog.Nop()}
	if change != nil {
		change(&o)
	}
	tr, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	return tr.(*link)
}

// members opens links that are each other's peers, at addresses of 127.0.0.0/8 and one
// port.
func members(t *testing.T, n int, change func(*Options)) (all []*link) {
	t.Helper()
	port := freePort(t)
	var peers []string
	for i := range n {
		peers = append(peers, at(hosts[i], port).String())
	}
	for i := range n {
		all = append(all, listen(t, at(hosts[i], port), change, peers...))
	}
	return all
}

// hosts are addresses of this host that several instances can share a port with.
var hosts = []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"}

// take returns the next packet, which has to come soon.
func take(t *testing.T, l *link) (string, netip.AddrPort, error) {
	t.Helper()
	if err := l.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 2048)
	n, from, err := l.Receive(buf)
	if err != nil && !errors.Is(err, transport.ErrForeign) {
		t.Fatal(err)
	}
	return string(buf[:n]), from.Addr(), err
}

// wantPacket takes a packet.
func wantPacket(t *testing.T, l *link, want string) {
	t.Helper()
	if got, from, err := take(t, l); got != want || err != nil {
		t.Errorf("got %q from %s, %v, want %q", got, from, err, want)
	}
}

func send(t *testing.T, l *link, p string) {
	t.Helper()
	if err := l.Send(transport.All, []byte(p)); err != nil {
		t.Fatal(err)
	}
}

// look is a round of Run's.
func (l *link) lookNow(t *testing.T) { l.look(t.Context(), time.Now()) }

func TestConformance(t *testing.T) {
	testenv.NeedIPv6(t)
	for name, where := range map[string][2]string{"IPv4": {"127.0.0.1", "127.0.0.2"}, "IPv6": {"::1", "::1"}} {
		t.Run(name, func(t *testing.T) {
			transporttest.Run(t, func(t *testing.T) (a, b transport.Transport) {
				first, second := at(where[0], freePort(t)), at(where[1], freePort(t))
				open := func(at netip.AddrPort) *link { return listen(t, at, nil, first.String(), second.String()) }
				return open(first), open(second)
			})
		})
	}
}

func TestAllAreSentToButOneself(t *testing.T) {
	all := members(t, 3, nil)
	send(t, all[0], "p")
	for _, l := range all[1:] {
		wantPacket(t, l, "p")
	}
	send(t, all[1], "q")
	wantPacket(t, all[0], "q") // and not p, its own
	if s := all[0].State(); len(s.Peers) != 3 || !s.Peers[0].Self || s.Peers[1].Self || s.Peers[1].Heard.IsZero() || !s.Peers[2].Heard.IsZero() {
		t.Errorf("state %+v", s)
	}
}

func TestAnInstanceIsAnsweredWhereItSendsFrom(t *testing.T) {
	all := members(t, 2, nil)
	send(t, all[0], "p")
	buf := make([]byte, 16)
	_, from, err := all[1].Receive(buf)
	if err != nil {
		t.Fatal(err)
	}
	if err := all[1].Send(from, []byte("q")); err != nil {
		t.Fatal(err)
	}
	wantPacket(t, all[0], "q")
}

func TestOneSocketHasBothFamilies(t *testing.T) {
	testenv.NeedIPv6(t)
	port := freePort(t)
	four, six := at("127.0.0.1", freePort(t)), at("::1", freePort(t))
	both := listen(t, netip.AddrPortFrom(netip.Addr{}, port), nil, four.String(), six.String())
	mates := map[string]*link{
		"IPv4": listen(t, four, nil, at("127.0.0.1", port).String()),
		"IPv6": listen(t, six, nil, at("::1", port).String()),
	}
	send(t, both, "to all")
	for name, l := range mates {
		wantPacket(t, l, "to all")
		send(t, l, "from "+name)
		wantPacket(t, both, "from "+name)
	}
}

func TestForeignPackets(t *testing.T) {
	for _, open := range []bool{false, true} {
		all := members(t, 2, func(o *Options) { o.Open = open })
		stranger := listen(t, at("127.0.0.9", freePort(t)), nil, all[0].conn.LocalAddr().String())
		send(t, stranger, "p")
		got, from, err := take(t, all[0])
		if got != "p" || from.Addr() != netip.MustParseAddr("127.0.0.9") || errors.Is(err, transport.ErrForeign) == open {
			t.Errorf("open %t: %q from %s, %v", open, got, from, err)
		}
		send(t, all[1], "q")
		wantPacket(t, all[0], "q")
	}
}

func TestThePortOfAPeerCounts(t *testing.T) {
	all := members(t, 2, nil)
	other := listen(t, at("127.0.0.2", freePort(t)), nil, all[0].conn.LocalAddr().String())
	send(t, other, "p")
	if _, _, err := take(t, all[0]); !errors.Is(err, transport.ErrForeign) {
		t.Errorf("got %v", err)
	}
}

func TestNamesAreLookedUpAgain(t *testing.T) {
	var n names
	n.set("mate", "127.0.0.2")
	port := freePort(t)
	l := listen(t, at("127.0.0.1", port), func(o *Options) { o.LookUp = n.lookUp }, (Peer{"mate", port}).String())
	if err := l.Send(transport.All, []byte("early")); !errors.Is(err, transport.ErrDown) || l.State().Down == nil {
		t.Errorf("before names are known: %v, state %v", err, l.State())
	}
	open := func(o *Options) { o.Open = true }
	first, second := listen(t, at("127.0.0.2", port), open), listen(t, at("127.0.0.3", port), open)
	l.lookNow(t)
	send(t, l, "p")
	wantPacket(t, first, "p")
	n.set("mate", "127.0.0.3")
	l.lookNow(t)
	send(t, l, "q")
	wantPacket(t, second, "q")
	n.set("mate")
	l.lookNow(t) // fails: what is known holds
	send(t, l, "r")
	wantPacket(t, second, "r")
	s := l.State()
	if s.Down != nil || s.Rejoined != 0 || s.Peers[0].Failing != errNoName.Error() || len(s.Peers[0].Addresses) != 1 {
		t.Errorf("state %+v", s)
	}
}

func TestALinkWithoutAnyAddressIsDown(t *testing.T) {
	var n names
	var out bytes.Buffer
	l := listen(t, at("127.0.0.1", freePort(t)), func(o *Options) { o.LookUp, o.Log = n.lookUp, zerolog.New(&out) }, "mate:1", "127.0.0.1:1")
	l.lookNow(t)
	if s := l.State(); s.Down != nil { // there is one other
		t.Errorf("state %+v", s)
	}
	l = listen(t, at("127.0.0.1", freePort(t)), func(o *Options) { o.LookUp, o.Log = n.lookUp, zerolog.New(&out) }, "mate:1")
	for range 2 {
		l.lookNow(t)
	}
	if s := l.State(); s.Down == nil {
		t.Errorf("state %+v", s)
	}
	n.set("mate", "127.0.0.2")
	l.lookNow(t)
	if s := l.State(); s.Down != nil || s.Rejoined != 1 {
		t.Errorf("state %+v", s)
	}
	for _, message := range []string{"live sync is down until", "live sync can send again"} {
		if strings.Count(out.String(), message) != 1 {
			t.Errorf("%q is not there once:\n%s", message, out.String())
		}
	}
}

func TestNamesInDoubtAreLookedUpSooner(t *testing.T) {
	l := listen(t, at("127.0.0.1", freePort(t)), nil, "240.0.0.1:1", "240.0.0.2:1")
	looked := time.Now()
	if got := l.due(looked).Sub(looked); got != lookEvery {
		t.Errorf("after %s", got)
	}
	_ = l.Send(transport.All, []byte("p")) // fails
	<-l.wake
	if got := l.due(looked).Sub(looked); got != lookSpacing {
		t.Errorf("in doubt after %s", got)
	}
	_ = l.Send(transport.All, []byte("p")) // fails as before
	l.rouse(true)
	select {
	case <-l.wake:
		t.Error("doubt wakes again and again")
	default:
	}
	if l.lookNow(t); l.due(looked).Sub(looked) != lookEvery {
		t.Error("in doubt after a look")
	}
}

func TestAHostThatMovesLooksItsNameUpSooner(t *testing.T) {
	local := []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	l := listen(t, at("127.0.0.1", freePort(t)), func(o *Options) {
		o.LocalAddresses = func() ([]netip.Addr, error) { return local, nil }
	}, "127.0.0.2:1")
	l.lookNow(t)
	l.review(time.Now())
	if l.doubt.Load() {
		t.Error("in doubt without a change")
	}
	local = []netip.Addr{netip.MustParseAddr("192.0.2.2")}
	if l.review(time.Now()); !l.doubt.Load() {
		t.Error("not in doubt after a change")
	}
}

// TestPacketsTakeNoMemory sends a packet to two and takes one in.
func TestPacketsTakeNoMemory(t *testing.T) {
	all := members(t, 3, nil)
	p, buf := make([]byte, SafePacket), make([]byte, 2048)
	if n := testing.AllocsPerRun(100, func() {
		if err := all[0].Send(transport.All, p); err != nil {
			t.Fatal(err)
		}
		if _, _, err := all[1].Receive(buf); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

// BenchmarkSend sends to two peers on this host that do not read.
func BenchmarkSend(b *testing.B) {
	port := uint16(39696)
	o := Options{MaxPacket: SafePacket, Silence: time.Minute, Log: zerolog.Nop(), Listen: at("127.0.0.1", port)}
	for _, h := range hosts {
		o.Peers = append(o.Peers, Peer{h, port})
	}
	l, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	p := make([]byte, SafePacket)
	b.SetBytes(2 * SafePacket)
	for b.Loop() {
		if err := l.Send(transport.All, p); err != nil {
			b.Fatal(err)
		}
	}
}

func TestRunLooksNamesUp(t *testing.T) {
	n := names{asked: make(chan string)}
	n.set("mate", "127.0.0.2")
	l := listen(t, at("127.0.0.1", freePort(t)), func(o *Options) { o.LookUp = n.lookUp }, "mate:1")
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error)
	go func() { ran <- l.Run(ctx) }()
	<-n.asked
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

// TestATranslatedAddressIsFoundOut: a peer's address leads back here, though it is none
// of this host's.
func TestATranslatedAddressIsFoundOut(t *testing.T) {
	port := freePort(t)
	where := at("127.0.0.1", port)
	l := listen(t, netip.AddrPortFrom(netip.Addr{}, port), func(o *Options) {
		o.LocalAddresses = func() ([]netip.Addr, error) { return nil, nil }
	}, where.String(), at("127.0.0.1", freePort(t)).String())
	h := l.hosts[where]
	h.isHere.Store(false) // as if it were another host's
	l.probe()
	go func() { _, _, _ = l.Receive(make([]byte, 64)) }()
	<-l.wake
	now := time.Now()
	if !h.isOwn(now.Sub(l.began)) {
		t.Error("it counts as another instance")
	}
	if h.isHere.Store(false); h.isOwn(now.Add(2 * echoHolds).Sub(l.began)) {
		t.Error("it counts as this instance for ever")
	}
}

func TestProbesOfOthersArePassedOver(t *testing.T) {
	all := members(t, 2, nil)
	all[1].probe()
	send(t, all[1], "p")
	wantPacket(t, all[0], "p")
	stranger := listen(t, at("127.0.0.9", freePort(t)), nil, all[0].conn.LocalAddr().String())
	for range mostPassed {
		stranger.probe()
	}
	if _, _, err := take(t, all[0]); !errors.Is(err, transport.ErrForeign) {
		t.Errorf("a flood of probes: %v", err)
	}
}

func TestUnreachablePeersCostNothing(t *testing.T) {
	port := freePort(t)
	// Nobody listens at the second, and the system sends nothing to the third.
	l := listen(t, at("127.0.0.1", port), nil, at("127.0.0.2", port).String(), at("127.0.0.3", freePort(t)).String(), at("240.0.0.1", port).String())
	mate := listen(t, at("127.0.0.2", port), nil, at("127.0.0.1", port).String())
	for range 5 {
		send(t, l, "p")
		wantPacket(t, mate, "p")
		send(t, mate, "q")
		wantPacket(t, l, "q")
	}
	s := l.State()
	if s.Unsent != 5 || s.Peers[2].Failing == "" || s.Peers[0].Failing != "" || s.Peers[1].Failing != "" || s.Down != nil {
		t.Errorf("state %+v", s)
	}
}

func TestNothingSentAtAllIsAnError(t *testing.T) {
	l := listen(t, at("127.0.0.1", freePort(t)), nil, "240.0.0.1:1", "240.0.0.2:1")
	if err := l.Send(transport.All, []byte("p")); err == nil || errors.Is(err, transport.ErrDown) {
		t.Errorf("got %v", err)
	}
}

func TestAPeerThatIsNotHeardIsWarnedOfHourly(t *testing.T) {
	var out bytes.Buffer
	port := freePort(t)
	l := listen(t, at("127.0.0.1", port), func(o *Options) { o.Log = zerolog.New(&out) }, at("127.0.0.1", port).String(), at("127.0.0.2", port).String())
	mate := listen(t, at("127.0.0.2", port), nil, at("127.0.0.1", port).String())
	warnings := func() int { return strings.Count(out.String(), "a live sync peer is not heard") }
	check := func(after time.Duration, want, unheard int) {
		t.Helper()
		now := l.began.Add(after)
		l.review(now)
		if got := warnings(); got != want || l.stateAt(now).Unheard() != unheard {
			t.Errorf("after %s: %d warnings and %d unheard, want %d and %d", after, got, l.stateAt(now).Unheard(), want, unheard)
		}
	}
	check(time.Minute, 0, 0)
	check(time.Minute+time.Second, 1, 1)
	check(time.Hour, 1, 1)
	check(time.Hour+2*time.Minute, 2, 1)
	send(t, mate, "p")
	wantPacket(t, l, "p")
	check(time.Since(l.began), 2, 0)
	if !strings.Contains(out.String(), "a live sync peer is heard again") {
		t.Errorf("logged %s", out.String())
	}
	check(3*time.Hour, 3, 1)
}

// TestOneOfTwoFamiliesIsChosen: a name with addresses of both is one instance.
func TestOneOfTwoFamiliesIsChosen(t *testing.T) {
	var n names
	n.set("mate", "127.0.0.2", "::1", "::ffff:127.0.0.3")
	port := freePort(t)
	l := listen(t, netip.AddrPortFrom(netip.Addr{}, freePort(t)), func(o *Options) { o.LookUp = n.lookUp }, (Peer{"mate", port}).String())
	l.lookNow(t)
	targets := func() (all []string) {
		for _, h := range l.table.Load().all {
			all = append(all, h.addr.Addr().String())
		}
		return all
	}
	if got := targets(); len(got) != 3 {
		t.Errorf("with none heard: %v", got)
	}
	for from, want := range map[string]string{"::1": "::1", "127.0.0.3": "127.0.0.2 127.0.0.3"} {
		for _, h := range l.hosts {
			h.heard.Store(0)
		}
		l.hosts[at(from, port)].hear(time.Second, time.Minute)
		l.review(l.began.Add(2 * time.Second))
		if got := strings.Join(targets(), " "); got != want {
			t.Errorf("with %s heard: %s, want %s", from, got, want)
		}
	}
	l.review(l.began.Add(time.Hour))
	if got := targets(); len(got) != 3 {
		t.Errorf("with none heard any more: %v", got)
	}
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"packets too large":    {func(o *Options) { o.MaxPacket = 65508 }, "65508"},
		"packets of no length": {func(o *Options) { o.MaxPacket = 0 }, "0 bytes"},
		"too many peers":       {func(o *Options) { o.Peers = make([]Peer, MaxPeers+1) }, "65 peers"},
		"no silence":           {func(o *Options) { o.Silence = 0 }, "silence"},
		"address not here":     {func(o *Options) { o.Listen = at("192.0.2.77", 9696) }, "192.0.2.77:9696"},
	} {
		o := Options{Listen: at("127.0.0.1", freePort(t)), MaxPacket: 1000, Silence: time.Second, Log: zerolog.Nop()}
		tt.change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), "live sync: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheSystemsNamesAndAddresses(t *testing.T) {
	found, err := lookUp(t.Context(), "localhost")
	local, lerr := localAddresses()
	if err != nil || lerr != nil || len(found) == 0 || !found[0].IsLoopback() {
		t.Fatalf("localhost is %v, %v; addresses %v, %v", found, err, local, lerr)
	}
	for _, a := range local {
		if a.IsLoopback() {
			return
		}
	}
	t.Errorf("no loopback address among %v", local)
}
