package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keeptrack/cmd/testenv"
)

// lan is a network of namespaces on one bridge, which is in a namespace of its
// own. It is gone when the test ends.
type lan struct {
	t     *testing.T
	name  string
	hosts []string // names of namespaces
}

// lans counts networks: some tests run at the same time.
var lans atomic.Uint32

// newLAN makes a network of n hosts, 198.51.100.1 and on. It skips the test where
// that takes a privilege that is lacking.
func newLAN(t *testing.T, n int) *lan {
	t.Helper()
	testenv.NeedNamespaces(t)
	l := &lan{t: t, name: fmt.Sprintf("kt%d-%d", os.Getpid(), lans.Add(1))}
	if out, err := exec.Command("ip", "netns", "add", l.name).CombinedOutput(); err != nil {
		testenv.Need(t, "make network namespaces", fmt.Errorf("%w: %s", err, out))
	}
	t.Cleanup(func() { l.ip("netns del " + l.name) })
	l.ip("-n " + l.name + " link add br0 type bridge mcast_snooping 0")
	l.ip("-n " + l.name + " link set br0 up")
	for i := range n {
		l.addHost(i)
	}
	return l
}

func (l *lan) addHost(i int) {
	host := fmt.Sprintf("%sh%d", l.name, i)
	l.ip("netns add " + host)
	l.t.Cleanup(func() { l.ip("netns del " + host) })
	l.hosts = append(l.hosts, host)
	l.ip("-n " + host + " link set lo up")
	l.connect(i)
}

// connect makes the interface eth0 of host i.
func (l *lan) connect(i int) {
	host := l.hosts[i]
	l.ip(fmt.Sprintf("-n %s link add p%d type veth peer name eth0 netns %s", l.name, i, host))
	l.ip(fmt.Sprintf("-n %s link set p%d master br0 up", l.name, i))
	l.ip(fmt.Sprintf("-n %s addr add %s/24 dev eth0", host, address(i)))
	l.ip("-n " + host + " link set eth0 up")
}

// disconnect deletes the interface eth0 of host i.
func (l *lan) disconnect(i int) { l.ip("-n " + l.hosts[i] + " link del eth0") }

// address returns the address of host i, from a range for documentation
// (RFC 5737).
func address(i int) string { return fmt.Sprintf("198.51.100.%d", i+1) }

// ip runs ip(8).
func (l *lan) ip(args string) {
	l.t.Helper()
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %s: %v: %s", args, err, out)
	}
}

// lose makes every host lose this share of what it receives, or skips the test.
func (l *lan) lose(percent int) {
	l.t.Helper()
	rules := fmt.Sprintf(`table ip loss {
		chain in {
			type filter hook input priority 0
			iifname "eth0" numgen random mod 100 < %d drop
		}
	}`, percent)
	for _, h := range l.hosts {
		cmd := exec.Command("ip", "netns", "exec", h, "nft", "-f", "-")
		cmd.Stdin = strings.NewReader(rules)
		if out, err := cmd.CombinedOutput(); err != nil {
			testenv.Need(l.t, "lose packets with nftables", fmt.Errorf("%w: %s", err, out))
		}
	}
}

// start runs a daemon on host i, with its database in dir.
func (l *lan) start(i int, dir string, more settings) *instance {
	l.t.Helper()
	path, err := built()
	if err != nil {
		l.t.Fatal(err)
	}
	return l.startProgram(path, i, l.config(i, dir, more))
}

// startProgram runs the program at path as the daemon on host i.
func (l *lan) startProgram(path string, i int, s settings) *instance {
	l.t.Helper()
	cmd := exec.Command("ip", "netns", "exec", l.hosts[i], path, "serve", "--config", s.write(l.t))
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=10")
	return startCommand(l.t, cmd, l.client(i))
}

// config returns the config of the daemon on host i.
func (l *lan) config(i int, dir string, more settings) settings {
	return testSettings(dir).with(hasty).with(settings{
		"udp.listen":         `["127.0.0.1:0"]`,
		"http.listen":        `["127.0.0.1:0"]`,
		"livesync.enabled":   "true",
		"livesync.interface": `"eth0"`,
		"livesync.nodes":     `["198.51.100.0/24"]`,
		"livesync.id":        fmt.Sprintf(`"0000000%d"`, i+1),
	}).with(more)
}

// client returns an HTTP client on host i.
func (l *lan) client(i int) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(_ context.Context, network, address string) (c net.Conn, err error) {
		within(l.t, l.hosts[i], func() { c, err = net.Dial(network, address) })
		return c, err
	}}}
}

// within runs fn in a network namespace. The thread is given up afterwards.
func within(t *testing.T, namespace string, fn func()) {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		f, err := os.Open("/var/run/netns/" + namespace)
		if err == nil {
			defer f.Close()
			err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			fn()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Errorf("namespace %s: %v", namespace, err)
	}
}

