package udp

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
	"keeptrack/tracker/bep15/bep15test"
)

// implementations are the sockets that every test of the server runs over.
var implementations = map[string]opener{"system": openSockets, "portable": openPortable}

const exchangeTimeout = 20 * time.Second

func overImplementations(t *testing.T, test func(*testing.T, opener)) {
	for name, open := range implementations {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

// overFamilies runs a test over each implementation and loopback address.
func overFamilies(t *testing.T, test func(*testing.T, opener, netip.AddrPort)) {
	overImplementations(t, func(t *testing.T, open opener) {
		for _, addr := range []string{"127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"} {
			t.Run(addr, func(t *testing.T) {
				a := netip.MustParseAddrPort(addr)
				if a.Addr().Is6() {
					testenv.NeedIPv6(t)
				}
				test(t, open, a)
			})
		}
	})
}

// setup is what a test's server is made of: addresses to bind, and sockets that were
// passed.
type setup struct {
	Options
	Listen []netip.AddrPort
	Passed []*os.File
}

func testOptions(listen ...netip.AddrPort) setup {
	return setup{Listen: listen, Options: Options{
		Workers: 2, BatchDelay: time.Millisecond,
		ConnectionIDLifetime: 10 * time.Minute, Secrets: [][]byte{testSecret}, Log: zerolog.Nop(),
	}}
}

// bindAll opens the sockets of a setup.
func bindAll(o setup, open opener) (*Sockets, error) {
	s := &Sockets{}
	for _, addr := range o.Listen {
		if err := s.open(o.Options, addr, nil, open); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	for _, file := range o.Passed {
		if err := s.open(o.Options, boundTo(file), file, open); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// boundTo returns the address of a UDP socket, if it is one.
func boundTo(file *os.File) netip.AddrPort {
	conn, err := net.FilePacketConn(file)
	if err != nil {
		return netip.AddrPort{}
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// listen returns the server of a setup.
func listen(o setup, t *tracker.Tracker, open opener) (*Server, error) {
	sockets, err := bindAll(o, open)
	if err != nil {
		return nil, err
	}
	s, err := New(o.Options, sockets, t)
	if err != nil {
		return nil, errors.Join(err, sockets.Close())
	}
	return s, nil
}

// run runs a server until the function returned is called, or the test ends.
func run(t *testing.T, s *Server) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		if cancel(); !stopped {
			stopped = true
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		}
	}
	t.Cleanup(stop)
	return stop
}

// startServer listens on addr and runs.
func startServer(t *testing.T, open opener, addr netip.AddrPort) *Server {
	s, err := listen(testOptions(addr), newTestTracker(), open)
	if err != nil {
		t.Fatal(err)
	}
	run(t, s)
	return s
}

// client is a socket that talks to one server.
type client struct {
	testing.TB
	*net.UDPConn
	server netip.AddrPort
}

// dial returns a client at a free port. A server on all addresses is reached
// at the loopback address.
func dial(t testing.TB, server netip.AddrPort) client {
	network, loopback := "udp4", netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if server.Addr().Is6() {
		network, loopback = "udp6", netip.IPv6Loopback()
	}
	if server.Addr().IsUnspecified() {
		server = netip.AddrPortFrom(loopback, server.Port())
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return client{t, conn, server}
}

func (c client) send(packet []byte) {
	c.Helper()
	if _, err := c.WriteToUDPAddrPort(packet, c.server); err != nil {
		c.Fatal(err)
	}
}

// receive returns the next reply and where it came from.
func (c client) receive() ([]byte, netip.AddrPort) {
	c.Helper()
	c.SetReadDeadline(time.Now().Add(exchangeTimeout))
	buf := make([]byte, 4096)
	n, sender, err := c.ReadFromUDPAddrPort(buf)
	if err != nil {
		c.Fatal(err)
	}
	return buf[:n], netip.AddrPortFrom(sender.Addr().Unmap(), sender.Port())
}

// exchange sends a packet and returns the reply, which must come from the
// address asked.
func (c client) exchange(packet []byte) []byte {
	c.Helper()
	c.send(packet)
	reply, sender := c.receive()
	if sender != c.server {
		c.Fatalf("asked %v, answered by %v", c.server, sender)
	}
	return reply
}

func (c client) connect() (connectionID uint64) {
	c.Helper()
	reply, err := bep15.ParseConnectReply(c.exchange(bep15.ConnectRequest{TransactionID: 42}.Append(nil)))
	if err != nil || reply.TransactionID != 42 {
		c.Fatalf("connect reply %+v, %v", reply, err)
	}
	return reply.ConnectionID
}

// announce connects and announces.
func (c client) announce(r bep15.AnnounceRequest) bep15.AnnounceReply {
	c.Helper()
	r.ConnectionID = c.connect()
	reply, err := bep15.ParseAnnounceReply(c.exchange(r.Append(nil)), familyOf(c.server.Addr()))
	if err != nil || reply.TransactionID != r.TransactionID {
		c.Fatalf("announce reply %+v, %v", reply, err)
	}
	return reply
}

func TestServerAnswers(t *testing.T) {
	overFamilies(t, func(t *testing.T, open opener, addr netip.AddrPort) {
		s := startServer(t, open, addr)
		seed, leech := dial(t, s.Addrs()[0]), dial(t, s.Addrs()[0])
		seed.announce(bep15.AnnounceRequest{InfoHash: bep15test.InfoHash, NumWant: -1, Port: 6881})
		got := leech.announce(bep15.AnnounceRequest{
			TransactionID: 7, InfoHash: bep15test.InfoHash, Left: 1, NumWant: -1, Port: 6882,
			Options: bep15.AppendURLData(nil, "/announce"),
		})
		want := tracker.MakePeer(seed.server.Addr(), 6881).AppendCompact(nil)
		if !bytes.Equal(got.Peers, want) || got.Seeders != 1 || got.Leechers != 1 {
			t.Errorf("announce reply %+v, want the peer %x", got, want)
		}
		scrape, err := bep15.ParseScrapeReply(leech.exchange(bep15.ScrapeRequest{ConnectionID: leech.connect(), TransactionID: 8, InfoHashes: bep15test.InfoHash[:]}.Append(nil)))
		if err != nil || scrape.Len() != 1 || scrape.Row(0) != (bep15.ScrapeRow{Seeders: 1, Leechers: 1}) {
			t.Errorf("scrape reply %+v, %v", scrape, err)
		}
		var counted Stats
		*counted.family(familyOf(addr.Addr())) = FamilyStats{Packets: 6, Connects: 3, Announces: 2, Scrapes: 1}
		if stats := s.Stats(); stats != counted {
			t.Errorf("counted %+v, want %+v", stats, counted)
		}
	})
}

// TestReplyLeavesFromAddressAsked asks a server on all addresses at another
// one than the system would choose for the reply.
func TestReplyLeavesFromAddressAsked(t *testing.T) {
	overImplementations(t, func(t *testing.T, open opener) {
		s := startServer(t, open, netip.MustParseAddrPort("0.0.0.0:0"))
		c := dial(t, s.Addrs()[0])
		for _, asked := range []string{"127.0.0.2", "127.0.0.1", "127.9.8.7"} {
			c.server = netip.AddrPortFrom(netip.MustParseAddr(asked), c.server.Port())
			c.connect()
		}
	})
}

func TestRetransmitsAreAnsweredEachTime(t *testing.T) {
	overImplementations(t, func(t *testing.T, open opener) {
		c := dial(t, startServer(t, open, netip.MustParseAddrPort("127.0.0.1:0")).Addrs()[0])
		packet := bep15.AnnounceRequest{ConnectionID: c.connect(), TransactionID: 5, InfoHash: bep15test.InfoHash, Port: 1}.Append(nil)
		const times = 5
		for range times {
			c.send(packet)
		}
		for range times {
			reply, _ := c.receive()
			if h, err := bep15.ParseReplyHeader(reply); err != nil || h != (bep15.ReplyHeader{Action: bep15.ActionAnnounce, TransactionID: 5}) {
				t.Errorf("reply %x, %v", reply, err)
			}
		}
	})
}

func TestConnectionIDOutlivesServer(t *testing.T) {
	overImplementations(t, func(t *testing.T, open opener) {
		first := dial(t, startServer(t, open, netip.MustParseAddrPort("127.0.0.1:0")).Addrs()[0])
		id := first.connect()
		second := dial(t, startServer(t, open, netip.MustParseAddrPort("127.0.0.1:0")).Addrs()[0])
		reply := second.exchange(bep15.AnnounceRequest{ConnectionID: id, Port: 1}.Append(nil))
		if _, err := bep15.ParseAnnounceReply(reply, tracker.IPv4); err != nil {
			t.Errorf("reply %x: %v", reply, err)
		}
	})
}

// TestServerSurvivesGarbage sends 100,000 random and truncated datagrams; a
// normal announce works after them.
func TestSecretsChangeWhileServing(t *testing.T) {
	overImplementations(t, func(t *testing.T, open opener) {
		s := startServer(t, open, netip.MustParseAddrPort("127.0.0.1:0"))
		c := dial(t, s.Addrs()[0])
		before := c.connect()
		for _, bad := range [][][]byte{nil, {testSecret, testSecret[1:]}, make([][]byte, maxSecrets+1)} {
			if err := s.SetSecrets(bad, time.Now()); err == nil {
				t.Errorf("took the secrets %q", bad)
			}
		}
		if err := s.SetSecrets(secretsOf("2"), time.Now()); err != nil {
			t.Fatal(err)
		}
		after := c.connect()
		if after == before {
			t.Error("ids are made from the old secret")
		}
		for _, id := range []uint64{before, after} {
			scrape := bep15.ScrapeRequest{ConnectionID: id, InfoHashes: bep15test.InfoHash[:]}
			if reply := c.exchange(scrape.Append(nil)); actionOf(reply) != bep15.ActionScrape {
				t.Errorf("id %016x is refused: %x", id, reply)
			}
		}
	})
}

func TestServerSurvivesGarbage(t *testing.T) {
	overImplementations(t, func(t *testing.T, open opener) {
		s := startServer(t, open, netip.MustParseAddrPort("127.0.0.1:0"))
		c, garbage := dial(t, s.Addrs()[0]), dial(t, s.Addrs()[0])
		id := c.connect()
		var good [][]byte
		for _, p := range bep15test.Goldens(t) {
			good = append(good, p)
		}
		good = append(good, bep15.AnnounceRequest{ConnectionID: id, Port: 1}.Append(nil), make([]byte, 3000))
		r := rand.New(rand.NewPCG(5, 6))
		for range 100_000 {
			packet := bytes.Clone(good[r.IntN(len(good))])
			packet = packet[:r.IntN(len(packet)+1)]
			if len(packet) > 0 && r.IntN(2) == 0 {
				packet[r.IntN(len(packet))] = byte(r.Uint32())
			}
			garbage.send(packet)
		}
		garbage.insist(bep15.AnnounceRequest{ConnectionID: id, TransactionID: 0xfeedface, Port: 2})
		if c.announce(bep15.AnnounceRequest{InfoHash: bep15test.InfoHash, Left: 1, Port: 1, NumWant: -1}).Leechers != 1 {
			t.Error("the announce after the garbage has no effect")
		}
		if stats := s.Stats().IPv4; stats.Dropped[DropShort] == 0 || stats.Dropped[DropAction] == 0 {
			t.Errorf("counted %+v", stats)
		}
	})
}

// insist announces until the reply is found among others. The request is
// repeated, since the server's receive buffer may be full. When it is answered
// everything that was sent before has been looked at.
func (c client) insist(r bep15.AnnounceRequest) {
	c.Helper()
	buf := make([]byte, 4096)
	for end := time.Now().Add(exchangeTimeout); time.Now().Before(end); {
		c.send(r.Append(nil))
		c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		for {
			n, err := c.Read(buf)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				c.Fatal(err)
			}
			if h, err := bep15.ParseReplyHeader(buf[:n]); err == nil && h.TransactionID == r.TransactionID {
				return
			}
		}
	}
	c.Fatal("no answer")
}

func TestListenAddressInUse(t *testing.T) {
	overFamilies(t, func(t *testing.T, open opener, addr netip.AddrPort) {
		s := startServer(t, open, addr)
		taken := s.Addrs()[0]
		_, err := listen(testOptions(netip.MustParseAddrPort("127.0.0.1:0"), taken), newTestTracker(), open)
		if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), taken.String()) {
			t.Errorf("error %v, want address in use and %v", err, taken)
		}
	})
}

func TestAddressIsFreeAfterwards(t *testing.T) {
	overImplementations(t, func(t *testing.T, open opener) {
		s, err := listen(testOptions(netip.MustParseAddrPort("127.0.0.1:0")), newTestTracker(), open)
		if err != nil {
			t.Fatal(err)
		}
		addr := s.Addrs()[0]
		run(t, s)()
		s.Stats() // must not touch what is closed
		again, err := listen(testOptions(addr), newTestTracker(), open)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := again.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		for _, w := range again.workers {
			w.stop() // harmless
		}
	})
}

func TestAddrs(t *testing.T) {
	overImplementations(t, func(t *testing.T, open opener) {
		s, err := listen(testOptions(
			netip.MustParseAddrPort("127.0.0.1:0"), netip.MustParseAddrPort("127.0.0.2:0"), netip.MustParseAddrPort("[::ffff:127.0.0.3]:0"),
		), newTestTracker(), open)
		if err != nil {
			t.Fatal(err)
		}
		run(t, s)
		addrs := s.Addrs()
		if len(addrs) != 3 || addrs[2].Addr().String() != "127.0.0.3" {
			t.Fatalf("addresses %v", addrs)
		}
		for _, addr := range addrs {
			dial(t, addr).connect()
		}
	})
}

func TestWorkersDefaultToProcessors(t *testing.T) {
	want := runtime.GOMAXPROCS(0)
	overImplementations(t, func(t *testing.T, open opener) {
		o := testOptions(netip.MustParseAddrPort("127.0.0.1:0"))
		o.Workers = 0
		s, err := listen(o, newTestTracker(), open)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if got := len(s.workers); got != want || runtime.GOMAXPROCS(0) != want {
			t.Errorf("%d workers on %d processors, which were %d", got, runtime.GOMAXPROCS(0), want)
		}
	})
}

// TestNothingToWarnOf: without a receive buffer to ask for, listening logs nothing.
func TestNothingToWarnOf(t *testing.T) {
	overFamilies(t, func(t *testing.T, open opener, addr netip.AddrPort) {
		var log bytes.Buffer
		o := testOptions(addr)
		o.Log = zerolog.New(&log)
		s, err := listen(o, newTestTracker(), open)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if log.Len() > 0 {
			t.Errorf("logged %s", log.Bytes())
		}
	})
}

func TestNothingToListenOn(t *testing.T) {
	s, err := listen(testOptions(), newTestTracker(), openSockets)
	if err != nil || len(s.Addrs()) != 0 {
		t.Fatalf("%v, %v", s, err)
	}
	run(t, s)()
}

func TestListenRefusesOptions(t *testing.T) {
	for name, change := range map[string]func(*setup){
		"short secret":           func(o *setup) { o.Secrets = [][]byte{testSecret, testSecret[:15]} },
		"no lifetime":            func(o *setup) { o.ConnectionIDLifetime = 0 },
		"negative workers":       func(o *setup) { o.Workers = -1 },
		"negative buffer":        func(o *setup) { o.ReceiveBuffer = -1 },
		"negative batch delay":   func(o *setup) { o.BatchDelay = -1 },
		"address of nobody":      func(o *setup) { o.Listen = []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:0")} },
		"zone without interface": func(o *setup) { o.Listen = []netip.AddrPort{netip.MustParseAddrPort("[fe80::1%none]:0")} },
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions(netip.MustParseAddrPort("127.0.0.1:0"))
			change(&o)
			if s, err := listen(o, newTestTracker(), openSockets); err == nil {
				s.Close()
				t.Error("no error")
			}
		})
	}
}

// brokenSocket fails at once.
type brokenSocket struct{ socket }

var errBroken = errors.New("broken")

func (brokenSocket) serve(*handler) error { return errBroken }

// stuckSocket fails to close.
type stuckSocket struct {
	*portableSocket
	err error
}

func (s stuckSocket) close() error { return s.err }

// TestAllAreClosed: an error in closing one socket is reported, the first if there are
// several, and the others are closed nevertheless.
func TestAllAreClosed(t *testing.T) {
	sockets, err := openPortable(socketOptions{addr: netip.MustParseAddrPort("127.0.0.1:0"), workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	last := sockets[0].(*portableSocket)
	err = closeAll([]socket{stuckSocket{last, nil}, stuckSocket{last, errBroken}, stuckSocket{last, os.ErrInvalid}, last})
	if !errors.Is(err, errBroken) || !strings.Contains(err.Error(), last.addr().String()) {
		t.Errorf("closed with %v", err)
	}
	if err := last.conn.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the last is closed again with %v", err)
	}
}

func TestOneBrokenSocketEndsRun(t *testing.T) {
	overImplementations(t, func(t *testing.T, open opener) {
		s, err := listen(testOptions(netip.MustParseAddrPort("127.0.0.1:0")), newTestTracker(), open)
		if err != nil {
			t.Fatal(err)
		}
		s.workers[1].socket = brokenSocket{s.workers[1].socket}
		err = s.Run(t.Context())
		if !errors.Is(err, errBroken) || !strings.Contains(err.Error(), s.Addrs()[0].String()) {
			t.Errorf("Run returned %v", err)
		}
	})
}
