package http

import (
	"io"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
)

// isClosed tells whether the server has closed a connection.
func isClosed(t *testing.T, fd int) bool {
	t.Helper()
	n, _, err := unix.Recvfrom(fd, make([]byte, 1), unix.MSG_DONTWAIT)
	if n > 0 || err != nil && err != unix.EAGAIN && err != unix.ECONNRESET {
		t.Fatalf("%d bytes, %v", n, err)
	}
	return err != unix.EAGAIN
}

// checkRoom checks what a worker counts.
func checkRoom(t *testing.T, w *worker, open int, evicted, paused uint64) {
	t.Helper()
	g := &w.gate
	if w.opened != open || g.evicted.Load() != evicted || g.paused.Load() != paused {
		t.Fatalf("%d connections, %d evicted, paused %d times instead of %d, %d, %d",
			w.opened, g.evicted.Load(), g.paused.Load(), open, evicted, paused)
	}
}

const keptMessage = "GET /announce?" + libtorrentQuery + " HTTP/1.1\r\nHost: x\r\n\r\n"

// TestOrderOfEviction fills a worker with connections of each kind.
func TestOrderOfEviction(t *testing.T) {
	w, addr := newTestWorker(t, Options{MaxConnections: 5})
	next := func() (fd int) {
		fd = dialBlocking(t, addr)
		t.Cleanup(func() { unix.Close(fd) })
		w.now++
		w.step(t)
		return fd
	}
	buf := make([]byte, 4096)
	keep := func(fd int) {
		w.now++
		exchangeBlocking(t, w, fd, []byte(keptMessage), buf)
	}
	silent, first, second := next(), next(), next()
	lingering, unread := next(), next()
	leaveUnread(t, w, unread)
	keep(second)
	keep(first)
	unix.Write(lingering, []byte("\x16\x03\x01"))
	w.step(t)
	unix.Read(lingering, buf)
	checkRoom(t, w, 5, 0, 0)
	if w.queues[phaseLinger].first == nil {
		t.Fatal("the one that lingers is closed before its turn")
	}
	fresh := next()
	if w.queues[phaseLinger].first != nil {
		t.Fatal("the one that lingers is open after its turn")
	}
	evicted := func(fd int) bool {
		if fd == unread { // its end would come after the replies
			return w.queues[phaseWrite].first == nil
		}
		return isClosed(t, fd)
	}
	var newcomers []int
	for i, fd := range []int{second, first, unread, silent, fresh} {
		if evicted(fd) {
			t.Fatalf("%d is closed before its turn", i)
		}
		newcomers = append(newcomers, next())
		if !evicted(fd) {
			t.Fatalf("%d is open after its turn", i)
		}
	}
	for i, fd := range newcomers {
		if isClosed(t, fd) {
			t.Errorf("newcomer %d is closed", i)
		}
	}
	checkRoom(t, w, 5, 6, 0)
}

// leaveUnread has an open connection ask for more than is taken of the replies.
func leaveUnread(t *testing.T, w *worker, fd int) {
	t.Helper()
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4096); err != nil {
		t.Fatal(err)
	}
	message := []byte("GET /scrape?" + scrapeQuery(74) + " HTTP/1.1\r\nHost: x\r\n\r\n")
	for sent := 0; w.queues[phaseWrite].first == nil; sent++ {
		if _, err := unix.SendmsgN(fd, message, nil, nil, unix.MSG_DONTWAIT); err != nil || sent == 10_000 {
			t.Fatalf("the replies fit into the sockets: %d, %v", sent, err)
		}
		w.step(t)
	}
}

// TestUnreadRepliesMakeRoom has the only connection not take its replies.
func TestUnreadRepliesMakeRoom(t *testing.T) {
	w, addr := newTestWorker(t, Options{MaxConnections: 1})
	unread := dialBlocking(t, addr)
	defer unix.Close(unread)
	w.step(t)
	leaveUnread(t, w, unread)
	checkRoom(t, w, 1, 0, 0)
	newcomer := dialBlocking(t, addr)
	defer unix.Close(newcomer)
	w.step(t)
	checkRoom(t, w, 1, 1, 0)
	exchangeBlocking(t, w, newcomer, []byte(keptMessage), make([]byte, 4096))
}

// TestUnreadIsBounded has too many connections not take their replies, with an
// idle one in between that is not to be closed.
func TestUnreadIsBounded(t *testing.T) {
	w, _ := newTestWorker(t, Options{})
	open := func(p phase) (client int) {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		testenv.Need(t, "open as many descriptors", err)
		t.Cleanup(func() { unix.Close(pair[1]) })
		w.gate.enter()
		w.enter(w.open(pair[0], netip.Addr{}), p)
		return pair[1]
	}
	first, second := open(phaseWrite), open(phaseWrite)
	idle := open(phaseIdle)
	third := open(phaseWrite)
	for range maxUnread - 1 {
		open(phaseWrite)
	}
	if err := w.expire(); err != nil {
		t.Fatal(err)
	}
	checkRoom(t, w, maxUnread+1, 0, 0)
	if got := w.gate.unread.Load(); got != 2 {
		t.Errorf("%d counted as unread", got)
	}
	if !isClosed(t, first) || !isClosed(t, second) || isClosed(t, third) || isClosed(t, idle) {
		t.Error("others were closed")
	}
	if open := w.gate.open.Load(); open != maxUnread+1 {
		t.Errorf("%d connections are counted", open)
	}
}

