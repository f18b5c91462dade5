package udp

import (
	"context"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"keeptrack/tracker/bep15"
)

// TestCrews: there are as many as processors, and where those are few, the sockets of a
// crew are of different addresses.
func TestCrews(t *testing.T) {
	for _, c := range []struct {
		processors, workers, addresses int
		want                           string // the workers of each crew, by address
	}{
		{1, 1, 1, "0"},
		{1, 1, 2, "01"},
		{1, 2, 1, "0 0"},
		{1, 2, 2, "01 01"},
		{2, 1, 2, "0 1"},
		{2, 2, 2, "01 01"},
		{3, 2, 2, "01 0 1"},
		{4, 2, 3, "02 02 1 1"},
		{8, 2, 2, "0 0 1 1"},
	} {
		func() {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(c.processors))
			o := testOptions()
			o.Workers = c.workers
			for range c.addresses {
				o.Listen = append(o.Listen, netip.MustParseAddrPort("127.0.0.1:0"))
			}
			s, err := listen(o, newTestTracker(), openSockets)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			number := map[netip.AddrPort]string{}
			for i, a := range s.Addrs() {
				number[a] = string(rune('0' + i))
			}
			var crews []string
			for _, crew := range s.crews() {
				var addresses strings.Builder
				for _, w := range crew.workers {
					addresses.WriteString(number[w.addr()])
				}
				crews = append(crews, addresses.String())
			}
			if got := strings.Join(crews, " "); got != c.want {
				t.Errorf("%d processors, %d workers, %d addresses: %s, want %s", c.processors, c.workers, c.addresses, got, c.want)
			}
		}()
	}
}

// crewOf returns a server with one crew that serves several addresses.
func crewOf(t *testing.T, o setup) *Server {
	t.Helper()
	t.Cleanup(func(n int) func() { return func() { runtime.GOMAXPROCS(n) } }(runtime.GOMAXPROCS(1)))
	o.Workers = 1
	s, err := listen(o, newTestTracker(), openSockets)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(s.crews()); n != 1 {
		t.Fatalf("%d crews", n)
	}
	return s
}

// twoAddresses are of both families.
func twoAddresses() setup {
	return testOptions(netip.MustParseAddrPort("127.0.0.1:0"), netip.MustParseAddrPort("[::1]:0"))
}

// TestACrewAnswersEverywhere: each address is answered, with naps and without, while the
// other is silent and while it is not, and each counts its own.
func TestACrewAnswersEverywhere(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Millisecond} {
		o := twoAddresses()
		o.BatchDelay = delay
		s := crewOf(t, o)
		run(t, s)
		a, b := dial(t, s.Addrs()[0]), dial(t, s.Addrs()[1])
		for range 5 {
			a.connect()
		}
		for range 7 {
			b.connect()
		}
		for range 3 {
			a.connect()
			b.connect()
		}
		if stats := s.Stats(); stats.IPv4.Connects != 8 || stats.IPv6.Connects != 10 {
			t.Errorf("delay %v: %d and %d connects, want 8 and 10", delay, stats.IPv4.Connects, stats.IPv6.Connects)
		}
	}
}

// TestAStoppedCrewAnswersWhatHasArrived, on every address, more than a batch on one.
func TestAStoppedCrewAnswersWhatHasArrived(t *testing.T) {
	s := crewOf(t, twoAddresses())
	const first, second = 2*batchSize + 1, 1
	clients := map[client]int{dial(t, s.Addrs()[0]): first, dial(t, s.Addrs()[1]): second}
	for c, n := range clients {
		for i := range n {
			c.send(bep15.ConnectRequest{TransactionID: uint32(i)}.Append(nil))
		}
	}
	for _, w := range s.workers {
		w.stop()
	}
	run(t, s)()
	for c, n := range clients {
		for i := range n {
			reply, _ := c.receive()
			if r, err := bep15.ParseConnectReply(reply); err != nil || r.TransactionID != uint32(i) {
				t.Errorf("reply %d of %d is %+v, %v", i, n, r, err)
			}
		}
	}
	if stats := s.Stats(); stats.IPv4.Packets != first || stats.IPv6.Packets != second {
		t.Errorf("counted %+v", stats)
	}
}

