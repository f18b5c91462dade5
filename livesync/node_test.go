package livesync

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/livesync/transport"
	"keeptrack/livesync/transport/memory"
	"keeptrack/livesync/wire"
	"keeptrack/livesync/wire/wiretest"
	"keeptrack/tracker"
)

var testHash = tracker.InfoHash{0x50, 0x24}

func TestPeersAreSynced(t *testing.T) {
	for name, peer := range map[string]string{"IPv4": "192.0.2.1:6881", "IPv6": "[2001:db8::1]:6881"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(1, lan)
				a, b := start(t, n, defaults()), start(t, n, defaults())
				expect := func(what string, want tracker.Counts) {
					t.Helper()
					time.Sleep(defaults().MaxDelay + lan.Latency)
					synctest.Wait()
					for name, i := range map[string]*instance{"told": a, "other": b} {
						if got := i.counts(testHash); got != want {
							t.Errorf("after %s the %s instance has %+v, want %+v", what, name, got, want)
						}
					}
				}
				a.announce(testHash, peer, 1, tracker.EventStarted)
				expect("a start", tracker.Counts{Leechers: 1, Downloaders: 1})
				a.announce(testHash, peer, 0, tracker.EventCompleted)
				expect("a completion", tracker.Counts{Seeders: 1, Downloaded: 1})
				a.announce(testHash, peer, 0, tracker.EventCompleted)
				expect("the completion again", tracker.Counts{Seeders: 1, Downloaded: 1})
				a.announce(testHash, peer, 0, tracker.EventStopped)
				expect("a stop", tracker.Counts{Downloaded: 1})
				if out := b.Stats().Out[wire.KindLive].Packets + b.Stats().Out[wire.KindLive6].Packets; out != 0 {
					t.Errorf("what was learned was told again in %d packets", out)
				}
				a.stop(t)
				b.stop(t)
			})
		})
	}
}

func TestRunSendsWhatItHoldsBeforeItReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(1, lan)
		a, b := start(t, n, defaults()), start(t, n, defaults())
		synctest.Wait()
		a.announce(testHash, "192.0.2.1:1", 0, tracker.EventNone)
		a.stop(t)
		time.Sleep(lan.Latency)
		synctest.Wait()
		if got := b.counts(testHash); got.Seeders != 1 {
			t.Errorf("the other instance has %+v", got)
		}
		b.stop(t)
	})
}

func TestDuplicatesAndReorderingChangeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(7, memory.Link{Latency: time.Millisecond, Jitter: 3 * time.Second, Duplicate: 0.8})
		a, b := start(t, n, defaults()), start(t, n, defaults())
		for p := range 200 {
			a.announce(testHash, fmt.Sprintf("192.0.2.1:%d", p+1), 1, tracker.EventStarted)
			time.Sleep(100 * time.Millisecond)
			a.announce(testHash, fmt.Sprintf("192.0.2.1:%d", p+1), 0, tracker.EventCompleted)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		want := tracker.Counts{Seeders: 200, Downloaded: 200}
		if got := a.counts(testHash); got != want {
			t.Errorf("told instance: %+v, want %+v", got, want)
		}
		if got := b.counts(testHash); got.Downloaded != want.Downloaded {
			t.Errorf("other instance: %+v, want %d downloaded", got, want.Downloaded)
		}
		a.stop(t)
		b.stop(t)
	})
}

// newQuiet returns a node that nobody runs, with its tracker.
func newQuiet(t testing.TB) *instance {
	t.Helper()
	return quietNode(t, defaults())
}

// quietNode is newQuiet with options.
func quietNode(t testing.TB, o Options) *instance {
	t.Helper()
	o.ID = wire.ID{0xca, 0xfe, 0xba, 0xbe}
	i := &instance{tracker: tracker.New(tracker.Options{PeerTimeout: time.Hour, TorrentTimeout: 720 * time.Hour}, time.Now())}
	var err error
	if i.Node, err = New(o, newNetwork(1, lan).Join(), i.tracker); err != nil {
		t.Fatal(err)
	}
	return i
}

// node is where packets come from that nobody sent.
var node = transport.At(netip.MustParseAddrPort("10.1.2.3:9696"))

