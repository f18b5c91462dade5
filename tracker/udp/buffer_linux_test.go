package udp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"keeptrack/cmd/testenv"
)

// withoutPrivilege runs fn on a thread that may not go past the system's limits
// for sockets. The thread ends with it.
func withoutPrivilege(t *testing.T, fn func()) {
	t.Helper()
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: nobody else is to have the thread
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var caps [2]unix.CapUserData
		err := unix.Capget(&header, &caps[0])
		caps[0].Effective &^= 1 << unix.CAP_NET_ADMIN
		if err == nil {
			err = unix.Capset(&header, &caps[0])
		}
		if err == nil {
			fn()
		}
		failed <- err
	}()
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
}

// bufferLimit returns the system's limit for receive buffers, in bytes.
func bufferLimit(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/net/core/rmem_max")
	testenv.Need(t, "read the limit of receive buffers", err)
	limit, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return limit
}

// bufferLine is what the log says of a receive buffer.
type bufferLine struct {
	Level, Hint, Message string
	Asked, Granted       int
}

func parseBufferLines(t *testing.T, log *bytes.Buffer) (lines []bufferLine) {
	t.Helper()
	for text := range bytes.Lines(log.Bytes()) {
		var line bufferLine
		if err := json.Unmarshal(text, &line); err != nil {
			t.Fatal(err)
		}
		if line.Message == "udp receive buffer" {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestReceiveBufferThatIsCut: an address whose buffer the system cut is warned
// of, once whatever the number of workers, with the setting that mends it.
func TestReceiveBufferThatIsCut(t *testing.T) {
	limit := bufferLimit(t)
	for _, c := range []struct {
		name    string
		asked   int
		level   string
		granted int
		hint    string
	}{
		{"within the limit", limit, "debug", limit, ""},
		{"a little more", limit + 1, "warn", limit, fmt.Sprintf("sysctl -w net.core.rmem_max=%d", limit+1)},
		{"four times the limit", 4 * limit, "warn", limit, fmt.Sprintf("sysctl -w net.core.rmem_max=%d", 4*limit)},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			o := testOptions(netip.MustParseAddrPort("127.0.0.1:0"))
			o.Workers, o.ReceiveBuffer, o.Log = 3, c.asked, zerolog.New(&log)
			var sockets *Sockets
			var err error
			withoutPrivilege(t, func() { sockets, err = bindAll(o, openSockets) })
			if err != nil {
				t.Fatal(err)
			}
			defer sockets.Close()
			want := bufferLine{c.level, c.hint, "udp receive buffer", c.asked, c.granted}
			if got := parseBufferLines(t, &log); len(got) != 1 || got[0] != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// TestPassedBufferIsNotCut: a service manager may go past the system's limit,
// and what it gave a socket stays.
func TestPassedBufferIsNotCut(t *testing.T) {
	limit := bufferLimit(t)
	for _, c := range []struct {
		name                 string
		passed, asked, stays int
	}{
		{"as asked for", 2 * limit, 2 * limit, 2 * limit},
		{"more than asked for", 3 * limit, 2 * limit, 3 * limit},
		{"less than asked for", 2 * limit, 3 * limit, 2 * limit},
		{"within the limit", limit / 2, limit, limit},
		{"asked for less than the limit", limit, limit / 2, limit / 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, _ := bound(t, "127.0.0.1:0")
			fd := int(file.Fd())
			testenv.Need(t, "set a receive buffer above the limit", set(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, c.passed))
			var log bytes.Buffer
			o := testOptions()
			o.Passed, o.ReceiveBuffer, o.Log = []*os.File{file}, c.asked, zerolog.New(&log)
			var sockets *Sockets
			var err error
			withoutPrivilege(t, func() { sockets, err = bindAll(o, openSockets) })
			if err != nil {
				t.Fatal(err)
			}
			defer sockets.Close()
			if got, err := receiveBuffer(fd); got != c.stays || err != nil {
				t.Errorf("%d bytes, %v, want %d", got, err, c.stays)
			}
			lines := parseBufferLines(t, &log)
			if len(lines) != 1 || (lines[0].Level == "warn") != (c.stays < c.asked) {
				t.Errorf("the log has %+v", lines)
			}
		})
	}
}
