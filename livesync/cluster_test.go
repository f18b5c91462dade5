package livesync

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/livesync/transport"
	"keeptrack/livesync/transport/memory"
	"keeptrack/tracker"
)

// defaults are the options that the daemon's default config gives.
func defaults() Options {
	return Options{
		MaxDelay:         time.Second,
		FirstBeaconDelay: 30 * time.Minute,
		BeaconInterval:   time.Minute,
		InquireThreshold: 0.75,
		TellRate:         1000,
		PeerRate:         4_000_000,
		Log:              zerolog.Nop(),
	}
}

// lan is a link where nothing goes wrong.
var lan = memory.Link{Latency: time.Millisecond}

// maxPacket is the largest packet on most networks.
const maxPacket = 1472

// lanLimits are what multicast on an Ethernet gives.
var lanLimits = transport.Limits{MaxPacket: maxPacket, ReorderWindow: 100 * time.Millisecond}

// newNetwork returns a network of such links.
func newNetwork(seed uint64, l memory.Link) *memory.Network {
	return memory.New(memory.Options{Seed: seed, Limits: lanLimits, Link: l})
}

// instance is a tracker with its node, as the daemon ties them together.
type instance struct {
	*Node
	tracker *tracker.Tracker
	port    *memory.Port
	cancel  context.CancelFunc
	done    chan error
}

// start runs an instance on the network that got the group's peers long ago. It stops at
// the end of the test at the latest.
func start(t testing.TB, n *memory.Network, o Options, records ...tracker.Record) *instance {
	t.Helper()
	i := prepare(t, n, o, records...)
	i.newcomer.fill.state, i.newcomer.fill.ready = filled, true
	i.newcomer.fill.greet = time.Now().Add(1000 * time.Hour)
	i.run(t)
	return i
}

// startNewcomer is start for one that has none yet.
func startNewcomer(t testing.TB, n *memory.Network, o Options, records ...tracker.Record) *instance {
	t.Helper()
	i := prepare(t, n, o, records...)
	i.run(t)
	return i
}

// prepare makes an instance that does not run yet.
func prepare(t testing.TB, n *memory.Network, o Options, records ...tracker.Record) *instance {
	t.Helper()
	i := newInstance(n)
	for _, r := range records {
		i.tracker.Load(i.tracker.Instant(time.Now()), r)
	}
	i.join(t, o)
	return i
}

// newInstance returns an instance with an empty tracker and without a node.
func newInstance(n *memory.Network) *instance {
	i := &instance{port: n.Join(), done: make(chan error, 1)}
	i.tracker = tracker.New(tracker.Options{
		AnnounceInterval:    30 * time.Minute,
		MinAnnounceInterval: 15 * time.Minute,
		PeerTimeout:         45 * time.Minute,
		TorrentTimeout:      720 * time.Hour,
		RenewAfter:          10 * time.Minute,
		DefaultNumWant:      50,
		MaxNumWant:          200,
		AllowPrivate:        true,
	}, time.Now())
	return i
}

// join gives an instance its node.
func (i *instance) join(t testing.TB, o Options) {
	t.Helper()
	var err error
	if i.Node, err = New(o, i.port, i.tracker); err != nil {
		t.Fatal(err)
	}
}

func (i *instance) run(t testing.TB) {
	ctx, cancel := context.WithCancel(context.Background())
	i.cancel = cancel
	go func() { i.done <- i.Run(ctx) }()
	t.Cleanup(cancel)
}

// stop ends an instance and waits until it has ended.
func (i *instance) stop(t testing.TB) {
	t.Helper()
	i.cancel()
	if err := <-i.done; err != nil {
		t.Error(err)
	}
}

// announce has a client announce to the instance.
func (i *instance) announce(h tracker.InfoHash, peer string, left uint64, e tracker.Event) {
	a := tracker.Announce{InfoHash: h, Peer: peerOf(peer), Left: left, Event: e, NumWant: -1, Limit: 50}
	var r tracker.Reply
	i.tracker.Announce(i.tracker.Instant(time.Now()), &a, &r)
}

// peerOf returns the peer with this address and port.
func peerOf(s string) tracker.Peer {
	at := netip.MustParseAddrPort(s)
	return tracker.MakePeer(at.Addr(), at.Port())
}

// counts returns the instance's counts of a torrent.
func (i *instance) counts(h tracker.InfoHash) tracker.Counts {
	return i.tracker.Scrape(i.tracker.Instant(time.Now()), h)
}

// eventually waits until ok, which has to be soon.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}
