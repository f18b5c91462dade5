package http

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"keeptrack/cmd/testenv"
)

// newTestWorker returns a worker that accepts from a listener and is not run.
func newTestWorker(t *testing.T, o Options) (*worker, unix.Sockaddr) {
	t.Helper()
	e := &epollServer{service: &service{handler: newHandler(o, newTracker()), timeouts: standardTimeouts}}
	e.gate.limit = int64(o.MaxConnections)
	var err error
	if e.stop, err = newSignal(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.stop.close)
	if e.force, err = newSignal(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.force.close)
	if e.full, err = newEventfd(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeDescriptor(e.full) })
	w, err := newWorker(e)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.closeDescriptors)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := w.listen(l); err != nil {
		t.Fatal(err)
	}
	w.responder.now = e.handler.tracker.Instant(time.Now())
	addr := addrPort(l.Addr())
	return w, &unix.SockaddrInet4{Addr: addr.Addr().As4(), Port: int(addr.Port())}
}

// step has the worker handle what events there are.
func (w *worker) step(t *testing.T) {
	n, err := w.wait()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.handle(w.events[:n]); err != nil {
		t.Fatal(err)
	}
}

// endPause has the worker accept again after a pause.
func (w *worker) endPause(t *testing.T) {
	t.Helper()
	w.now += int64(acceptPause)
	if err := w.expire(); err != nil {
		t.Fatal(err)
	}
}

// dialBlocking connects without Go's poller.
func dialBlocking(t *testing.T, to unix.Sockaddr) (fd int) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Connect(fd, to); err != nil {
		t.Fatal(err)
	}
	return fd
}

// exchangeBlocking sends message, has the worker answer it and reads the first part of the reply.
func exchangeBlocking(t *testing.T, w *worker, fd int, message, buf []byte) {
	if _, err := unix.Write(fd, message); err != nil {
		t.Fatal(err)
	}
	w.step(t)
	if n, err := unix.Read(fd, buf); err != nil || n < 12 || string(buf[:12]) != "HTTP/1.1 200" {
		t.Fatalf("%q, %v", buf[:max(n, 0)], err)
	}
}

