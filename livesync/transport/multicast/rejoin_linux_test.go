package multicast

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/livesync/transport"
)

// logLines is a log that can be read while it is written.
type logLines struct {
	mu    sync.Mutex
	lines [][]byte
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, bytes.Clone(p))
	return len(p), nil
}

// messages returns the messages since the first, which says that the group is
// joined.
func (l *logLines) messages(t *testing.T) (texts []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines[1:] {
		var m struct{ Message string }
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, m.Message)
	}
	return texts
}

// hears waits until g gets a packet that it sends, with its socket's loop on.
func hears(t *testing.T, g *group) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); {
		if err := g.Send(transport.All, []byte("p")); err != nil {
			if !errors.Is(err, transport.ErrDown) {
				t.Fatalf("Send returned %v, which would be logged as well", err)
			}
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if err := g.in.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if n, _, err := g.Receive(make([]byte, 16)); err == nil && n == 1 {
			return
		}
	}
	t.Fatalf("hears nothing, state %+v", g.State())
}

// until waits until the state of g is as it should be.
func until(t *testing.T, g *group, what string, ok func(transport.State) bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(g.State()); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so after 30 s: %s; state %+v", what, g.State())
		}
	}
}

// untilDown waits until g has noticed that its interface cannot be used.
func untilDown(t *testing.T, g *group) {
	t.Helper()
	until(t, g, "it is down", func(s transport.State) bool { return s.Down != nil })
	if err := g.Send(transport.All, []byte("p")); !errors.Is(err, transport.ErrDown) {
		t.Errorf("Send returned %v", err)
	}
}

// lookTwice waits until g has looked for its interface two times more.
func lookTwice(t *testing.T, g *group) {
	t.Helper()
	for range 2 {
		looked := g.lastLook()
		until(t, g, "it has looked again", func(transport.State) bool { return g.lastLook().After(looked) })
	}
}

func (g *group) lastLook() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.looked
}

const (
	downMessage = "live sync is down until its interface is back"
	upMessage   = "live sync has joined its group again"
)

// interfaceStory is what can happen to an interface, in two halves: it goes, and
// it comes back.
type interfaceStory struct {
	name    string
	byAddr  bool // the config names the address, not the interface
	goes    func(t *testing.T)
	comes   func(t *testing.T)
	noticed bool   // it is down in between
	now     string // the address afterwards
}

var interfaceStories = []interfaceStory{
	{
		name:    "deleted and made again",
		goes:    func(t *testing.T) { sh(t, "ip link del kt0") },
		comes:   func(t *testing.T) { makeInterface(t, "10.9.0.1") },
		noticed: true,
		now:     "10.9.0.1",
	},
	{
		name:    "deleted and made again with another address",
		goes:    func(t *testing.T) { sh(t, "ip link del kt0") },
		comes:   func(t *testing.T) { makeInterface(t, "10.9.0.2") },
		noticed: true,
		now:     "10.9.0.2",
	},
	{
		name: "deleted and made again at once with the same index",
		goes: func(t *testing.T) {
			at, err := (&Options{Interface: "kt0"}).find(netip.Addr{})
			if err != nil {
				t.Fatal(err)
			}
			sh(t, "ip link del kt0")
			makeInterface(t, "10.9.0.1", fmt.Sprint("index ", at.index))
		},
		comes: func(*testing.T) {},
		now:   "10.9.0.1",
	},
	{
		name:    "deleted and made again while others change all the time",
		goes:    func(t *testing.T) { storm(t); sh(t, "ip link del kt0") },
		comes:   func(t *testing.T) { makeInterface(t, "10.9.0.1") },
		noticed: true,
		now:     "10.9.0.1",
	},
	{
		name:    "set down and up",
		goes:    func(t *testing.T) { sh(t, "ip link set kt0 down") },
		comes:   func(t *testing.T) { sh(t, "ip link set kt0 up") },
		noticed: true,
		now:     "10.9.0.1",
	},
	{
		name:    "without an address for a while",
		goes:    func(t *testing.T) { sh(t, "ip addr flush dev kt0") },
		comes:   func(t *testing.T) { sh(t, "ip addr add 10.9.0.3/24 dev kt0") },
		noticed: true,
		now:     "10.9.0.3",
	},
	{
		name:  "a new address before the old one goes",
		goes:  func(t *testing.T) { sh(t, "ip addr add 10.9.1.1/24 dev kt0") },
		comes: func(t *testing.T) { sh(t, "ip addr del 10.9.0.1/24 dev kt0") },
		now:   "10.9.1.1",
	},
	{
		name:    "another interface takes the address",
		byAddr:  true,
		goes:    func(t *testing.T) { sh(t, "ip addr del 10.9.0.1/24 dev kt0") },
		comes:   func(t *testing.T) { sh(t, "ip addr add 10.9.0.1/24 dev kt1") },
		noticed: true,
		now:     "10.9.0.1",
	},
	{
		name:    "renamed and back",
		goes:    func(t *testing.T) { sh(t, "ip link set kt0 down; ip link set kt0 name kt9; ip link set kt9 up") },
		comes:   func(t *testing.T) { sh(t, "ip link set kt9 down; ip link set kt9 name kt0; ip link set kt0 up") },
		noticed: true,
		now:     "10.9.0.1",
	},
	{
		name: "in another namespace for a while",
		goes: func(t *testing.T) { sh(t, "ip netns add $NS; ip link set kt0 netns $NS") },
		comes: func(t *testing.T) {
			sh(t, "ip -n $NS link set kt0 netns %d; ip addr add 10.9.0.1/24 dev kt0; ip link set kt0 up; ip netns del $NS", os.Getpid())
		},
		noticed: true,
		now:     "10.9.0.1",
	},
}

