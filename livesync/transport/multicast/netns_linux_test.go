package multicast

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"keeptrack/cmd/testenv"
)

// isolated is set in the environment of a test that runs in a network namespace
// of its own.
const isolated = "KEEPTRACK_TEST_NETNS"

// isolate runs the calling test again, alone and in a network namespace of its
// own, and reports whether the caller is that run. Threads of one process can be
// in different namespaces, so a process of its own is needed.
func isolate(t *testing.T) bool {
	t.Helper()
	if os.Getenv(isolated) != "" {
		return true
	}
	testenv.NeedNamespaces(t)
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), isolated+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
	return false
}

// sh runs a command line. $NS is a name for another namespace.
func sh(t *testing.T, format string, args ...any) {
	t.Helper()
	line := fmt.Sprintf(format, args...)
	cmd := exec.Command("sh", "-ec", line)
	cmd.Env = append(os.Environ(), fmt.Sprintf("NS=ktaway%d", os.Getpid()))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
}

// makeInterface makes the interface kt0, which has the address given.
func makeInterface(t *testing.T, address string, options ...string) {
	t.Helper()
	sh(t, "ip link add kt0 %s type veth peer name kt1; ip link set kt1 up; ip addr add %s/24 dev kt0; ip link set kt0 up",
		strings.Join(options, " "), address)
}

// storm changes another interface every few milliseconds until the test ends.
func storm(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			if err := exec.Command("sh", "-c", "ip addr add 127.7.7.7/8 dev lo; ip addr del 127.7.7.7/8 dev lo").Run(); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
}

// occupy has another program, which shares its port with nobody, hold the address
// that kt0 gets, until free is called.
func occupy(t *testing.T, address string) (free func()) {
	t.Helper()
	sh(t, "ip addr add %s/24 dev lo", address)
	c, err := net.ListenPacket("udp4", address+":9696")
	if err != nil {
		t.Fatal(err)
	}
	sh(t, "ip addr del %s/24 dev lo; ip addr flush dev kt0; ip addr add %s/24 dev kt0", address, address)
	return func() { c.Close() }
}
