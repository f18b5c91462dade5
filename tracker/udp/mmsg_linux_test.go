package udp

import (
	"bytes"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
)

// openOne opens a socket that no worker serves.
func openOne(t testing.TB, addr string, o socketOptions) *mmsgSocket {
	o.addr, o.workers = netip.MustParseAddrPort(addr), 1
	sockets, err := openMmsg(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll(sockets) })
	return sockets[0].(*mmsgSocket)
}

// TestStopAnswersWhatHasArrived stops a worker before it first looks at its
// socket, with more waiting there than one batch takes.
func TestStopAnswersWhatHasArrived(t *testing.T) {
	for _, n := range []int{0, 1, batchSize, 2*batchSize + 1} {
		s := openOne(t, "127.0.0.1:0", socketOptions{})
		c := dial(t, s.addr())
		for i := range n {
			c.send(bep15.ConnectRequest{TransactionID: uint32(i)}.Append(nil))
		}
		s.stop()
		h := newTestHandler(newTestTracker())
		if err := s.serve(h); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			reply, _ := c.receive()
			if r, err := bep15.ParseConnectReply(reply); err != nil || r.TransactionID != uint32(i) {
				t.Errorf("reply %d of %d is %+v, %v", i, n, r, err)
			}
		}
		if got := counted(h).Packets; got != uint64(n) {
			t.Errorf("%d datagrams counted, want %d", got, n)
		}
	}
}

func TestStopWakesWaitingWorker(t *testing.T) {
	s := openOne(t, "127.0.0.1:0", socketOptions{})
	h := newTestHandler(newTestTracker())
	done := make(chan error, 1)
	go func() { done <- s.serve(h) }()
	dial(t, s.addr()).connect() // the worker is in its loop
	s.stop()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(exchangeTimeout):
		t.Fatal("the worker still waits")
	}
}

// TestRefusedReplyDoesNotHoldUpOthers sends three replies, of which the middle
// one goes to the broadcast address, which the system does not allow.
func TestRefusedReplyDoesNotHoldUpOthers(t *testing.T) {
	s := openOne(t, "127.0.0.1:0", socketOptions{})
	c := dial(t, s.addr())
	for i := range 3 {
		c.send(bep15.ConnectRequest{TransactionID: uint32(i)}.Append(nil))
	}
	if n, err := s.ring.receive(s.fd, nil); n != 3 || err != nil {
		t.Fatalf("%d received, %v", n, err)
	}
	copy(s.ring.names[1][4:8], "\xff\xff\xff\xff")
	h := newTestHandler(newTestTracker())
	s.answer(h, testTime, 3)
	for _, want := range []uint32{0, 2} {
		reply, _ := c.receive()
		if r, err := bep15.ParseConnectReply(reply); err != nil || r.TransactionID != want {
			t.Errorf("reply %+v, %v; want the one to request %d", r, err, want)
		}
	}
	if got := counted(h).Unsent; got != 1 {
		t.Errorf("%d replies counted as not sent, want 1", got)
	}
}

// TestKernelDrops sends more than the receive buffer holds to a server that
// does not run yet.
func TestKernelDrops(t *testing.T) {
	o := testOptions(netip.MustParseAddrPort("127.0.0.1:0"))
	o.ReceiveBuffer = 4096
	s, err := listen(o, newTestTracker(), openSockets)
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, s.Addrs()[0])
	const sent = 1000
	for range sent {
		c.send(bep15.ConnectRequest{TransactionID: 1}.Append(nil))
	}
	before := s.Stats().IPv4
	if before.KernelDrops == 0 || before.KernelDrops >= sent {
		t.Errorf("%d dropped of %d", before.KernelDrops, sent)
	}
	run(t, s)()
	after := s.Stats().IPv4
	if after.KernelDrops != before.KernelDrops || after.Packets+after.KernelDrops != sent {
		t.Errorf("%d dropped, %d before; %d received of %d", after.KernelDrops, before.KernelDrops, after.Packets, sent)
	}
}