// TestACrewLeavesWhatAPassedSocketHolds once it is stopped, also if it waits then, and
// answers what the other socket holds.
func TestACrewLeavesWhatAPassedSocketHolds(t *testing.T) {
	file, addr := bound(t, "127.0.0.1:0")
	o := testOptions(netip.MustParseAddrPort("[::1]:0"))
	o.Passed = []*os.File{file}
	s := crewOf(t, o)
	stop := run(t, s)
	for _, a := range s.Addrs() {
		dial(t, a).connect()
	}
	stop() // it waits
	dial(t, addr).send(bep15.ConnectRequest{TransactionID: 7}.Append(nil))
	s = crewOf(t, o)
	for _, w := range s.workers {
		w.stop()
	}
	run(t, s)()
	if n := s.Stats().IPv4.Packets; n != 0 {
		t.Errorf("%d datagrams taken", n)
	}
}

// TestACrewSaysWhichSocketFails, and answers what has arrived on the other.
func TestACrewSaysWhichSocketFails(t *testing.T) {
	s := crewOf(t, twoAddresses())
	other := dial(t, s.Addrs()[0])
	const sent = 3 * batchSize
	for i := range sent {
		other.send(bep15.ConnectRequest{TransactionID: uint32(i)}.Append(nil))
	}
	second := s.workers[1].socket.(*mmsgSocket)
	if err := unix.Close(second.fd); err != nil {
		t.Fatal(err)
	}
	second.closed = true
	err := s.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "udp "+s.Addrs()[1].String()) {
		t.Errorf("the error is %v", err)
	}
	if n := s.Stats().IPv4.Connects; n != sent {
		t.Errorf("%d of %d answered", n, sent)
	}
}

// TestACrewEndsWithItsSockets: one whose sockets all fail does not wait for ever.
func TestACrewEndsWithItsSockets(t *testing.T) {
	s := crewOf(t, twoAddresses())
	for _, w := range s.workers {
		socket := w.socket.(*mmsgSocket)
		if err := unix.Close(socket.fd); err != nil {
			t.Fatal(err)
		}
		socket.closed = true
	}
	if err := s.Run(t.Context()); err == nil {
		t.Error("no error")
	}
}

// ownWork returns how many crews see to their own sockets, beside the leader's.
func (t *team) ownWork() int { return len(t.crews) - len(*t.shared.Load()) }

// TestCrewsComeAndGo: under a heavy load crews see to their own sockets, under a light one
// the leader does, and whoever does when a request comes, it is answered and counted once:
// also when the server ends with some apart and requests waiting.
func TestCrewsComeAndGo(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	o := twoAddresses()
	o.Workers, o.ReceiveBuffer = 3, 8<<20
	s, err := listen(o, newTestTracker(), openSockets)
	if err != nil {
		t.Fatal(err)
	}
	var clients []client
	for i := range 60 {
		clients = append(clients, dial(t, s.Addrs()[i%2]))
	}
	ctx, stop := context.WithCancel(t.Context())
	group, ctx := errgroup.WithContext(ctx)
	team := newTeam(ctx, group, s.crews())
	team.serve()
	sent := uint64(0)
	// exchange has each client send some requests at once, then takes the replies.
	exchange := func(each int) {
		for _, c := range clients {
			for range each {
				c.send(bep15.ConnectRequest{TransactionID: 1}.Append(nil))
				sent++
			}
		}
		for _, c := range clients {
			for range each {
				c.receive()
			}
		}
	}
	for range 2 {
		for end := time.Now().Add(exchangeTimeout); team.ownWork() == 0; exchange(20) {
			if time.Now().After(end) {
				t.Fatal("the leader still does all the work")
			}
		}
		for end := time.Now().Add(exchangeTimeout); team.ownWork() > 0; {
			if time.Now().After(end) {
				t.Fatalf("%d crews still see to their own sockets", team.ownWork())
			}
			clients[0].connect()
			clients[1].connect()
			sent += 2
		}
	}
	for team.ownWork() == 0 {
		exchange(20)
	}
	for _, c := range clients {
		c.send(bep15.ConnectRequest{TransactionID: 1}.Append(nil))
		sent++
	}
	stop()
	for _, w := range s.workers {
		w.stop()
	}
	for _, c := range clients {
		c.receive()
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	if stats := s.Stats(); stats.IPv4.Connects+stats.IPv6.Connects != sent || stats.IPv4.KernelDrops+stats.IPv6.KernelDrops != 0 {
		t.Errorf("counted %+v, sent %d", stats, sent)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
