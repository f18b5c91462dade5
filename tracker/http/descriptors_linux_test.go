package http

import (
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// ownProcess is the environment variable that tells a test that no other one
// opens descriptors in its process.
const ownProcess = "KEEPTRACK_TEST_OWN_PROCESS"

// inOwnProcess runs the test again in a process of its own. It returns true
// there, where the test is to go on.
func inOwnProcess(t *testing.T) bool {
	t.Helper()
	if os.Getenv(ownProcess) != "" {
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), ownProcess+"=1", "GORACE=atexit_sleep_ms=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// limitDescriptors allows only descriptors below n, until the test's end.
func limitDescriptors(t *testing.T, n int) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(n), Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	})
}

// nextDescriptor returns the one that is opened next: all below are in use.
func nextDescriptor(t *testing.T) int {
	t.Helper()
	fd, err := unix.Dup(0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	return fd
}

// TestOutOfDescriptors reaches the process's limit: whoever is missed least
// makes room for one that connects.
func TestOutOfDescriptors(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	w, addr := newTestWorker(t, Options{})
	connect := func() (fd int) {
		fd = dialBlocking(t, addr)
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	buf := make([]byte, 4096)
	silent := connect()
	w.step(t)
	idle, inUse := connect(), connect()
	w.step(t)
	exchangeBlocking(t, w, idle, []byte(keptMessage), buf)
	newcomer := connect()
	limitDescriptors(t, nextDescriptor(t))
	w.step(t)
	checkRoom(t, w, 3, 1, 0)
	if !isClosed(t, idle) || isClosed(t, silent) || isClosed(t, inUse) {
		t.Error("others were evicted")
	}
	exchangeBlocking(t, w, newcomer, []byte(keptMessage), buf)
	if open := w.gate.open.Load(); open != 3 {
		t.Errorf("%d connections are counted", open)
	}
}

// TestLastDescriptor has room for one connection: the newcomer takes it, and is
// not closed in turn for nobody.
func TestLastDescriptor(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	w, addr := newTestWorker(t, Options{})
	idle := dialBlocking(t, addr)
	defer unix.Close(idle)
	buf := make([]byte, 4096)
	w.step(t)
	exchangeBlocking(t, w, idle, []byte(keptMessage), buf)
	newcomer := dialBlocking(t, addr)
	defer unix.Close(newcomer)
	limitDescriptors(t, nextDescriptor(t))
	w.step(t)
	checkRoom(t, w, 1, 1, 0)
	exchangeBlocking(t, w, newcomer, []byte(keptMessage), buf)
}

// TestOutOfDescriptorsForGood has room made that does not help: not everybody is
// closed for one that connects, however often it is tried again, but one more
// after a while, and the workers do not keep asking each other. Once it helps,
// room is made as before.
func TestOutOfDescriptorsForGood(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	w, addr := newTestWorker(t, Options{})
	for range 3 {
		defer unix.Close(dialBlocking(t, addr))
	}
	w.step(t)
	defer unix.Close(dialBlocking(t, addr))
	resume := func() {
		t.Helper()
		if w.accepting {
			t.Fatal("goes on accepting")
		}
		w.endPause(t)
	}
	t.Run("no help", func(t *testing.T) {
		limitDescriptors(t, 3)
		for pauses := range uint64(5) {
			w.step(t)
			checkRoom(t, w, 2, 1, pauses+1)
			resume()
		}
		w.now = w.freedAt + int64(freeAgain)
		w.step(t)
		checkRoom(t, w, 1, 2, 6)
		resume()
	})
	w.step(t)
	checkRoom(t, w, 2, 2, 6)
	defer unix.Close(dialBlocking(t, addr))
	limitDescriptors(t, nextDescriptor(t))
	w.step(t)
	checkRoom(t, w, 2, 3, 6)
}

// TestOutOfDescriptorsWithoutRoom has nothing to close: accepting pauses, the
// other workers are asked, and the connection is served later.
func TestOutOfDescriptorsWithoutRoom(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	w, addr := newTestWorker(t, Options{})
	newcomer := dialBlocking(t, addr)
	defer unix.Close(newcomer)
	t.Run("pause", func(t *testing.T) {
		limitDescriptors(t, nextDescriptor(t))
		w.step(t)
		checkRoom(t, w, 0, 0, 1)
		n, err := unix.EpollWait(w.poll, w.events[:], 0)
		if w.accepting || err != nil || n != 1 || int(w.events[0].Fd) != w.full {
			t.Errorf("accepting %v, %d events, %v: nobody is asked for room", w.accepting, n, err)
		}
	})
	w.endPause(t)
	w.step(t)
	exchangeBlocking(t, w, newcomer, []byte(keptMessage), make([]byte, 4096))
	checkRoom(t, w, 1, 0, 1)
}
