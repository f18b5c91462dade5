package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker/bep15"
)

// supervisor is the socket to which a daemon tells how it is (sd_notify(3)).
type supervisor struct {
	t    *testing.T
	conn *net.UnixConn
	path string
}

func newSupervisor(t *testing.T) *supervisor {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &supervisor{t, conn, path}
}

// await waits for a message with a line, and returns its lines.
func (s *supervisor) await(line string) []string {
	s.t.Helper()
	s.conn.SetReadDeadline(time.Now().Add(patience))
	var buf [8192]byte
	for {
		n, err := s.conn.Read(buf[:])
		if err != nil {
			s.t.Fatalf("no %s: %v", line, err)
		}
		if lines := strings.Split(string(buf[:n]), "\n"); slices.Contains(lines, line) {
			return lines
		}
	}
}

// awaitStatus waits for a message with a line, and returns the status in it.
func (s *supervisor) awaitStatus(line string) string {
	s.t.Helper()
	lines := s.await(line)
	if text := strings.Join(lines, "\n"); len(text) > 4096 || !utf8.ValidString(text) {
		s.t.Errorf("systemd ignores this message of %d bytes: %q", len(text), text)
	}
	for _, l := range lines {
		if status, ok := strings.CutPrefix(l, "STATUS="); ok {
			return status
		}
	}
	s.t.Errorf("no status in %q", lines)
	return ""
}

// TestServiceManager follows a daemon through its life as systemd does.
func TestServiceManager(t *testing.T) {
	s := newSupervisor(t)
	dir := t.TempDir()
	cmd := program(t, dir, "serve", "--config", testSettings(dir).write(t))
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+s.path, "WATCHDOG_USEC=300000")
	d := startCommand(t, cmd, &http.Client{Timeout: patience})
	if lines := s.await("READY=1"); !slices.Contains(lines, "STATUS=serving 0 torrents, 0 peers") {
		t.Errorf("ready with %q", lines)
	}
	for range 3 {
		s.await("WATCHDOG=1")
	}
	d.Cmd.Process.Signal(syscall.SIGHUP)
	lines := s.await("RELOADING=1")
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "MONOTONIC_USEC=") && len(l) > 16 }) {
		t.Errorf("reloading with %q", lines)
	}
	s.await("READY=1")
	d.stop()
	s.await("STOPPING=1")
}

// wantReload expects metrics of a reload that ended in a way between then and now.
func (d *instance) wantReload(success float64, then time.Time) {
	d.t.Helper()
	m := d.metrics()
	if got := m["keeptrack_reload_success"]; got != success {
		d.t.Errorf("keeptrack_reload_success is %g, want %g", got, success)
	}
	at := time.UnixMilli(int64(m["keeptrack_reload_timestamp_seconds"] * 1e3))
	if at.Before(then.Truncate(time.Millisecond)) || at.After(time.Now()) {
		d.t.Errorf("keeptrack_reload_timestamp_seconds is %v, want now", at)
	}
}

// TestRefusedReloadShows: why a reload was refused is in the status until one is
// put in force, and metrics tell how the last one ended and when.
func TestRefusedReloadShows(t *testing.T) {
	s, dir := newSupervisor(t), t.TempDir()
	good := testSettings(dir)
	config := good.write(t)
	cmd := program(t, dir, "serve", "--config", config)
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+s.path, "WATCHDOG_USEC=300000")
	d := startCommand(t, cmd, &http.Client{Timeout: patience})
	s.await("READY=1")
	d.wantReload(1, time.Unix(0, 0))
	if at := d.metric("keeptrack_reload_timestamp_seconds"); at != 0 {
		t.Errorf("keeptrack_reload_timestamp_seconds is %g before the first", at)
	}
	reload := func(path string) (status string, then time.Time) {
		if err := os.Rename(path, config); err != nil {
			t.Fatal(err)
		}
		then = time.Now()
		d.Cmd.Process.Signal(syscall.SIGHUP)
		s.await("RELOADING=1")
		return s.awaitStatus("READY=1"), then
	}
	for _, c := range []struct{ name, config, want string }{
		{"wrong value", "[log]\nlevel = \"loud\"\n", "; reload refused: " + config + ":2: log.level: "},
		{"more than systemd takes", "[log]\nlevel = \"" + strings.Repeat("ä", 5000) + "\"\n", "; reload refused: " + config + ":2: log.level: "},
		{"two errors", "[log]\nlevel = 1\nformat = 2\n", " " + config + ":3: log.format: "},
		{"access list missing", "[access]\nmode = \"deny\"\nfile = \"/nonexistent\"\n", "; reload refused: access.file: "},
	} {
		status, then := reload(configFile(t, c.config))
		for _, status := range []string{status, s.awaitStatus("WATCHDOG=1")} {
			if !strings.HasPrefix(status, "serving 0 torrents, 0 peers; ") || !strings.Contains(status, c.want) {
				t.Errorf("%s: the status is %q, want %q", c.name, status, c.want)
			}
		}
		d.wantReload(0, then)
	}
	status, then := reload(good.write(t))
	for _, status := range []string{status, s.awaitStatus("WATCHDOG=1")} {
		if status != "serving 0 torrents, 0 peers" {
			t.Errorf("the status is %q after a good reload", status)
		}
	}
	d.wantReload(1, then)
	d.stop()
}