func TestReceivedPacketsThatAreNotUsedAreCounted(t *testing.T) {
	own := wiretest.Packet(t, "live_one_seed")
	own = append([]byte{0xca, 0xfe, 0xba, 0xbe}, own[4:]...)
	public := wiretest.Packet(t, "live_one_seed")
	binary.BigEndian.PutUint32(public[wire.HeaderSize+20:], 0x08080808)
	partial := append(append([]byte(nil), public...), 0xff)
	tests := []struct {
		name     string
		packet   []byte
		want     Drop
		torrents int
	}{
		{"good", public, DropNone, 1},
		{"short", wiretest.Packet(t, "short"), DropShort, 0},
		{"own id", own, DropOwn, 0},
		{"unknown type", wiretest.Packet(t, "unknown_type"), DropUnknownType, 0},
		{"beacon too long", wiretest.Packet(t, "beacon_long"), DropBadLength, 0},
		{"inquire too short", wiretest.Packet(t, "inquire_short"), DropBadLength, 0},
		{"trailing byte", partial, DropTrailing, 1},
		{"port 0", wiretest.Packet(t, "live_port0"), DropBadPeer, 0},
		{"address not accepted from clients", wiretest.Packet(t, "live_one_seed"), DropBadPeer, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			i := newQuiet(t)
			i.receive(tt.packet, node, time.Now())
			if got := i.tracker.Torrents(); got != tt.torrents {
				t.Errorf("%d torrents, want %d", got, tt.torrents)
			}
			for d, got := range i.Stats().Drops {
				want := uint64(0)
				if Drop(d) == tt.want && tt.want != DropNone {
					want = 1
				}
				if got != want {
					t.Errorf("%s counted %d times, want %d", Drop(d), got, want)
				}
			}
		})
	}
}

func TestForeignPacketsAreCountedAndNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(1, lan)
		a, b := start(t, n, defaults()), start(t, n, defaults())
		n.SetLink(a.port, b.port, memory.Link{Foreign: true})
		a.announce(testHash, "192.0.2.1:1", 0, tracker.EventNone)
		reach()
		want := Stats{}
		want.Drops[DropForeign] = 1
		if got := b.Stats(); got != want || b.tracker.Torrents() > 0 {
			t.Errorf("%d torrents, %+v, want %+v", b.tracker.Torrents(), got, want)
		}
		a.stop(t)
		b.stop(t)
	})
}

// failing is a transport that can go on no longer.
type failing struct{ *memory.Port }

var errFailing = errors.New("no more")

func (f failing) Run(context.Context) error { return errors.Join(errFailing, f.Close()) }

func TestRunReturnsTheErrorOfItsTransport(t *testing.T) {
	i := newQuiet(t)
	var err error
	if i.Node, err = New(defaults(), failing{newNetwork(1, lan).Join()}, i.tracker); err != nil {
		t.Fatal(err)
	}
	if err := i.Run(t.Context()); !errors.Is(err, errFailing) {
		t.Errorf("Run returned %v", err)
	}
}

// troubled is a transport whose Send returns one error after the other.
type troubled struct {
	*memory.Port
	errs []error
}

func (t *troubled) Send(transport.Endpoint, []byte) error {
	err := t.errs[0]
	t.errs = t.errs[1:]
	return err
}

func TestFailuresToSendAreLoggedWhenTheyBeginAndEnd(t *testing.T) {
	full, down := errors.New("no buffer"), fmt.Errorf("%w: no interface", transport.ErrDown)
	for name, tt := range map[string]struct {
		errs []error
		want string
	}{
		"none":                       {[]error{nil, nil}, ""},
		"some":                       {[]error{full, full, nil, nil, full}, "cannot send, sends again, cannot send"},
		"down, which it says itself": {[]error{nil, down, down, nil}, ""},
		"down in between":            {[]error{full, down, nil}, "cannot send, sends again"},
	} {
		i := newQuiet(t)
		var log bytes.Buffer
		i.options.Log = zerolog.New(&log)
		i.transport = &troubled{errs: tt.errs}
		failures := uint64(0)
		for _, err := range tt.errs {
			if err != nil {
				failures++
			}
			i.sendToAll(wire.KindBeacon, nil)
		}
		var said []string
		for line := range bytes.Lines(log.Bytes()) {
			_, text, _ := strings.Cut(string(line), "live sync ")
			text, _, _ = strings.Cut(text, `"`)
			said = append(said, text)
		}
		if got := strings.Join(said, ", "); got != tt.want || i.counters.sendFailures.Load() != failures {
			t.Errorf("%s: logged %q, want %q; %d failures, want %d", name, got, tt.want, i.counters.sendFailures.Load(), failures)
		}
	}
}

func emptyTracker() *tracker.Tracker {
	return tracker.New(tracker.Options{PeerTimeout: time.Hour}, time.Now())
}