// TestTheGroupOutlivesItsInterface has an interface go and come back in every
// way. A change is logged once, as down and as joined again.
func TestTheGroupOutlivesItsInterface(t *testing.T) {
	if !isolate(t) {
		return
	}
	sh(t, "ip link set lo up")
	var free func()
	stories := append(interfaceStories, interfaceStory{
		name:    "an address whose port is taken for a while",
		goes:    func(t *testing.T) { free = occupy(t, "10.9.0.4") },
		comes:   func(*testing.T) { free() },
		noticed: true,
		now:     "10.9.0.4",
	})
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) { tellStory(t, story) })
	}
}

// TestAnInterfaceThatIsDownIsWaitedFor at the start.
func TestAnInterfaceThatIsDownIsWaitedFor(t *testing.T) {
	if !isolate(t) {
		return
	}
	makeInterface(t, "10.9.0.1")
	sh(t, "ip link set kt0 down")
	o := testOptions(9696)
	o.Interface, o.Nodes = "kt0", []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}
	g, err := open(o)
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error)
	go func() { ran <- g.Run(t.Context()) }()
	untilDown(t, g)
	sh(t, "ip link set kt0 up")
	hears(t, g)
	if err := errors.Join(g.Close(), <-ran); err != nil {
		t.Error(err)
	}
}

func tellStory(t *testing.T, story interfaceStory) {
	makeInterface(t, "10.9.0.1")
	defer sh(t, "ip link del kt0")
	var log logLines
	o := testOptions(9696)
	o.Interface, o.Log, o.Nodes = "kt0", zerolog.New(&log), []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}
	if story.byAddr {
		o.Interface = "10.9.0.1"
	}
	g, err := open(o)
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ran <- g.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	}()
	hears(t, g)
	story.goes(t)
	if err := g.Send(transport.All, []byte("p")); err != nil && !errors.Is(err, transport.ErrDown) {
		t.Errorf("Send returned %v, which would be logged as well", err)
	}
	if story.noticed {
		untilDown(t, g)
		lookTwice(t, g)
	}
	back := time.Now()
	story.comes(t)
	until(t, g, "it has joined again", func(s transport.State) bool { return s.Rejoined > 0 })
	hears(t, g)
	t.Logf("heard again after %s", time.Since(back))
	want := []string{upMessage}
	if story.noticed {
		want = []string{downMessage, upMessage}
	}
	if got := log.messages(t); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("logged %q, want %q", got, want)
	}
	if s := g.State(); s.Down != nil || s.Rejoined != 1 || story.noticed == s.Since.Before(back) {
		t.Errorf("state %+v", s)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.at.from.String() != story.now {
		t.Errorf("sends from %s, want %s", g.at.from, story.now)
	}
}