// TestEvictionWithEvents evicts a connection about which there is an event
// among those taken with the listener's.
func TestEvictionWithEvents(t *testing.T) {
	w, addr := newTestWorker(t, Options{MaxConnections: 1})
	kept := dialBlocking(t, addr)
	defer unix.Close(kept)
	w.step(t)
	other := dialBlocking(t, addr)
	defer unix.Close(other)
	unix.Write(kept, []byte(keptMessage))
	buf := make([]byte, 4096)
	w.step(t)
	if n, err := unix.Read(kept, buf); err != nil || n < 12 || string(buf[:12]) != "HTTP/1.1 200" {
		t.Fatalf("%q, %v", buf[:max(n, 0)], err)
	}
	if !isClosed(t, kept) {
		t.Error("is not closed")
	}
	exchangeBlocking(t, w, other, []byte(keptMessage), buf)
	checkRoom(t, w, 1, 1, 0)
}

// TestPauseWithoutRoom has another worker reach the connection limit.
func TestPauseWithoutRoom(t *testing.T) {
	w, addr := newTestWorker(t, Options{MaxConnections: 1})
	w.gate.enter()
	newcomer := dialBlocking(t, addr)
	defer unix.Close(newcomer)
	w.step(t)
	checkRoom(t, w, 0, 0, 1)
	if w.accepting || w.timeout() != int(acceptPause/time.Millisecond) {
		t.Fatalf("accepting %v, waits %d ms", w.accepting, w.timeout())
	}
	w.step(t) // its own call for room
	checkRoom(t, w, 0, 0, 1)
	w.gate.leave()
	w.endPause(t)
	w.step(t)
	exchangeBlocking(t, w, newcomer, []byte(keptMessage), make([]byte, 4096))
	checkRoom(t, w, 1, 0, 1)
}

// TestRoomEndsThePause closes a connection while nothing is accepted.
func TestRoomEndsThePause(t *testing.T) {
	w, addr := newTestWorker(t, Options{})
	defer unix.Close(dialBlocking(t, addr))
	w.step(t)
	w.pauseAccepting()
	w.now++
	w.close(w.queues[phaseHead].first)
	if got := w.timeout(); got != 0 {
		t.Errorf("waits %d ms although there is room", got)
	}
	if err := w.expire(); err != nil {
		t.Fatal(err)
	}
	if !w.accepting {
		t.Error("accepts nothing")
	}
}

// TestAnotherWorkerEvicts has the connection that can be evicted with a
// worker that the system does not tell of the next one.
func TestAnotherWorkerEvicts(t *testing.T) {
	w, addr := newTestWorker(t, Options{MaxConnections: 1})
	other, err := newWorker(w.epollServer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.closeDescriptors)
	listener, err := unix.Dup(w.listeners[0])
	if err != nil {
		t.Fatal(err)
	}
	other.listeners = []int{listener}
	silent := dialBlocking(t, addr)
	defer unix.Close(silent)
	w.step(t)
	w.ignoreListeners()
	if err := other.watchListeners(); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dialBlocking(t, addr))
	other.step(t)
	checkRoom(t, other, 0, 0, 1)
	w.step(t)
	checkRoom(t, w, 1, 1, 1)
	if !isClosed(t, silent) {
		t.Error("the silent connection is open")
	}
}

// TestSilentConnectionsKeepNobodyOut has many times as many connections as may
// be.
func TestSilentConnectionsKeepNobodyOut(t *testing.T) {
	for name, message := range map[string]string{"silent": "", "in part": "GET /", "idle": keptMessage} {
		t.Run(name, func(t *testing.T) {
			const bound, rounds = 10, 8
			long := timeouts{head: time.Hour, idle: time.Hour, write: time.Hour, linger: time.Hour}
			s, _, _ := run(t, direct, Options{MaxConnections: bound}, long, newTracker())
			for range rounds {
				for range bound {
					conn, _ := dial(t, s.Addrs()[0])
					io.WriteString(conn, message)
				}
				for conn, r := dial(t, s.Addrs()[0]); ; conn, r = dial(t, s.Addrs()[0]) {
					io.WriteString(conn, libtorrentMessage)
					if reply, err := io.ReadAll(r); err == nil && len(reply) > 0 {
						break // or it was evicted before its request came
					}
				}
			}
			got := s.Stats()
			if got.Evicted < (rounds-1)*bound/2 || got.Connections > bound {
				t.Errorf("%d evicted, %d connections", got.Evicted, got.Connections)
			}
			if n := got.Requests[ActionAnnounce][tracker.IPv4].OK; n < rounds {
				t.Errorf("%d announces", n)
			}
		})
	}
}

// TestEvictionGivesThePlaceBack has connections from two addresses, one each,
// take each other's place.
func TestEvictionGivesThePlaceBack(t *testing.T) {
	long := timeouts{head: time.Hour, idle: time.Hour, write: time.Hour, linger: time.Hour}
	s, _, _ := run(t, direct, Options{MaxConnections: 1, MaxConnectionsPerAddress: 1}, long, newTracker())
	for range 4 {
		for _, source := range []string{"127.0.0.1", "127.0.0.2"} {
			if !served(t, dialFrom(t, source, s.Addrs()[0])) {
				t.Fatalf("%s is refused", source)
			}
		}
	}
	if got := s.Stats(); got.Refused != 0 || got.Evicted != 7 {
		t.Errorf("%d refused, %d evicted", got.Refused, got.Evicted)
	}
}