// TestDropsOfAPassedSocketCountOnce: its workers share it, and what it dropped
// before is not theirs.
func TestDropsOfAPassedSocketCountOnce(t *testing.T) {
	file, addr := bound(t, "127.0.0.1:0")
	o := testOptions()
	o.Passed, o.ReceiveBuffer = []*os.File{file}, 4096
	c := dial(t, addr)
	const sent = 1000
	for round := range 2 {
		s, err := listen(o, newTestTracker(), openSockets)
		if err != nil {
			t.Fatal(err)
		}
		if round > 0 {
			if got := s.Stats().IPv4.KernelDrops; got != 0 {
				t.Errorf("%d dropped at the start", got)
			}
		}
		for range sent {
			c.send(bep15.ConnectRequest{TransactionID: 1}.Append(nil))
		}
		if got := s.Stats().IPv4.KernelDrops; got == 0 || got > sent {
			t.Errorf("%d dropped of %d", got, sent)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// isShutDown reports whether reading from a socket was shut down.
func isShutDown(t *testing.T, fd int) bool {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	if _, err := unix.Poll(fds, 0); err != nil {
		t.Fatal(err)
	}
	return fds[0].Revents&unix.POLLRDHUP != 0
}

// TestPassedSocketStaysUsable: its workers block, or they would never rest, and
// stopping them does not shut it down for the next.
func TestPassedSocketStaysUsable(t *testing.T) {
	file, _ := bound(t, "127.0.0.1:0")
	fd := int(file.Fd())
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	o := testOptions()
	o.Passed = []*os.File{file}
	s, err := listen(o, newTestTracker(), openSockets)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.workers) != o.Workers {
		t.Errorf("%d workers, want %d", len(s.workers), o.Workers)
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); flags&unix.O_NONBLOCK != 0 || err != nil {
		t.Errorf("flags %#x, %v", flags, err)
	}
	run(t, s)()
	if isShutDown(t, fd) {
		t.Error("the socket is shut down")
	}
}

// TestPassedSocketIsServedOn: a worker that has waited in vain goes on. Without
// blocking, every wait ends at once.
func TestPassedSocketIsServedOn(t *testing.T) {
	file, addr := bound(t, "127.0.0.1:0")
	o := testOptions()
	o.Workers, o.BatchDelay, o.Passed = 1, 0, []*os.File{file}
	s, err := listen(o, newTestTracker(), openSockets)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(int(file.Fd()), true); err != nil {
		t.Fatal(err)
	}
	run(t, s)
	c := dial(t, addr)
	for range 10 {
		c.connect()
	}
}

// TestStopAfterCloseTouchesNothing: another file may have the descriptor's number
// by then.
func TestStopAfterCloseTouchesNothing(t *testing.T) {
	other := openOne(t, "127.0.0.1:0", socketOptions{})
	s := &mmsgSocket{fd: other.fd, closed: true}
	s.stop()
	if isShutDown(t, other.fd) {
		t.Error("a stranger's socket is shut down")
	}
	other.stop()
	if !isShutDown(t, other.fd) {
		t.Error("its own stop does not shut it down")
	}
}

// TestRequestsGatherForTheBatchDelay holds that a worker that has caught up
// waits before it looks again. A signal may cut a few of the waits short.
func TestRequestsGatherForTheBatchDelay(t *testing.T) {
	o := testOptions(netip.MustParseAddrPort("127.0.0.1:0"))
	o.Workers, o.BatchDelay = 1, 10*time.Millisecond
	s, err := listen(o, newTestTracker(), openSockets)
	if err != nil {
		t.Fatal(err)
	}
	run(t, s)
	c := dial(t, s.Addrs()[0])
	began := time.Now()
	for range 5 {
		c.connect()
	}
	if took := time.Since(began); took < o.BatchDelay {
		t.Errorf("five exchanges, one after the other, took %v", took)
	}
}

func TestReplyLeavesByAnyInterface(t *testing.T) {
	info4 := []byte{1: 7, 4: 127, 7: 1, 8: 127, 11: 1}
	info6 := func(addr string) []byte {
		a := netip.MustParseAddr(addr).As16()
		return append(a[:], 0, 7, 0, 0)
	}
	for _, tt := range []struct {
		name       string
		family     int
		info, want []byte
	}{
		{"IPv4", unix.AF_INET, info4, append(make([]byte, 4), info4[4:]...)},
		{"IPv6", unix.AF_INET6, info6("2001:db8::1"), append(info6("2001:db8::1")[:16], 0, 0, 0, 0)},
		{"IPv6 link-local", unix.AF_INET6, info6("febf::1"), info6("febf::1")},
		{"IPv6 beside link-local", unix.AF_INET6, info6("fec0::1"), append(info6("fec0::1")[:16], 0, 0, 0, 0)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRing(tt.family, true)
			header := bytes.Repeat([]byte{0xaa}, unix.CmsgLen(0))
			copy(r.controls[0][:], append(header, tt.info...))
			r.anyInterface(&r.controls[0])
			if got := r.controls[0][:len(header)]; !bytes.Equal(got, header) {
				t.Errorf("header became %x", got)
			}
			if got := r.controls[0][len(header):][:len(tt.want)]; !bytes.Equal(got, tt.want) {
				t.Errorf("packet info %x, want %x", got, tt.want)
			}
		})
	}
}

// TestBatchIsAnsweredInOrder holds that the announces of one batch see each
// other in the order in which they came.
func TestBatchIsAnsweredInOrder(t *testing.T) {
	s := openOne(t, "127.0.0.1:0", socketOptions{})
	c := dial(t, s.addr())
	h := newTestHandler(newTestTracker())
	here := source{mapped("127.0.0.1"), 1}
	for i := range batchSize {
		c.send(announceFrom(h, here, uint16(1000+i)).Append(nil))
	}
	n, err := s.ring.receive(s.fd, nil)
	if n != batchSize || err != nil {
		t.Fatalf("%d received, %v", n, err)
	}
	s.answer(h, testTime, n)
	for i := range batchSize {
		packet, _ := c.receive()
		r, err := bep15.ParseAnnounceReply(packet, tracker.IPv4)
		if err != nil || r.Leechers != uint32(i+1) || len(r.Peers) != min(i, 50)*tracker.CompactSize4 {
			t.Errorf("reply %d: %d leechers and %d bytes of peers, %v", i, r.Leechers, len(r.Peers), err)
		}
	}
}

func TestBatchDoesNotAllocate(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "0.0.0.0:0"} {
		s := openOne(t, addr, socketOptions{})
		c := dial(t, s.addr())
		h := newTestHandler(newTestTracker())
		packet := announceFrom(h, source{mapped("127.0.0.1"), 1}, 6881).Append(nil)
		reply := make([]byte, bep15.MaxReplySize)
		allocs := testing.AllocsPerRun(100, func() {
			c.send(packet)
			c.send(packet)
			n, err := s.ring.receive(s.fd, nil)
			if n != 2 || err != nil {
				t.Fatalf("%d received, %v", n, err)
			}
			s.answer(h, testTime, n)
			for range n {
				if n, _, err := c.ReadFromUDPAddrPort(reply); n != bep15.AnnounceReplySize || err != nil {
					t.Fatalf("reply of %d bytes, %v", n, err)
				}
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations a batch", addr, allocs)
		}
	}
}

// TestWorkersShareAddress has enough clients that each worker gets some.
func TestWorkersShareAddress(t *testing.T) {
	o := testOptions(netip.MustParseAddrPort("127.0.0.1:0"))
	o.Workers = 3
	s, err := listen(o, newTestTracker(), openSockets)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.workers) != o.Workers {
		t.Errorf("%d workers, want %d", len(s.workers), o.Workers)
	}
	run(t, s)
	const clients = 100
	for range clients {
		dial(t, s.Addrs()[0]).connect()
	}
	var sum uint64
	for i, w := range s.workers {
		n := counted(w.handler).Connects
		if sum += n; n == 0 {
			t.Errorf("worker %d has answered nobody", i)
		}
	}
	if sum != clients || s.Stats().IPv4.Connects != clients {
		t.Errorf("%d connects, %+v; want %d", sum, s.Stats(), clients)
	}
}

func TestOutOfMemoryPasses(t *testing.T) {
	for err, want := range map[error]bool{
		unix.ENOMEM: true, unix.ENOBUFS: true, unix.EBADF: false, unix.ENOTSOCK: false, nil: false,
	} {
		if got := outOfMemory(err); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}
