// Package testenv says what the tests of all packages need from the machine and
// how long they may take. Only tests import it.
package testenv

import (
	"errors"
	"flag"
	"net"
	"os"
	"os/exec"
	"testing"
)

// requireVariable names the environment variable that turns what is missing from
// a reason to skip a test into a failure. CI sets it to 1.
const requireVariable = "REQUIRE_CLIENTS"

var long = flag.Bool("long", false, "run what repeats, attacks or fills at full length")

// required is read once: tests of the program clear the environment of what would be
// variables of its config.
var required = os.Getenv(requireVariable)

// Required reports whether the tests fail where something is missing.
func Required() bool { return required == "1" }

// Need ends a test that lacks something. what completes "cannot"; err says why,
// and nil means that nothing is missing. The test is skipped, or fails if
// REQUIRE_CLIENTS is 1.
func Need(t testing.TB, what string, err error) {
	t.Helper()
	switch {
	case err == nil:
	case Required():
		t.Fatalf("cannot %s, and %s is set: %v", what, requireVariable, err)
	default:
		t.Skipf("cannot %s: %v", what, err) //nolint:forbidigo // the one place that skips for what is missing
	}
}

// NeedRoot needs the test to run as root.
func NeedRoot(t testing.TB) {
	t.Helper()
	if id := os.Geteuid(); id != 0 {
		Need(t, "act as root", errors.New("the tests run as another user"))
	}
}

// NeedProgram needs a program in PATH.
func NeedProgram(t testing.TB, name string) {
	t.Helper()
	_, err := exec.LookPath(name)
	Need(t, "run "+name, err)
}

// NeedNamespaces needs network namespaces, which ip(8) makes for root.
func NeedNamespaces(t testing.TB) {
	t.Helper()
	NeedRoot(t)
	NeedProgram(t, "ip")
}

// HasIPv6 returns why the host has no IPv6 loopback address, or nil.
func HasIPv6() error {
	c, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		return err
	}
	return c.Close()
}

// NeedIPv6 needs the IPv6 loopback address.
func NeedIPv6(t testing.TB) {
	t.Helper()
	Need(t, "use IPv6", HasIPv6())
}

// Long reports whether the tests run with -long. Flags must have been parsed: it is
// called in tests and benchmarks, not to initialize a variable.
func Long() bool {
	if !flag.Parsed() {
		panic("testenv: -long is asked for before the flags are parsed")
	}
	return *long
}

// Pick returns thorough if the tests run with -long, and quick otherwise.
func Pick[T any](quick, thorough T) T {
	if Long() {
		return thorough
	}
	return quick
}
