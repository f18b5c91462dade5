package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
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

	"keeptrack/internal/testenv"
)

// patience is how long the tests wait for what is to happen soon.
const patience = 60 * time.Second

// built builds the program once, with the race detector if the tests have it,
// and returns its path.
var built = sync.OnceValues(func() (string, error) {
	args := []string{"build", "-o", filepath.Join(scratch, "keeptrack")}
	if raceDetector() {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, ".")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return filepath.Join(scratch, "keeptrack"), nil
})

// raceDetector says whether the tests run with it.
func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// scratch is a folder that is there as long as the tests run.
var scratch string

func TestMain(m *testing.M) {
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
	return settings{
		"log.format":                      `"json"`,
		"tracker.allow_private_addresses": "true",
		"tracker.announce_interval":       `"10m"`,
		"tracker.min_announce_interval":   `"5m"`,
		"udp.listen":                      listen,
		"http.listen":                     listen,
		"admin.listen":                    `"127.0.0.1:0"`,
		"store.path":                      fmt.Sprintf("%q", filepath.Join(dir, "keeptrack.db")),
	}
}

// with returns the settings with others added or changed.
func (s settings) with(more settings) settings {
	s = maps.Clone(s)
	maps.Copy(s, more)
	return s
}

// write writes the config and returns its path.
func (s settings) write(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	section := ""
	for _, key := range slices.Sorted(maps.Keys(s)) {
		head, name, _ := strings.Cut(key, ".")
		if head != section {
			section = head
			fmt.Fprintf(&text, "[%s]\n", section)
		}
		fmt.Fprintf(&text, "%s = %s\n", name, s[key])
	}
	return configFile(t, text.String())
}

// hasIPv6 reports whether to test IPv6: where everything is required, what needs
// it fails without.
var hasIPv6 = sync.OnceValue(func() bool { return testenv.Required() || testenv.HasIPv6() == nil })

// instance is a running daemon.
type instance struct {
	t   *testing.T
	cmd *exec.Cmd
	// udp4 and the others are addresses with ports, empty if there is none.
	udp4, udp6, http4, http6, admin string
	torrents                        int          // loaded at start
	client                          *http.Client // reaches the admin address

	ended chan struct{} // closed once the process has ended and its log is read
	mu    sync.Mutex    // guards log
	log   []string
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
	d := &instance{t: t, cmd: cmd, client: client, ended: make(chan struct{})}
	stderr, err := d.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	serving := make(chan servingLine, 1)
	go d.follow(stderr, serving)
	t.Cleanup(d.cleanUp)
	select {
	case line := <-serving:
		d.takeAddresses(line)
	case <-d.ended:
		t.Fatal("the daemon ended at its start")
	case <-time.After(patience):
		t.Fatal("the daemon does not serve")
	}
	return d
}

// servingLine is what the log says once the daemon serves.
type servingLine struct {
	Message   string
	UDP, HTTP []string
	Admin     string
	Torrents  int
}

// follow reads the log to its end and reaps the process.
func (d *instance) follow(stderr io.Reader, serving chan<- servingLine) {
	defer close(d.ended)
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		d.mu.Lock()
		d.log = append(d.log, lines.Text())
		d.mu.Unlock()
		var line servingLine
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "serving" {
			serving <- line
		}
	}
	d.cmd.Wait()
}

func (d *instance) takeAddresses(line servingLine) {
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
	d.admin, d.torrents = line.Admin, line.Torrents
}

// stop ends the daemon with SIGTERM and expects exit status 0.
func (d *instance) stop() {
	d.t.Helper()
	d.signal(syscall.SIGTERM)
	if status := d.cmd.ProcessState.ExitCode(); status != statusDone {
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
	if err := d.cmd.Process.Signal(s); err != nil {
		d.t.Fatal(err)
	}
	select {
	case <-d.ended:
	case <-time.After(patience):
		d.t.Fatalf("the daemon does not end on %s", s)
	}
}

func (d *instance) cleanUp() {
	d.cmd.Process.Kill()
	<-d.ended
	if d.t.Failed() {
		d.t.Logf("log of process %d:\n%s", d.cmd.Process.Pid, strings.Join(d.log, "\n"))
	}
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