// inStep waits until an instance has the counts of so many others, as far as it can take
// them in.
func (d *instance) inStep(others int) {
	d.t.Helper()
	d.waitMetric("keeptrack_livesync_members", float64(others))
	waitFor(d.t, "counts like those of the others", func() bool {
		return d.metric("keeptrack_livesync_unlike_seconds") == 0 && d.metric("keeptrack_livesync_repairs") == 0
	})
}

// TestAnEmptyInstanceCatchesUpOverTheNetwork has an empty instance join two
// others on a network, of which one has no room for all torrents: it gets them all.
func TestAnEmptyInstanceCatchesUpOverTheNetwork(t *testing.T) {
	l := newLAN(t, 3)
	all := newLibrary(20_000)
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	all[:8_000].save(t, dirs[1])
	all.save(t, dirs[2])
	few, many := l.start(1, dirs[1], settings{"tracker.max_torrents": "8000"}), l.start(2, dirs[2], nil)
	few.inStep(1)
	many.inStep(1)
	empty := l.start(0, dirs[0], nil)
	empty.waitMetric("keeptrack_torrents", float64(len(all)))
	for _, d := range []*instance{empty, few, many} {
		d.inStep(2)
	}
	for _, d := range []*instance{empty, few, many} {
		d.stop()
	}
	all.wantIn(t, dirs[0], 1)
	all[:8_000].wantKept(t, dirs[1])
	all.wantIn(t, dirs[2], 1)
}

// TestCatchingUpOverALossyNetwork is the same with every twentieth packet lost: all
// arrives, and then nothing is asked for any more.
func TestCatchingUpOverALossyNetwork(t *testing.T) {
	l := newLAN(t, 3)
	l.lose(5)
	all := newLibrary(20_000)
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	all.save(t, dirs[2])
	many := l.start(2, dirs[2], nil)
	others := []*instance{l.start(0, dirs[0], nil), l.start(1, dirs[1], nil)}
	const (
		hellos = `keeptrack_livesync_packets_total{direction="in",type="count_hello"}`
		asks   = `keeptrack_livesync_packets_total{direction="out",type="count_records_ask"}`
	)
	for _, d := range others {
		d.waitMetric("keeptrack_torrents", float64(len(all)))
		d.inStep(2)
		asked := d.metric(asks)
		d.waitMetric(hellos, d.metric(hellos)+10)
		if n := d.metric(asks); n > asked {
			t.Errorf("asked %g times more, with all torrents", n-asked)
		}
	}
	for i, d := range others {
		d.stop()
		all.wantIn(t, dirs[i], 1)
	}
	many.stop()
	all.wantIn(t, dirs[2], 1)
}

// TestLiveSyncOutlivesItsInterface deletes the interface of one of a pair and
// makes it again. Meanwhile the instance is in service and says what is wrong;
// then both hear each other again.
func TestLiveSyncOutlivesItsInterface(t *testing.T) {
	l := newLAN(t, 2)
	pair := []*instance{l.start(0, t.TempDir(), nil), l.start(1, t.TempDir(), nil)}
	const beacons = `keeptrack_livesync_packets_total{direction="in",type="beacon"}`
	hear := func() {
		t.Helper()
		began := time.Now()
		for _, d := range pair {
			d.waitMetric(beacons, d.metric(beacons)+2)
		}
		t.Logf("both heard after %s", time.Since(began))
	}
	hear()
	pair[0].waitMetric("keeptrack_ready", 1) // it waits for peers that nobody has
	for round := 1; round <= 2; round++ {
		l.disconnect(0)
		waitFor(t, "the loss to be noticed", func() bool { return pair[0].metric("keeptrack_livesync_up") == 0 })
		status, text := pair[0].readyz()
		if status != http.StatusOK || !strings.HasPrefix(text, "ready\nimpaired: live sync is down since ") || !strings.Contains(text, "eth0") {
			t.Errorf("/readyz says %d %q", status, text)
		}
		l.connect(0)
		hear()
		if got := pair[0].metric("keeptrack_livesync_rejoined_total"); got != float64(round) || pair[0].metric("keeptrack_livesync_up") != 1 {
			t.Errorf("joined again %g times, want %d", got, round)
		}
		if status, text := pair[0].readyz(); status != http.StatusOK || text != "ready\n" {
			t.Errorf("/readyz says %d %q", status, text)
		}
	}
	for i, d := range pair {
		d.stop()
		want := 2 * (1 - i) // one line a change, on the one whose interface it was
		for _, message := range []string{"live sync is down until its interface is back", "live sync has joined its group again"} {
			if got := d.logged(message); got != want {
				t.Errorf("instance %d logged %q %d times, want %d", i, message, got, want)
			}
		}
		if got := d.logged("live sync cannot send"); got != 0 {
			t.Errorf("instance %d logged a failure to send %d times", i, got)
		}
	}
}
