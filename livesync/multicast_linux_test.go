package livesync

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"keeptrack/livesync/transport/multicast"
	"keeptrack/tracker"
)

// freePort returns a UDP port that nobody uses.
func freePort(t *testing.T) uint16 {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Port()
}

// startMulticast runs an instance on the loopback interface, with intervals
// short enough to wait for.
func startMulticast(t *testing.T, port uint16, records ...tracker.Record) *instance {
	t.Helper()
	o := defaults()
	o.MaxDelay = 10 * time.Millisecond
	o.FirstBeaconDelay = 200 * time.Millisecond
	o.BeaconInterval = 200 * time.Millisecond
	i := &instance{done: make(chan error, 1)}
	i.tracker = tracker.New(tracker.Options{
		PeerTimeout: time.Hour, RenewAfter: time.Hour, TorrentTimeout: 720 * time.Hour, AllowPrivate: true,
	}, time.Now())
	for _, r := range records {
		i.tracker.Load(i.tracker.Instant(time.Now()), r)
	}
	group, err := multicast.New(multicast.Options{
		Interface: "127.0.0.1", Group: netip.MustParseAddr("224.0.42.5"), Port: port,
		Nodes: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Loopback: true, MaxPacket: multicast.MaxPacket, Log: o.Log,
	})
	if err != nil {
		t.Fatal(err)
	}
	if i.Node, err = New(o, group, i.tracker); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	i.cancel = cancel
	go func() { i.done <- i.Run(ctx) }()
	return i
}

// TestPeerSyncOverMulticast has three instances on one host, one source
// address and port: only their ids tell them apart.
func TestPeerSyncOverMulticast(t *testing.T) {
	port := freePort(t)
	members := []*instance{startMulticast(t, port), startMulticast(t, port), startMulticast(t, port)}
	members[0].announce(testHash, "192.0.2.1:6881", 0, tracker.EventNone)
	members[1].announce(testHash, "192.0.2.2:6881", 1, tracker.EventStarted)
	members[2].announce(testHash, "192.0.2.3:6881", 0, tracker.EventCompleted)
	want := tracker.Counts{Seeders: 2, Leechers: 1, Downloaders: 1, Downloaded: 1}
	for k, i := range members {
		eventually(t, fmt.Sprintf("instance %d has the peers of all and drops its own packets", k), func() bool {
			return i.counts(testHash) == want && i.Stats().Drops[DropOwn] > 0
		})
	}
	stopAll(t, members...)
}

func TestScrapeSyncOverMulticast(t *testing.T) {
	port := freePort(t)
	all := testRecords(20_000)
	members := []*instance{startMulticast(t, port), startMulticast(t, port, all[:1_000]...), startMulticast(t, port, all...)}
	want := byHash(all)
	for k, i := range members {
		eventually(t, fmt.Sprintf("instance %d has every torrent", k), func() bool { return i.tracker.Torrents() == len(all) })
		for h, r := range i.records() {
			if r.Downloaded != want[h].Downloaded {
				t.Fatalf("instance %d counts %d for %s, want %d", k, r.Downloaded, h, want[h].Downloaded)
			}
		}
	}
	if c := members[0].Cluster(); len(c.Instances) != 2 {
		t.Errorf("knows %d others, want 2", len(c.Instances))
	}
	stopAll(t, members...)
}