func TestWorkerDoesNotAllocate(t *testing.T) {
	w, addr := newTestWorker(t, Options{Log: zerolog.Nop()})
	buf, closing := make([]byte, 4096), []byte(libtorrentMessage)
	keeping := []byte("GET /announce?" + libtorrentQuery + " HTTP/1.1\r\nHost: x\r\n\r\n")
	kept := dialBlocking(t, addr)
	defer unix.Close(kept)
	oneConnection := func() {
		fd := dialBlocking(t, addr)
		exchangeBlocking(t, w, fd, closing, buf)
		unix.Close(fd)
	}
	keepAlive := func() { exchangeBlocking(t, w, kept, keeping, buf) }
	late := func() { // a request that comes after its connection
		fd := dialBlocking(t, addr)
		w.step(t)
		exchangeBlocking(t, w, fd, closing, buf)
		unix.Close(fd)
	}
	for name, request := range map[string]func(){"connection": oneConnection, "kept": keepAlive, "late": late} {
		request() // makes what is kept
		if allocs := testing.AllocsPerRun(100, request); allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

func TestQueuesAreInOrder(t *testing.T) {
	var q queue
	q.limit = time.Second
	conns := make([]conn, 6)
	for i := range conns {
		q.push(&conns[i], int64(i))
	}
	for _, i := range []int{3, 0, 5} {
		q.remove(&conns[i])
	}
	q.push(&conns[3], 10)
	for _, i := range []int{1, 2, 4, 3} {
		if q.first != &conns[i] {
			t.Fatalf("not %d is first", i)
		}
		q.remove(q.first)
	}
	if q.first != nil || q.last != nil || conns[3].deadline != 10+int64(time.Second) {
		t.Errorf("%+v", q)
	}
}

// TestTimes drives a worker through time.
func TestTimes(t *testing.T) {
	w, addr := newTestWorker(t, Options{})
	if got := w.timeout(); got != -1 {
		t.Errorf("waits %d ms without connections", got)
	}
	silent := dialBlocking(t, addr)
	defer unix.Close(silent)
	kept := dialBlocking(t, addr)
	defer unix.Close(kept)
	w.step(t)
	w.now += int64(time.Second)
	exchangeBlocking(t, w, kept, []byte("GET /announce?"+libtorrentQuery+" HTTP/1.1\r\nHost: x\r\n\r\n"), make([]byte, 4096))
	for _, step := range []struct {
		at   time.Duration
		left int
		open int
	}{
		{time.Second, 4000, 2},
		{5*time.Second - 1, 1, 2},
		{5 * time.Second, 26000, 1},
		{31*time.Second - 1500*time.Microsecond, 2, 1},
		{31 * time.Second, -1, 0},
	} {
		w.now = int64(step.at)
		if err := w.expire(); err != nil {
			t.Fatal(err)
		}
		if got := w.timeout(); got != step.left || w.opened != step.open || w.gate.open.Load() != int64(step.open) {
			t.Errorf("at %v: waits %d ms, %d connections", step.at, got, w.opened)
		}
	}
}

// TestSlowHeadGetsNoMoreTime sends the head of a request byte by byte.
func TestSlowHeadGetsNoMoreTime(t *testing.T) {
	w, addr := newTestWorker(t, Options{})
	fd := dialBlocking(t, addr)
	defer unix.Close(fd)
	w.step(t)
	for w.now = 0; w.now < int64(standardTimeouts.head); w.now += int64(time.Second) {
		if err := w.expire(); err != nil || w.opened != 1 {
			t.Fatalf("is closed early: %v", err)
		}
		if _, err := unix.Write(fd, []byte("G")); err != nil {
			t.Fatal(err)
		}
		w.step(t)
	}
	if err := w.expire(); err != nil || w.opened != 0 {
		t.Errorf("%d connections, %v", w.opened, err)
	}
}

// TestListenerAfterTheLastConnection has the listener's descriptor follow the last
// that there is room for among the connections.
func TestListenerAfterTheLastConnection(t *testing.T) {
	w, addr := newTestWorker(t, Options{})
	w.conns = make([]*conn, w.listeners[0])
	defer unix.Close(dialBlocking(t, addr))
	if w.step(t); w.opened != 1 {
		t.Errorf("%d connections", w.opened)
	}
}

// TestStopServesWhoWaits: a connection that waits with the system when the worker
// stops is taken.
func TestStopServesWhoWaits(t *testing.T) {
	w, addr := newTestWorker(t, Options{})
	fd := dialBlocking(t, addr)
	defer unix.Close(fd)
	buf := make([]byte, 4096)
	if _, err := unix.Write(fd, []byte(libtorrentMessage)); err != nil {
		t.Fatal(err)
	}
	if err := w.finish(); err != nil {
		t.Fatal(err)
	}
	if n, err := unix.Read(fd, buf); err != nil || !bytes.HasPrefix(buf[:n], []byte("HTTP/1.1 200")) {
		t.Errorf("%q, %v", buf[:max(n, 0)], err)
	}
}

// TestBrokenListener: what can never be accepted from ends the server.
func TestBrokenListener(t *testing.T) {
	w, _ := newTestWorker(t, Options{})
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for fd, want := range map[int]error{-1: unix.EBADF, fd: unix.EINVAL} {
		if err := w.accept(fd); !errors.Is(err, want) || w.gate.open.Load() != 0 {
			t.Errorf("%v with %d connections, want %v", err, w.gate.open.Load(), want)
		}
	}
}

// TestSlowReaderGetsNoMoreTime takes a part of the replies now and then.
func TestSlowReaderGetsNoMoreTime(t *testing.T) {
	w, _ := newTestWorker(t, Options{})
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[1])
	w.gate.enter()
	c := w.open(pair[0], netip.Addr{})
	w.responder.out = make([]byte, 16<<20)
	if w.send(c, nil, stepReceive) {
		t.Fatal("the replies fit into the socket")
	}
	buf := make([]byte, 128<<10)
	for w.now = 0; w.now < int64(standardTimeouts.write); w.now += int64(time.Second) {
		if err := w.expire(); err != nil || w.opened != 1 {
			t.Fatalf("is closed early: %v", err)
		}
		left := len(c.out)
		for n := 1; n > 0; n, _ = unix.Read(pair[1], buf) {
		}
		if w.step(t); len(c.out) == left {
			t.Fatal("nothing more is sent")
		}
	}
	if err := w.expire(); err != nil || w.opened != 0 {
		t.Errorf("%d connections, %v", w.opened, err)
	}
}

// TestClientIsGone: a connection on which nothing can be sent is closed.
func TestClientIsGone(t *testing.T) {
	for name, send := range map[string]func(*worker, *conn){
		"before the reply": func(w *worker, c *conn) {
			w.responder.out = []byte("reply")
			if w.send(c, nil, stepReceive) {
				t.Error("sent")
			}
		},
		"amid the reply": func(w *worker, c *conn) {
			c.out = []byte("rest")
			w.flush(c)
		},
	} {
		w, _ := newTestWorker(t, Options{})
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		closeDescriptor(pair[1])
		w.gate.enter()
		if send(w, w.open(pair[0], netip.Addr{})); w.opened != 0 || w.gate.open.Load() != 0 {
			t.Errorf("%s: %d connections", name, w.opened)
		}
	}
}

// TestNoDescriptorIsLeft counts this process's descriptors.
func TestNoDescriptorIsLeft(t *testing.T) {
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		testenv.Need(t, "count descriptors", err)
		return len(entries)
	}
	serveOnce := func() {
		s, stop, stopped := run(t, direct, Options{FullScrape: true}, standardTimeouts, filledTracker(10))
		conn, r := dial(t, s.Addrs()[0])
		ask(t, conn, "/announce?"+libtorrentQuery)
		response(t, r)
		full, fullReader := dial(t, s.Addrs()[0])
		ask(t, full, "/scrape")
		response(t, fullReader)
		stop()
		<-stopped
		conn.Close()
		full.Close()
	}
	serveOnce() // opens what Go's runtime keeps
	before := count()
	serveOnce()
	if after := count(); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}