// newerKeys are what systemd before 254 says of keys that it does not know, and
// does without.
var newerKeys = regexp.MustCompile(`(?m)^.*Unknown key (name )?'(RestartSteps|RestartMaxDelaySec)' in section .Service., ignoring\.\n`)

// TestSystemdUnits has systemd read the units, and judge what the service could
// do if it were taken over.
func TestSystemdUnits(t *testing.T) {
	testenv.NeedProgram(t, "systemd-analyze")
	binary, err := built()
	if err != nil {
		t.Fatal(err)
	}
	source, dir := filepath.Join("..", "..", "packaging", "systemd"), t.TempDir()
	units := []string{"verify", "--man=no"}
	for _, name := range names(t, source) {
		if ext := filepath.Ext(name); ext != ".service" && ext != ".socket" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		here := strings.ReplaceAll(string(text), "/usr/bin/keeptrack", binary)
		if err := os.WriteFile(path, []byte(here), 0o600); err != nil {
			t.Fatal(err)
		}
		units = append(units, path)
	}
	service := filepath.Join(dir, "keeptrack.service")
	for _, args := range [][]string{units, {"security", "--offline=true", "--threshold=15", service}} {
		out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
		if complaints := newerKeys.ReplaceAllString(string(out), ""); err != nil || args[0] == "verify" && complaints != "" {
			t.Errorf("systemd-analyze %s: %v\n%s", strings.Join(args, " "), err, complaints)
		}
	}
}

