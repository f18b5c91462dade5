package nats

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	client "github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"keeptrack/cmd/testenv"
	"keeptrack/livesync/transport"
	"keeptrack/livesync/transport/nats/natstest"
	"keeptrack/livesync/transport/transporttest"
)

// serve runs a NATS server.
func serve(t testing.TB, config string) *natstest.Server {
	t.Helper()
	binary, err := natstest.Binary(testenv.Required())
	testenv.Need(t, "run nats-server", err)
	return natstest.Start(t, config, binary)
}

// groups numbers the groups of tests, which then share a server without hearing each other.
var groups atomic.Uint32

// at returns the options of a member of a group of its own.
func at(servers ...*natstest.Server) Options {
	o := Options{Subject: fmt.Sprintf("test.group%d", groups.Add(1)), Host: "host.example", MaxPacket: MaxPacket, Log: zerolog.Nop()}
	for _, s := range servers {
		o.URLs = append(o.URLs, "nats://"+s.Address)
	}
	return o
}

// begin opens a transport, which is closed at the end of the test.
func begin(t testing.TB, o Options) *link {
	t.Helper()
	tr, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	return tr.(*link)
}

// connected opens a transport and waits until it is up.
func connected(t testing.TB, o Options) *link {
	t.Helper()
	l := begin(t, o)
	eventually(t, "connected", func() bool { return l.State().Down == nil })
	return l
}

// eventually waits until ok, which has to be soon.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// next returns the next packet and its sender.
func next(t testing.TB, tr transport.Transport) (string, transport.Endpoint, error) {
	t.Helper()
	guard := time.AfterFunc(time.Minute, func() { tr.Close() })
	defer guard.Stop()
	buf := make([]byte, MaxPacket)
	n, from, err := tr.Receive(buf)
	return string(buf[:n]), from, err
}

