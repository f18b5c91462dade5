package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"keeptrack/internal/testenv"
)

// TestReceiveBufferThatTheSystemCuts: without CAP_NET_ADMIN, as under the unit,
// the daemon warns of it, once for each address, with the setting that mends it.
func TestReceiveBufferThatTheSystemCuts(t *testing.T) {
	text, err := os.ReadFile("/proc/sys/net/core/rmem_max")
	testenv.Need(t, "read the limit of receive buffers", err)
	const asked = 1 << 30 // the most that the config takes
	if limit, err := strconv.Atoi(strings.TrimSpace(string(text))); err != nil || limit >= asked {
		testenv.Need(t, "ask for more than the system grants", fmt.Errorf("it grants %d bytes: %v", limit, err))
	}
	dir := t.TempDir()
	cmd := program(t, dir, "serve", "--config", testSettings(dir).with(settings{
		"udp.listen": `["127.0.0.1:0"]`, "udp.workers": "3", "udp.receive_buffer": `"1GiB"`,
	}).write(t))
	if os.Geteuid() == 0 {
		options := confinement(t, "--bounding-set=-net_admin", "--inh-caps=-net_admin")
		confined := exec.Command("setpriv", append(options, cmd.Args...)...)
		confined.Args[len(options)+1] = cmd.Path
		confined.Dir, confined.Env = cmd.Dir, cmd.Env
		cmd = confined
	}
	d := startCommand(t, cmd, &http.Client{Timeout: patience})
	d.stop()
	if n := d.logged(`"hint":"sysctl -w net.core.rmem_max=1073741824"`); n != 1 {
		t.Errorf("%d warnings, want 1:\n%s", n, strings.Join(d.log, "\n"))
	}
}
