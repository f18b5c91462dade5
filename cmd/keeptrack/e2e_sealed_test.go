package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	syncwire "keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// groupKey is a key in hexadecimal digits, made of one of them.
func groupKey(digit string) string { return strings.Repeat(digit, 2*syncwire.KeySize) }

// keyFile writes a key file and returns its path.
func keyFile(t *testing.T, keys ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "group.key")
	if err := os.WriteFile(path, []byte(strings.Join(keys, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// sealed is a setting: the file with the keys.
func sealed(t *testing.T, keys ...string) settings {
	return settings{"livesync.key_file": fmt.Sprintf("%q", keyFile(t, keys...))}
}

// dropped is the metric of live sync packets dropped for a reason.
func dropped(reason string) string {
	return fmt.Sprintf("keeptrack_livesync_drops_total{reason=%q}", reason)
}

func TestOnlyInstancesWithTheKeyAreHeard(t *testing.T) {
	g := newMulticastGroup(t)
	first, second := start(t, g.member(sealed(t, groupKey("a")))), start(t, g.member(sealed(t, groupKey("a"))))
	plain, other := start(t, g.member(nil)), start(t, g.member(sealed(t, groupKey("b"))))
	for _, outsider := range []*instance{plain, other} {
		announceTo(t, outsider.urls()["udp IPv4"], hashOf("forged"), 6881, 0, tracker.EventStarted)
	}
	for _, d := range []*instance{first, second} {
		d.waitMetric(dropped("plain"), 1)
		d.waitMetric(dropped("sealed_bad"), 1)
	}
	settle(t, first, second)
	settle(t, second, first)
	plain.waitMetric(dropped("sealed_no_key"), 2)
	other.waitMetric(dropped("sealed_bad"), 2)
	for d, want := range map[*instance]float64{first: 2, second: 2, plain: 1, other: 1} {
		if got := d.metric("keeptrack_torrents"); got != want {
			t.Errorf("%g torrents, want %g", got, want)
		}
	}
}

func TestAcceptPlainHearsInstancesWithoutAKey(t *testing.T) {
	g := newMulticastGroup(t)
	member, plain := start(t, g.member(sealed(t, groupKey("a")))), start(t, g.member(nil))
	both := start(t, g.member(sealed(t, groupKey("a")).with(settings{"livesync.accept_plain": "true"})))
	settle(t, member, both)
	settle(t, plain, both)
	if drops := both.metric(dropped("plain")); drops != 0 {
		t.Errorf("%g plain packets dropped", drops)
	}
}

func TestKeysAreChangedOnSIGHUP(t *testing.T) {
	g := newMulticastGroup(t)
	old, new := groupKey("a"), groupKey("b")
	paths := [2]string{keyFile(t, old), keyFile(t, old)}
	var members [2]*instance
	for i, path := range paths {
		members[i] = start(t, g.member(settings{"livesync.key_file": fmt.Sprintf("%q", path)}))
	}
	for step, keys := range [][]string{{old, new}, {new, old}, {new}} {
		for i, path := range paths {
			if err := os.WriteFile(path, []byte(strings.Join(keys, "\n")), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := members[i].Cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the reload", func() bool { return members[i].logged("config reloaded") > step })
			if n := members[i].logged(fmt.Sprintf(`"livesync_keys":%d,`, len(keys))); n == 0 || step == 1 && n != 2 {
				t.Errorf("step %d: %d lines with %d keys", step, n, len(keys))
			}
			if shown := page(members[i].admin, "/api/v1/cluster"); !strings.Contains(shown, fmt.Sprintf(`"keys":%d,`, len(keys))) {
				t.Errorf("step %d: the cluster is %s", step, shown)
			}
			settle(t, members[0], members[1])
			settle(t, members[1], members[0])
		}
	}
	outsider := start(t, g.member(sealed(t, old)))
	settle(t, members[0], members[1])
	outsider.waitMetric(dropped("sealed_bad"), 1)
}

func TestAKeyFileThatCannotBeUsed(t *testing.T) {
	open := keyFile(t, groupKey("a"))
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ path, want string }{
		"pipe":      {pipe, "is a directory or a pipe"},
		"readable":  {open, "its mode 0644 gives everybody on this host access to the key"},
		"missing":   {filepath.Join(t.TempDir(), "none"), "no such file"},
		"malformed": {keyFile(t, groupKey("a")+"a"), "line 1: a key is 64 hexadecimal digits"},
		"empty":     {keyFile(t), "group.key: has no key"},
	} {
		path := testSettings(t.TempDir()).with(settings{"livesync.key_file": fmt.Sprintf("%q", c.path)}).write(t)
		for _, args := range [][]string{{"serve", "--config", path}, {"config", "check", path},
			{"livesync", "watch", "--interface", "127.0.0.1", "--key-file", c.path}} {
			got := keeptrack(args...)
			if got.status != statusUsage || !strings.Contains(got.stderr, "livesync.key_file: ") ||
				!strings.Contains(got.stderr, c.want) || strings.Contains(got.stderr+got.stdout, "aaaa") {
				t.Errorf("%s, %s: got %+v, want %q", name, args[0], got, c.want)
			}
		}
	}
}

// TestTheKeyIsNeverShown looks for it in what the program says.
func TestTheKeyIsNeverShown(t *testing.T) {
	s := newMulticastGroup(t).member(sealed(t, groupKey("a"), groupKey("b")))
	d := start(t, s.with(settings{"log.level": `"trace"`}))
	d.stop()
	said := strings.Join(d.log, "\n") + fmt.Sprint(keeptrack("config", "check", s.write(t)))
	for _, digit := range []string{"a", "b"} {
		if strings.Contains(said, groupKey(digit)[:16]) {
			t.Errorf("a key is in\n%s", said)
		}
	}
}

func TestAReplayIsRefusedAcrossRestarts(t *testing.T) {
	g := newMulticastGroup(t)
	first := start(t, g.member(sealed(t, groupKey("a")).with(settings{"livesync.id": `"cafebabe"`})))
	s := g.member(sealed(t, groupKey("a")).with(settings{"store.checkpoint_interval": `"100ms"`}))
	second := start(t, s)
	await := g.listen()
	url, hash := first.urls()["udp IPv4"], hashOf("replayed")
	announceTo(t, url, hash, 6881, 0, tracker.EventCompleted)
	packet := await("cafebabe00000100")
	waitScrape(t, second.urls()["udp IPv4"], hash, 1, 0, 1)
	replay := func(seeders uint64) {
		t.Helper()
		g.send("127.0.0.1", packet)
		second.waitMetric(dropped("sealed_replayed"), 1)
		waitScrape(t, second.urls()["udp IPv4"], hash, seeders, 0, 1)
	}
	replay(1)
	// The second checkpoint from here on has begun after what came until here.
	second.waitMetric("keeptrack_checkpoint_total", second.metric("keeptrack_checkpoint_total")+2)
	second.kill()
	second = start(t, s)
	replay(0)
	second.stop()
	second = start(t, s)
	replay(0)
}

// TestAFloodFromANodeDoesNotKeepClientsWaiting floods an instance with packets
// that it has to apply, until it takes them more slowly than they come.
func TestAFloodFromANodeDoesNotKeepClientsWaiting(t *testing.T) {
	g := newMulticastGroup(t)
	d := start(t, g.member(nil))
	stop := g.flood()
	defer stop()
	w := connectWire(t, d.udp4)
	end := time.Now().Add(patience) // of the flood too
	for n := 0; n < 200 || d.metric("keeptrack_livesync_pauses_total") < 3; n++ {
		if time.Now().After(end) {
			t.Fatal("the flood is not too much for the instance")
		}
		hash := hashOf(fmt.Sprint(n % 100))
		w.announceAll([]tracker.InfoHash{hash})
	}
	received := d.metric(`keeptrack_livesync_packets_total{direction="in",type="live"}`)
	t.Logf("%g packets taken, %g dropped", received, d.metric(`keeptrack_kernel_receive_drops_total{socket="livesync"}`))
	stop()
	announceTo(t, d.urls()["http IPv4"], hashOf("after"), 6881, 1, tracker.EventStarted)
}

// flood sends full packets of peers as fast as it can until it is stopped.
func (g *group) flood() (stop func()) {
	g.t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		g.t.Fatal(err)
	}
	m := ipv4.NewPacketConn(c)
	if err := firstError(m.SetMulticastInterface(loopbackInterface(g.t)), m.SetMulticastLoopback(true)); err != nil {
		g.t.Fatal(err)
	}
	packet := syncwire.AppendHeader(nil, syncwire.ID{1}, syncwire.KindLive)
	for i := range 52 {
		r := tracker.SyncRecord{InfoHash: hashOf(fmt.Sprint(i)), Peer: tracker.MakePeer4([4]byte{203, 0, 114, 1}, uint16(i+1))}
		packet = syncwire.AppendSync(packet, &r)
	}
	ended := make(chan struct{})
	end := time.Now().Add(patience)
	go func() {
		defer close(ended)
		for time.Now().Before(end) {
			if _, err := c.WriteTo(packet, g.address); err != nil {
				return
			}
		}
	}()
	return func() {
		c.Close()
		<-ended
	}
}
