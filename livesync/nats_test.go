package livesync

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/livesync/exact"
	"keeptrack/livesync/transport/nats"
	"keeptrack/livesync/transport/nats/natstest"
	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// natsGroup is a group of instances, each with a NATS server of its own, which are a
// cluster; and what has truly been completed there.
type natsGroup struct {
	t       *testing.T
	servers []*natstest.Server
	members []*instance
	hashes  []tracker.InfoHash
	truth   map[tracker.InfoHash]uint64
	clients uint32
}

// newNATSGroup starts n of each, and waits until all instances hear all others.
func newNATSGroup(t *testing.T, n int) *natsGroup {
	t.Helper()
	binary, err := natstest.Binary(testenv.Required())
	testenv.Need(t, "run nats-server", err)
	g := &natsGroup{t: t, truth: make(map[tracker.InfoHash]uint64)}
	for _, r := range testRecords(30) {
		g.hashes = append(g.hashes, r.InfoHash)
	}
	var ports []int
	var routes []string
	for range n {
		ports = append(ports, natstest.FreePort(t))
		routes = append(routes, fmt.Sprintf(`"nats://127.0.0.1:%d"`, ports[len(ports)-1]))
	}
	for _, port := range ports {
		g.servers = append(g.servers, natstest.Start(t,
			fmt.Sprintf(`cluster { name: test, listen: "127.0.0.1:%d", routes: [ %s ] }`, port, strings.Join(routes, ", ")), binary))
	}
	for _, s := range g.servers {
		g.members = append(g.members, g.start(s))
	}
	eventually(t, "all hear all", func() bool {
		for _, m := range g.members {
			if len(m.Cluster().Instances) != n-1 {
				return false
			}
		}
		return true
	})
	return g
}

// start runs an instance at a server, with a key.
func (g *natsGroup) start(s *natstest.Server) *instance {
	g.t.Helper()
	o := defaults()
	o.MaxDelay, o.FirstBeaconDelay, o.BeaconInterval = 10*time.Millisecond, 200*time.Millisecond, 2*time.Second
	o.RenewAfter, o.TorrentTimeout = 10*time.Minute, 720*time.Hour
	o.Keep = func(exact.State) {}
	var err error
	if o.Keys, err = wire.ParseKeys(strings.NewReader(strings.Repeat("ab", wire.KeySize))); err != nil {
		g.t.Fatal(err)
	}
	i := &instance{done: make(chan error, 1)}
	i.tracker = tracker.New(tracker.Options{PeerTimeout: time.Hour, RenewAfter: o.RenewAfter, TorrentTimeout: o.TorrentTimeout, AllowPrivate: true}, time.Now())
	link, err := nats.New(nats.Options{URLs: []string{"nats://" + s.Address}, Subject: "keeptrack", MaxPacket: nats.MaxPacket, Log: o.Log})
	if err != nil {
		g.t.Fatal(err)
	}
	if i.Node, err = New(o, link, i.tracker); err != nil {
		g.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	i.cancel = cancel
	go func() { i.done <- i.Run(ctx) }()
	g.t.Cleanup(cancel)
	return i
}

// complete has n clients complete a download, in turn at each member.
func (g *natsGroup) complete(n int) {
	for range n {
		g.clients++
		h := g.hashes[int(g.clients)*7%len(g.hashes)]
		g.truth[h]++
		address := netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 0x0a000000+g.clients)))
		g.members[int(g.clients)%len(g.members)].announce(h, netip.AddrPortFrom(address, 6881).String(), 0, tracker.EventCompleted)
	}
}

// isExact reports whether all members show what was completed. It fails the test if one
// shows more.
func (g *natsGroup) isExact() bool {
	exact := true
	for k, m := range g.members {
		for h, want := range g.truth {
			got := m.counts(h).Downloaded
			if got > want {
				g.t.Fatalf("member %d counts %d completions of %s, and there were %d", k, got, h, want)
			}
			exact = exact && got == want
		}
	}
	return exact
}

// TestExactOverNATSAfterAPartition stops one of three servers for a while, with completions
// on both sides.
func TestExactOverNATSAfterAPartition(t *testing.T) {
	g := newNATSGroup(t, 3)
	g.complete(300)
	eventually(t, "exact at first", g.isExact)
	g.tellSums()
	g.servers[2].Stop()
	eventually(t, "one member is cut off", func() bool { return g.members[2].Transport().Down != nil })
	g.complete(300)
	if g.isExact() {
		t.Error("nobody was cut off")
	}
	g.servers[2].Resume()
	eventually(t, "the member is back", func() bool { return g.members[2].Transport().Down == nil })
	g.complete(300)
	eventually(t, "exact again", g.isExact)
	eventually(t, "nobody lacks peers", g.haveAllPeers)
	stopAll(t, g.members...)
}

// TestExactOverNATSWhileAServerRestarts restarts a server under load.
func TestExactOverNATSWhileAServerRestarts(t *testing.T) {
	g := newNATSGroup(t, 3)
	g.complete(30)
	g.tellSums()
	before := runtime.NumGoroutine()
	load := time.NewTicker(time.Millisecond)
	defer load.Stop()
	for n := range uint64(testenv.Pick(3, 10)) {
		g.servers[0].Leave()
		g.servers[0].Resume()
		eventually(t, "the member is back", func() bool {
			<-load.C
			g.complete(3)
			return g.members[0].Transport().Rejoined == n+1
		})
	}
	eventually(t, "exact", g.isExact)
	eventually(t, "nobody lacks peers", g.haveAllPeers)
	t.Logf("%d completions", g.clients)
	eventually(t, "no goroutine is left over", func() bool { return runtime.NumGoroutine() <= before })
	stopAll(t, g.members...)
}

// tellSums waits until each member has heard a sum of what each other one has published:
// what was lost before that does not come back.
func (g *natsGroup) tellSums() {
	g.t.Helper()
	eventually(g.t, "sums of all are heard", func() bool {
		for _, m := range g.members {
			m.lost.mu.Lock()
			heard := len(m.lost.lacking)
			m.lost.mu.Unlock()
			if heard < len(g.members)-1 {
				return false
			}
		}
		return true
	})
}

// haveAllPeers reports whether all members have every client.
func (g *natsGroup) haveAllPeers() bool {
	for _, m := range g.members {
		for h, want := range g.truth {
			if uint64(m.counts(h).Seeders) != want {
				return false
			}
		}
	}
	return true
}

// TestANewcomerOverNATSHasAllPeers starts an instance beside two that have run for a while.
func TestANewcomerOverNATSHasAllPeers(t *testing.T) {
	g := newNATSGroup(t, 2)
	for range 20 {
		g.complete(1000) // no more at a time than what waits to be sent
		eventually(t, "both have the peers", g.haveAllPeers)
	}
	began := time.Now()
	newcomer := g.start(g.servers[1])
	g.members = append(g.members, newcomer)
	eventually(t, "the newcomer is ready", func() bool { return !newcomer.Filling() })
	t.Logf("ready after %s", time.Since(began))
	if !g.haveAllPeers() {
		t.Error("the newcomer lacks peers")
	}
	eventually(t, "the newcomer has all counts", g.isExact)
	stopAll(t, g.members...)
}