// expect takes the next packet, which has to be want.
func expect(t testing.TB, tr transport.Transport, want string) transport.Endpoint {
	t.Helper()
	got, from, err := next(t, tr)
	if err != nil || got != want {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
	return from
}

func send(t testing.TB, tr transport.Transport, to transport.Endpoint, p string) {
	t.Helper()
	if err := tr.Send(to, []byte(p)); err != nil {
		t.Fatal(err)
	}
}

func TestConformance(t *testing.T) {
	s := serve(t, "")
	transporttest.Run(t, func(t *testing.T) (a, b transport.Transport) {
		o := at(s)
		return connected(t, o), connected(t, o)
	})
}

func TestOnlyTheOneMeantGetsAPacket(t *testing.T) {
	o := at(serve(t, ""))
	a, b, c := connected(t, o), connected(t, o), connected(t, o)
	o.Watch = true
	w := connected(t, o)
	send(t, b, transport.All, "hello")
	from := expect(t, a, "hello")
	expect(t, c, "hello")
	expect(t, w, "hello")
	if !strings.HasPrefix(from.String(), "host-") {
		t.Errorf("the sender is named %s", from)
	}
	send(t, a, from, "for b")
	send(t, a, transport.All, "for all")
	expect(t, b, "for b")
	expect(t, b, "for all")
	expect(t, c, "for all")
	expect(t, w, "for b")
	expect(t, w, "for all")
	if err := a.Send(transport.Named("c.d"), nil); err == nil {
		t.Error("a packet was sent to somebody who can be no member")
	}
}

// TestStrangeSendersAreForeign has somebody publish who is no member. Answers must not go
// to subjects that he chooses.
func TestStrangeSendersAreForeign(t *testing.T) {
	s := serve(t, "")
	o := at(s)
	a := connected(t, o)
	nc, err := client.Connect("nats://" + s.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for _, reply := range []string{"", "other.a-b", o.Subject + ".all", o.Subject + ".a-b.c", o.Subject + ".-" + strings.Repeat("x", maxName)} {
		if err := nc.PublishMsg(&client.Msg{Subject: o.Subject + ".all", Reply: reply, Data: []byte("x")}); err != nil {
			t.Fatal(err)
		}
		if _, from, err := next(t, a); !errors.Is(err, transport.ErrForeign) || a.Send(from, nil) == nil {
			t.Errorf("answers to %q: %v from %q", reply, err, from)
		}
	}
}

func TestAFullQueueLosesAndCounts(t *testing.T) {
	o := at(serve(t, ""))
	a, b := connected(t, o), connected(t, o)
	for range queue + 100 {
		send(t, a, transport.All, "x")
	}
	eventually(t, "100 packets are lost", func() bool { return b.Lost() == 100 })
	b.now.Load().client.Close()
	eventually(t, "another connection", func() bool { return b.State().Rejoined == 1 })
	if lost := b.Lost(); lost != 100 {
		t.Errorf("%d lost with the next connection", lost)
	}
}

// TestALoneMemberHearsNothing has a member send while nobody is there: the server's word
// of that is no packet.
func TestALoneMemberHearsNothing(t *testing.T) {
	o := at(serve(t, ""))
	a := connected(t, o)
	send(t, a, transport.All, "alone")
	send(t, a, transport.Named("gone-1"), "alone")
	if err := a.now.Load().client.Flush(); err != nil {
		t.Fatal(err)
	}
	send(t, connected(t, o), transport.All, "hello")
	expect(t, a, "hello")
}

// TestLongPacketsAreLost holds that they are counted, and not handed on in part. A watcher
// sees them.
func TestLongPacketsAreLost(t *testing.T) {
	o := at(serve(t, ""))
	a, b := connected(t, o), connected(t, o)
	o.Watch = true
	w := connected(t, o)
	long, longest := strings.Repeat("x", MaxPacket+1), strings.Repeat("y", MaxPacket)
	send(t, a, transport.All, long)
	send(t, a, transport.All, longest)
	expect(t, b, longest)
	if lost := b.Lost(); lost != 1 {
		t.Errorf("%d lost", lost)
	}
	expect(t, w, long[:MaxPacket]) // which is what the test has room for
}

func TestPauses(t *testing.T) {
	var pause time.Duration
	for i, tt := range []struct{ lasted, want time.Duration }{
		{0, 500 * time.Millisecond},
		{0, 750 * time.Millisecond},
		{time.Millisecond, 1125 * time.Millisecond}, // a server that hangs up at once
		{longestPause + 1, 500 * time.Millisecond},
	} {
		if pause = nextPause(pause, tt.lasted); pause != tt.want {
			t.Errorf("pause %d takes %s, want %s", i+1, pause, tt.want)
		}
	}
	for range 20 {
		pause = nextPause(pause, longestPause)
	}
	if pause != longestPause {
		t.Errorf("pauses grow to %s", pause)
	}
}

// TestNothingIsKeptWhileDown has the server go and come back.
func TestNothingIsKeptWhileDown(t *testing.T) {
	s := serve(t, "")
	o := at(s)
	var log bytes.Buffer
	a := connected(t, o)
	o.Log = zerolog.New(zerolog.SyncWriter(&log))
	b := connected(t, o)
	for range 2 {
		s.Stop()
		eventually(t, "both are down", func() bool { return a.State().Down != nil && b.State().Down != nil })
		if err := a.Send(transport.All, []byte("lost")); !errors.Is(err, transport.ErrDown) {
			t.Errorf("sent while down: %v", err)
		}
		s.Resume()
		eventually(t, "both are up", func() bool { return a.State().Down == nil && b.State().Down == nil })
		send(t, a, transport.All, "after it")
		expect(t, b, "after it")
	}
	if st := b.State(); st.Rejoined != 2 {
		t.Errorf("%+v", st)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if up, down := strings.Count(log.String(), "is connected"), strings.Count(log.String(), "is down"); up != 3 || down != 2 {
		t.Errorf("up %d times and down %d: %s", up, down, &log)
	}
}

// TestTheStartWaitsForNoServer holds that a server may come later, and that one which
// accepts connections and says nothing holds up nobody.
func TestTheStartWaitsForNoServer(t *testing.T) {
	s := serve(t, "")
	o := at(s)
	s.Stop()
	l := begin(t, o)
	eventually(t, "it is refused", func() bool { return strings.Contains(fmt.Sprint(l.State().Down), "refused") })
	s.Resume()
	eventually(t, "it connects", func() bool { return l.State().Down == nil })
}

// TestWhatWasSentIsOutBeforeClose has a member close that has packets unread.
func TestWhatWasSentIsOutBeforeClose(t *testing.T) {
	o := at(serve(t, ""))
	a, b := connected(t, o), connected(t, o)
	for i := range 1000 {
		send(t, b, transport.All, "noise")
		send(t, a, transport.All, fmt.Sprint(i))
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		expect(t, b, fmt.Sprint(i))
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for want, change := range map[string]func(o *Options){
		"no NATS servers":        func(o *Options) { o.URLs = nil },
		"URL 1 of a NATS server": func(o *Options) { o.URLs = []string{"http://a"} },
		"user or password":       func(o *Options) { o.URLs = []string{"nats://u:secret@a:4222"} },
		"subject":                func(o *Options) { o.Subject = "a.>" },
		"no user JWT":            func(o *Options) { o.Credentials = []byte("secret") },
		"packets of 0 bytes":     func(o *Options) { o.MaxPacket = 0 },
		"no certificate":         func(o *Options) { o.CA = []byte("secret") },
	} {
		o := Options{URLs: []string{"nats://127.0.0.1:1"}, Subject: "keeptrack", MaxPacket: MaxPacket}
		change(&o)
		if tr, err := New(o); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v, want %s", err, want)
			if err == nil {
				tr.Close()
			}
		}
	}
}

func TestURLs(t *testing.T) {
	for u, ok := range map[string]bool{
		"nats://a": true, "tls://a.example:4222": true, "nats://[::1]:4222": true, "nats://192.0.2.1": true,
		"": false, "a:4222": false, "ws://a": false, "nats://": false, "nats://:4222": false, "nats://a:0": false, "nats://a:70000": false,
		"nats://u@a": false, "nats://a/b": false, "nats://a,nats://b": false, "nats://a?b": false, "nats://a b": false,
	} {
		if err := CheckURL(u); (err == nil) != ok {
			t.Errorf("%q: %v", u, err)
		}
	}
}

func TestNames(t *testing.T) {
	for host, want := range map[string]string{"": "keeptrack-", "a.b": "a-", "*.>": "keeptrack-", strings.Repeat("x", 80): strings.Repeat("x", maxName-17) + "-"} {
		n := newNames("g", host)
		e, ok := n.sender(n.own)
		if !ok || !strings.HasPrefix(e.String(), want) || len(e.String()) != len(want)+16 {
			t.Errorf("a member on %q is named %q", host, e)
		}
		if s, err := n.subject(e); err != nil || s != n.own {
			t.Errorf("%s is reached at %s, %v", e, s, err)
		}
	}
}

// write returns the path of a file.
func write(t testing.TB, text []byte) string {
	t.Helper()
	path := t.TempDir() + "/file"
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestAServerThatHangs has one that keeps its connections and does nothing: sending waits
// for it no longer than it may, and then the member is down until the server goes on.
func TestAServerThatHangs(t *testing.T) {
	s := serve(t, "")
	o := at(s)
	a, b := connected(t, o), connected(t, o)
	s.Pause()
	packet := bytes.Repeat([]byte("x"), MaxPacket)
	var longest time.Duration
	eventually(t, "the member is down", func() bool {
		for range 1000 {
			began := time.Now()
			err := a.Send(transport.All, packet)
			if longest = max(longest, time.Since(began)); err != nil {
				break
			}
		}
		return a.State().Down != nil
	})
	t.Logf("down: %v; Send took %s at most", a.State().Down, longest)
	began := time.Now()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	t.Logf("Close took %s", time.Since(began))
	s.Continue()
	eventually(t, "the member is up", func() bool { return a.State().Down == nil })
}