// TestUnitBringsTheDaemonBack holds what decides over starts of the daemon: a
// crash is followed by another start, however often, a wrong config by none, and
// the daemon's memory costs no other program its life.
func TestUnitBringsTheDaemonBack(t *testing.T) {
	unit := readText(t, filepath.Join("..", "..", "packaging", "systemd", "keeptrack.service"))
	const config = "/etc/keeptrack/keeptrack.toml"
	for key, want := range map[string][]string{
		"StartLimitIntervalSec":    {"0"},
		"StartLimitBurst":          nil,
		"Restart":                  {"on-failure"},
		"RestartPreventExitStatus": {fmt.Sprint(statusUsage)},
		"RestartSec":               {"2s"},
		"RestartSteps":             {"8"},
		"RestartMaxDelaySec":       {"2min"},
		"OOMScoreAdjust":           nil,
		"ExecStart":                {"/usr/bin/keeptrack serve --config " + config},
		"ExecReload":               {"/usr/bin/keeptrack config check --quiet " + config, `/bin/sh -c "kill -HUP $MAINPID"`},
	} {
		var got []string
		for _, m := range regexp.MustCompile(`(?m)^`+key+`=(.*)$`).FindAllStringSubmatch(unit, -1) {
			got = append(got, m[1])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

// manager binds sockets and passes them to daemons, as systemd does.
type manager struct {
	t      *testing.T
	dir    string
	config string
	files  []*os.File

	udp, http, admin, unix string // addresses, and the path of a unix socket
}

func newManager(t *testing.T) *manager {
	t.Helper()
	m := &manager{t: t, dir: t.TempDir()}
	u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	m.pass(u, err)
	m.udp = u.LocalAddr().String()
	for _, address := range []*string{&m.http, &m.admin} {
		l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		m.pass(l, err)
		*address = l.Addr().String()
	}
	m.unix = filepath.Join(m.dir, "http.sock")
	x, err := net.ListenUnix("unix", &net.UnixAddr{Name: m.unix, Net: "unix"})
	m.pass(x, err)
	m.config = testSettings(m.dir).with(settings{
		"udp.listen":   fmt.Sprintf("[%q]", m.udp),
		"http.listen":  fmt.Sprintf("[%q, %q]", m.http, "unix:"+m.unix),
		"admin.listen": fmt.Sprintf("%q", m.admin),
	}).write(t)
	return m
}

// pass keeps a socket to be passed.
func (m *manager) pass(s interface {
	File() (*os.File, error)
	io.Closer
}, err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
	f, err := s.File()
	if err != nil {
		m.t.Fatal(err)
	}
	m.files = append(m.files, f)
	m.t.Cleanup(func() { s.Close(); f.Close() })
}

// serve starts a daemon on the sockets.
func (m *manager) serve() *instance {
	m.t.Helper()
	return startCommand(m.t, m.command(), &http.Client{Timeout: patience})
}

func (m *manager) command() *exec.Cmd {
	m.t.Helper()
	cmd := program(m.t, m.dir, "serve", "--config", m.config)
	// The process has to find its own id in the environment.
	cmd.Args = append([]string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	cmd.Env = append(cmd.Env, fmt.Sprintf("LISTEN_FDS=%d", len(m.files)))
	cmd.ExtraFiles = m.files
	return cmd
}

// TestRestartLosesNoRequest restarts a daemon on passed sockets under load.
// Each request is sent once; all have to be answered. No peer is lost.
func TestRestartLosesNoRequest(t *testing.T) {
	restarts := testenv.Pick(3, 20)
	m := newManager(t)
	d := m.serve()
	if d.udp4 != m.udp || d.http4 != "unix:"+m.unix || d.admin != m.admin {
		t.Errorf("serves %s, %s, %s", d.udp4, d.http4, d.admin)
	}
	swarms := newSwarms(t, 200, 10)
	swarms.announce(d)
	there := swarms.look(d)
	stop := make(chan struct{})
	var load sync.WaitGroup
	var overUDP, overHTTP book
	load.Go(func() { m.announceUDP(&overUDP, stop) })
	load.Go(func() { m.announceHTTP(&overHTTP, stop) })
	var took time.Duration
	for range restarts {
		before := overUDP.answered.Load() + overHTTP.answered.Load()
		waitFor(t, "some load", func() bool { return overUDP.answered.Load()+overHTTP.answered.Load() > before+100 })
		began := time.Now()
		d.stop()
		d = m.serve()
		took += time.Since(began)
		swarms.wantSame("after a restart under load", swarms.look(d), there)
	}
	for name, address := range map[string]string{"http": m.http, "admin": m.admin} {
		if resp, _ := get(t, "http://"+address+"/healthz"); resp.StatusCode/100 == 5 {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
	close(stop)
	load.Wait()
	t.Logf("%v a restart; UDP: %v; HTTP: %v", (took / time.Duration(restarts)).Round(time.Millisecond), &overUDP, &overHTTP)
	for name, b := range map[string]*book{"UDP": &overUDP, "HTTP": &overHTTP} {
		if b.sent == 0 || b.answered.Load() != int64(b.sent) {
			t.Errorf("%s: %v", name, b)
		}
	}
	if _, err := os.Lstat(m.unix); err != nil {
		t.Errorf("the unix socket, which is the manager's: %v", err)
	}
	d.stop()
}

// book is what became of requests.
type book struct {
	sent     int
	answered atomic.Int64
	slowest  atomic.Int64 // in nanoseconds
	failure  atomic.Value // of one of those not answered
}

func (b *book) String() string {
	return fmt.Sprintf("%d of %d answered, the slowest after %v, failure: %v",
		b.answered.Load(), b.sent, time.Duration(b.slowest.Load()).Round(time.Millisecond), b.failure.Load())
}

// answer notes an answer.
func (b *book) answer(sent time.Time) {
	b.answered.Add(1)
	took := int64(time.Since(sent))
	for {
		slowest := b.slowest.Load()
		if took <= slowest || b.slowest.CompareAndSwap(slowest, took) {
			return
		}
	}
}

// pace calls send at a rate until stop is closed.
func pace(rate int, stop <-chan struct{}, send func()) {
	began := time.Now()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for done := 0; ; {
		select {
		case <-stop:
			return
		case now := <-ticker.C:
			for due := int(now.Sub(began) * time.Duration(rate) / time.Second); done < due; done++ {
				send()
			}
		}
	}
}

// announceUDP announces from many sockets in turn, as many clients would: the
// replies of one would not fit its buffer when they come at once.
func (m *manager) announceUDP(b *book, stop <-chan struct{}) {
	const sockets = 64
	var clients [sockets]*announcer
	var readers sync.WaitGroup
	for i := range clients {
		clients[i] = &announcer{wire: connectWire(m.t, m.udp)}
		readers.Go(func() { clients[i].read(b) })
	}
	pace(testenv.Pick(200, 2000), stop, func() {
		clients[b.sent%sockets].announce()
		b.sent++
	})
	for end := time.Now().Add(patience / 4); b.answered.Load() < int64(b.sent) && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	for _, c := range clients {
		c.conn.Close()
	}
	readers.Wait()
}

// announcer announces from one socket.
type announcer struct {
	*wire
	mu   sync.Mutex  // guards sent
	sent []time.Time // by transaction
}

func (a *announcer) announce() {
	a.mu.Lock()
	i := uint32(len(a.sent))
	a.sent = append(a.sent, time.Now())
	a.mu.Unlock()
	a.conn.Write(bep15.AnnounceRequest{ConnectionID: a.id, TransactionID: i, InfoHash: hashOf(fmt.Sprint(i % 100)), Port: 6881}.Append(nil))
}

// read takes replies until the socket is closed.
func (a *announcer) read(b *book) {
	a.conn.SetReadDeadline(time.Time{})
	var buf [2048]byte
	seen := map[uint32]bool{}
	for {
		n, err := a.conn.Read(buf[:])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			b.failure.Store(fmt.Sprint(n, err))
			continue
		}
		h, err := bep15.ParseReplyHeader(buf[:n])
		if err != nil || h.Action != bep15.ActionAnnounce || seen[h.TransactionID] {
			b.failure.Store(fmt.Sprintf("reply %q", buf[:n]))
			continue
		}
		seen[h.TransactionID] = true
		a.mu.Lock()
		sent := a.sent[h.TransactionID]
		a.mu.Unlock()
		b.answer(sent)
	}
}

// announceHTTP has a connection for each announce, by address and unix socket in
// turn.
func (m *manager) announceHTTP(b *book, stop <-chan struct{}) {
	byAddress := &http.Client{Timeout: patience / 4, Transport: &http.Transport{DisableKeepAlives: true}}
	byUnix := unixClient(m.unix)
	byUnix.Timeout, byUnix.Transport.(*http.Transport).DisableKeepAlives = patience/4, true
	var all sync.WaitGroup
	pace(testenv.Pick(50, 500), stop, func() {
		c := byAddress
		if b.sent++; b.sent%2 == 0 {
			c = byUnix
		}
		all.Go(func() {
			sent := time.Now()
			resp, err := c.Get("http://" + m.http + "/announce?port=1&info_hash=" + strings.Repeat("a", 20))
			if err != nil {
				b.failure.Store(err.Error())
				return
			}
			defer resp.Body.Close()
			if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
				b.failure.Store(fmt.Sprint(resp.Status, err, body))
				return
			}
			b.answer(sent)
		})
	})
	all.Wait()
}

func TestPassedSocketThatTheConfigLacks(t *testing.T) {
	m := newManager(t)
	m.config = testSettings(m.dir).write(t)
	out, err := m.command().CombinedOutput()
	if _, ok := errors.AsType[*exec.ExitError](err); !ok || !strings.Contains(string(out), "udp "+m.udp) {
		t.Errorf("%v, %s", err, out)
	}
}