func TestNewRefusesSmallPackets(t *testing.T) {
	smallest := wire.SmallestPacket
	for name, tt := range map[string]struct {
		options Options
		size    int
		ok      bool
	}{
		"enough":              {defaults(), smallest, true},
		"one byte less":       {defaults(), smallest - 1, false},
		"enough, sealed":      {sealed(keysOf(t, 1)), smallest + wire.SealOverhead, true},
		"one less and sealed": {sealed(keysOf(t, 1)), smallest + wire.SealOverhead - 1, false},
	} {
		limits := transport.Limits{MaxPacket: tt.size}
		_, err := New(tt.options, memory.New(memory.Options{Limits: limits}).Join(), emptyTracker())
		need := fmt.Sprintf("packets of %d bytes are too small, at least %d are needed", tt.size, tt.size+1)
		if (err == nil) != tt.ok || err != nil && !strings.Contains(err.Error(), need) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNewRefusesImpossibleOptions has the options just inside their bounds and just
// outside. All that is wrong is told at once.
func TestNewRefusesImpossibleOptions(t *testing.T) {
	for _, tt := range []struct {
		good, bad func(*Options)
		want      string
	}{
		{func(o *Options) { o.MaxDelay = 1 }, func(o *Options) { o.MaxDelay = 0 }, "max delay 0s"},
		{func(o *Options) { o.FirstBeaconDelay = 0 }, func(o *Options) { o.FirstBeaconDelay = -1 }, "first beacon delay -1ns"},
		{func(o *Options) { o.BeaconInterval = 1 }, func(o *Options) { o.BeaconInterval = 0 }, "beacon interval 0s"},
		{func(o *Options) { o.InquireThreshold = 0 }, func(o *Options) { o.InquireThreshold = -0.1 }, "threshold -0.1"},
		{func(o *Options) { o.InquireThreshold = 1 }, func(o *Options) { o.InquireThreshold = 1.1 }, "threshold 1.1"},
		{func(o *Options) { o.TellRate = 1 }, func(o *Options) { o.TellRate = 0 }, "tell rate 0"},
		{func(o *Options) { o.TellRate = MaxTellRate }, func(o *Options) { o.TellRate = MaxTellRate + 1 }, "tell rate 1000001"},
		{func(o *Options) { o.PeerRate = MinPeerRate }, func(o *Options) { o.PeerRate = MinPeerRate - 1 }, "peer rate 9999"},
		{func(o *Options) { o.PeerRate = MaxPeerRate }, func(o *Options) { o.PeerRate = MaxPeerRate + 1 }, "peer rate 10000000001"},
	} {
		o := defaults()
		tt.good(&o)
		if _, err := New(o, newNetwork(1, lan).Join(), emptyTracker()); err != nil {
			t.Errorf("refused beside %q: %v", tt.want, err)
		}
		tt.bad(&o)
		if _, err := New(o, newNetwork(1, lan).Join(), emptyTracker()); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
	_, err := New(Options{PeerRate: MinPeerRate}, newNetwork(1, lan).Join(), emptyTracker())
	if err == nil || strings.Count(err.Error(), "live sync: ") != 3 {
		t.Errorf("got %v, want what is wrong with three options", err)
	}
}

// livePacket is a full packet of one peer each in as many torrents.
func livePacket(k int) []byte {
	b := wire.AppendHeader(nil, wire.ID{1}, wire.KindLive)
	for j := range wire.KindLive.Records(maxPacket) {
		r := tracker.SyncRecord{Peer: tracker.MakePeer4([4]byte{8, 8, 8, byte(j)}, 6881), Flags: tracker.SyncSeeding}
		binary.BigEndian.PutUint32(r.InfoHash[:], uint32(k*64+j)*2654435761)
		b = wire.AppendSync(b, &r)
	}
	return b
}

func TestReceiveDoesNotAllocate(t *testing.T) {
	i, p := newQuiet(t), livePacket(0)
	now := time.Now()
	if allocs := testing.AllocsPerRun(100, func() { i.receive(p, node, now) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkReceiveLive(b *testing.B) {
	i := newQuiet(b)
	packets := make([][]byte, 2000)
	for k := range packets {
		packets[k] = livePacket(k)
		i.receive(packets[k], node, time.Now())
	}
	now := time.Now()
	records := 0
	b.ReportAllocs()
	for b.Loop() {
		i.receive(packets[records/52%len(packets)], node, now)
		records += 52
	}
	b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
	if i.Stats().Drops[DropBadPeer] > 0 {
		b.Fatal("records were dropped")
	}
}
