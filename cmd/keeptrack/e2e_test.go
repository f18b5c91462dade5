package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/internal/harness"
	"keeptrack/cmd/testenv"
)

// patience is how long the tests wait for what is to happen soon.
const patience = harness.Patience

// built builds the program once, with the race detector if the tests have it,
// and returns its path.
var built = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "keeptrack")
	var flags []string
	if raceDetector() {
		flags = append(flags, "-race")
	}
	return path, harness.Build(context.Background(), path, flags...)
})

// raceDetector says whether the tests run with it.
func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// scratch is a folder that is there as long as the tests run.
var scratch string

func TestMain(m *testing.M) {
	clearEnvironment()
	var err error
	if scratch, err = os.MkdirTemp("", "keeptrack-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	giveWay = func() {}
	status := m.Run()
	if err := os.RemoveAll(scratch); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(status)
}

// clearEnvironment takes out of the environment what would set keys of configs.
func clearEnvironment() {
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, config.Variable("")) {
			if err := os.Unsetenv(name); err != nil {
				panic(err)
			}
		}
	}
}

// program returns the command that runs the binary in the folder dir.
func program(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	// The race detector would wait a second at every exit.
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=10")
	return cmd
}

// runProgram runs the binary to its end.
func runProgram(t *testing.T, dir string, args ...string) outcome {
	t.Helper()
	cmd := program(t, dir, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	if !timer.Stop() {
		t.Fatalf("keeptrack %s did not end\n%s", strings.Join(args, " "), &stderr)
	}
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// settings are the keys of a config, "section.key", with their values as TOML
// has them.
type settings map[string]string

// testSettings is a config for the loopback interface that keeps its database
// in dir and lets the system choose the ports.
func testSettings(dir string) settings {
	listen := `["127.0.0.1:0"]`
	if hasIPv6() {
		listen = `["127.0.0.1:0", "[::1]:0"]`
	}
	return settings(harness.Loopback(filepath.Join(dir, "keeptrack.db"))).with(settings{
		"tracker.announce_interval":     `"10m"`,
		"tracker.min_announce_interval": `"5m"`,
		"udp.listen":                    listen,
		"http.listen":                   listen,
	})
}

// with returns the settings with others added or changed.
func (s settings) with(more settings) settings {
	return settings(harness.Settings(s).With(harness.Settings(more)))
}

// write writes the config and returns its path.
func (s settings) write(t *testing.T) string {
	t.Helper()
	return configFile(t, string(harness.Settings(s).Text()))
}

// hasIPv6 reports whether to test IPv6: where everything is required, what needs
// it fails without.
var hasIPv6 = sync.OnceValue(func() bool { return testenv.Required() || testenv.HasIPv6() == nil })

// instance is a running daemon.
type instance struct {
	*harness.Daemon
	t *testing.T
	// udp4 and the others are addresses with ports, empty if there is none.
	udp4, udp6, http4, http6, https4, https6, admin string
	torrents                                        int          // loaded at start
	client                                          *http.Client // reaches the admin address

	mu  sync.Mutex // guards log
	log []string
}

// start runs keeptrack serve with a config and waits until it serves. The
// process ends with the test at the latest; if the test fails, its log is shown.
func start(t *testing.T, s settings) *instance {
	t.Helper()
	return startIn(t, t.TempDir(), "serve", "--config", s.write(t))
}

// startIn is start with the working directory and the arguments given.
func startIn(t *testing.T, dir string, args ...string) *instance {
	t.Helper()
	return startCommand(t, program(t, dir, args...), &http.Client{Timeout: patience})
}

// startCommand starts a daemon whose admin address client reaches.
func startCommand(t *testing.T, cmd *exec.Cmd, client *http.Client) *instance {
	t.Helper()
	d := &instance{t: t, client: client}
	var err error
	if d.Daemon, err = harness.Start(cmd, nil, d.note); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.cleanUp)
	line, err := d.Await(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.takeAddresses(line)
	return d
}

// note keeps a line of the log.
func (d *instance) note(text string, _ harness.Line) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = append(d.log, text)
}

func (d *instance) takeAddresses(line harness.Line) {
	take := func(addrs []string, v4, v6 *string) {
		for _, a := range addrs {
			if strings.HasPrefix(a, "[") {
				*v6 = a
			} else {
				*v4 = a
			}
		}
	}
	take(line.UDP, &d.udp4, &d.udp6)
	take(line.HTTP, &d.http4, &d.http6)
	take(line.HTTPS, &d.https4, &d.https6)
	d.admin, d.torrents = line.Admin, line.Torrents
}

// stop ends the daemon with SIGTERM and expects exit status 0.
func (d *instance) stop() {
	d.t.Helper()
	d.signal(syscall.SIGTERM)
	if status := d.Cmd.ProcessState.ExitCode(); status != statusDone {
		d.t.Errorf("exit status %d after SIGTERM", status)
	}
}

// kill ends the daemon with SIGKILL.
func (d *instance) kill() {
	d.t.Helper()
	d.signal(syscall.SIGKILL)
}

// signal sends a signal and waits for the end.
func (d *instance) signal(s syscall.Signal) {
	d.t.Helper()
	if err := d.Signal(s); err != nil {
		d.t.Fatal(err)
	}
}

func (d *instance) cleanUp() {
	d.Cmd.Process.Kill()
	<-d.Ended
	if d.t.Failed() {
		d.t.Logf("log of process %d:\n%s", d.Cmd.Process.Pid, strings.Join(d.log, "\n"))
	}
}

// ask sends a request to the admin address and returns status and body.
func (d *instance) ask(method, path string) (status int, body string) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, "http://"+d.admin+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// readyz returns the status and the text of /readyz.
func (d *instance) readyz() (status int, text string) {
	d.t.Helper()
	return d.ask(http.MethodGet, "/readyz")
}

// waitFor waits until something is so, and fails if that takes too long.
func waitFor(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
