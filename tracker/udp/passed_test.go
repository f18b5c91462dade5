package udp

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"keeptrack/tracker/bep15"
)

// bound returns a socket bound to a loopback address as a service manager would
// pass it.
func bound(t *testing.T, address string) (*os.File, netip.AddrPort) {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(address)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	file, err := conn.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file, conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// TestPassedSocketOutlivesTheServer: what arrives after one server's end is
// answered by the next.
func TestPassedSocketOutlivesTheServer(t *testing.T) {
	overImplementations(t, func(t *testing.T, open opener) {
		file, addr := bound(t, "127.0.0.1:0")
		o := testOptions()
		o.Passed = []*os.File{file}
		var clients []client
		for range 10 {
			clients = append(clients, dial(t, addr))
		}
		for round := range uint32(3) {
			for _, c := range clients { // nobody serves now
				c.send(bep15.ConnectRequest{TransactionID: round}.Append(nil))
			}
			s, err := listen(o, newTestTracker(), open)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Addrs(); len(got) != 1 || got[0] != addr {
				t.Errorf("serves %v, want %v", got, addr)
			}
			stop := run(t, s)
			for _, c := range clients {
				reply, _ := c.receive()
				if r, err := bep15.ParseConnectReply(reply); err != nil || r.TransactionID != round {
					t.Errorf("round %d: reply %+v, %v", round, r, err)
				}
			}
			stop()
		}
	})
}

// TestStopLeavesWhatAPassedSocketHolds: a worker that is stopped before it
// looks takes nothing.
func TestStopLeavesWhatAPassedSocketHolds(t *testing.T) {
	overImplementations(t, func(t *testing.T, open opener) {
		file, addr := bound(t, "127.0.0.1:0")
		o := testOptions()
		o.Passed = []*os.File{file}
		s, err := listen(o, newTestTracker(), open)
		if err != nil {
			t.Fatal(err)
		}
		c := dial(t, addr)
		c.send(bep15.ConnectRequest{TransactionID: 7}.Append(nil))
		for _, w := range s.workers {
			w.stop()
		}
		run(t, s)()
		if n := s.Stats().IPv4.Packets; n != 0 {
			t.Errorf("%d datagrams taken", n)
		}
		next, err := listen(o, newTestTracker(), open)
		if err != nil {
			t.Fatal(err)
		}
		run(t, next)
		reply, _ := c.receive()
		if r, err := bep15.ParseConnectReply(reply); err != nil || r.TransactionID != 7 {
			t.Errorf("reply %+v, %v", r, err)
		}
	})
}

func TestPassedFileThatIsNoUDPSocket(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	o := testOptions(netip.MustParseAddrPort("127.0.0.1:0"))
	o.Passed = []*os.File{file}
	s, err := listen(o, newTestTracker(), openSockets)
	if err == nil {
		t.Fatal(errors.Join(errors.New("served"), s.Close()))
	}
	if !strings.Contains(err.Error(), "udp: passed socket") {
		t.Errorf("got %v", err)
	}
}
