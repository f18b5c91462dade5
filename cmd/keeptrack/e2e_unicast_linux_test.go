package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/livesync/transport"
	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
)

// link is a line from a host to the router: both ends' addresses, with the lengths of
// their networks. The router is in the namespace that has the bridge.
type link struct {
	mtu          int
	router, host []string
}

// route takes host i off the bridge and puts it behind the router.
func (l *lan) route(i int, way link) {
	l.t.Helper()
	l.disconnect(i)
	host, port := l.hosts[i], fmt.Sprintf("p%d", i)
	l.ip(fmt.Sprintf("-n %s link add %s mtu %d type veth peer name eth0 mtu %d netns %s", l.name, port, way.mtu, way.mtu, host))
	for _, end := range []struct {
		namespace, device string
		addrs             []string
	}{{l.name, port, way.router}, {host, "eth0", way.host}} {
		l.ip(fmt.Sprintf("-n %s link set %s up", end.namespace, end.device))
		for _, a := range end.addrs {
			l.address(end.namespace, end.device, "add", a)
		}
	}
	l.routeBy(i, way.router)
}

// routeBy has host i send by way of the router's addresses.
func (l *lan) routeBy(i int, router []string) {
	l.t.Helper()
	for _, a := range router {
		via, _, _ := strings.Cut(a, "/")
		l.ip(fmt.Sprintf("-n %s route replace default via %s dev eth0", l.hosts[i], via))
	}
}

// move gives host i other addresses.
func (l *lan) move(i int, before, after link) {
	l.t.Helper()
	for _, a := range before.host {
		l.address(l.hosts[i], "eth0", "del", a)
	}
	for _, a := range after.host {
		l.address(l.hosts[i], "eth0", "add", a)
	}
	l.routeBy(i, after.router)
}

// address adds or deletes an address.
func (l *lan) address(namespace, device, what, addr string) {
	l.t.Helper()
	at := fmt.Sprintf("-n %s addr %s %s dev %s", namespace, what, addr, device)
	if what == "add" && strings.Contains(addr, ":") {
		at += " nodad" // nobody else has it
	}
	l.ip(at)
}

// forward has the router forward packets.
func (l *lan) forward() {
	l.t.Helper()
	within(l.t, l.name, func() {
		for _, path := range []string{"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"} {
			if err := os.WriteFile(path, []byte("1"), 0); err != nil {
				l.t.Error(err)
			}
		}
	})
}

// names has names of hosts stand for addresses, on all hosts.
func (l *lan) names(lines ...string) {
	l.t.Helper()
	for _, h := range l.hosts {
		dir := filepath.Join("/etc/netns", h)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			testenv.Need(l.t, "give namespaces a hosts file", err)
		}
		l.t.Cleanup(func() { os.RemoveAll(dir) })
		text := "127.0.0.1 localhost\n" + strings.Join(lines, "\n") + "\n"
		if err := os.WriteFile(filepath.Join(dir, "hosts"), []byte(text), 0o644); err != nil {
			l.t.Fatal(err)
		}
	}
}

// peersOf returns what the instance says of its unicast peers.
func peersOf(t *testing.T, d *instance) map[string]transport.Peer {
	t.Helper()
	var s struct {
		Transport struct{ Peers []transport.Peer }
	}
	if err := json.Unmarshal([]byte(d.mustAPI("GET", "cluster")), &s); err != nil {
		t.Fatal(err)
	}
	all := map[string]transport.Peer{}
	for _, p := range s.Transport.Peers {
		all[p.Name] = p
	}
	return all
}

// TestExactOverUnicast: three instances behind a router, on networks of their own. One has
// a link with the least MTU of IPv6 and moves to other addresses under its name; one has
// IPv6 alone. All have the same list, in which one can never be reached.
func TestExactOverUnicast(t *testing.T) {
	testenv.NeedIPv6(t)
	torrents, rate, stretch := exactLoad()
	const gone = "203.0.113.9:9696"
	g := newEmptyCluster(t, 3, torrents, sealed(t, groupKey("a")).with(settings{
		"livesync.transport": `"unicast"`,
		"livesync.listen":    `":9696"`,
		"livesync.peers":     fmt.Sprintf(`["a.test:9696", "b.test:9696", "c.test:9696", %q]`, gone),
	}))
	g.forward()
	g.route(0, link{1500, []string{"192.0.2.1/24", "2001:db8:1::1/64"}, []string{"192.0.2.2/24", "2001:db8:1::2/64"}})
	before := link{1280, []string{"198.51.100.1/24", "2001:db8:2::1/64"}, []string{"198.51.100.2/24", "2001:db8:2::2/64"}}
	after := link{1280, before.router, []string{"198.51.100.9/24", "2001:db8:2::9/64"}}
	g.route(1, before)
	g.route(2, link{1500, []string{"2001:db8:3::1/64"}, []string{"2001:db8:3::2/64"}})
	still := []string{"192.0.2.2 a.test", "2001:db8:1::2 a.test", "2001:db8:3::2 c.test"}
	g.names(append(still, "198.51.100.2 b.test", "2001:db8:2::2 b.test")...)
	for i := range g.hosts {
		g.start(i)
	}
	g.watch()
	g.during(rate, func() {
		g.accept(stretch / 2)
		g.move(1, before, after)
		g.names(append(still, "198.51.100.9 b.test", "2001:db8:2::9 b.test")...)
		waitFor(t, "the new address to be heard", func() bool {
			p := peersOf(t, g.all[0])["b.test:9696"]
			return fmt.Sprint(p.Addresses) == "[198.51.100.9:9696 [2001:db8:2::9]:9696]" && time.Since(p.Heard) < time.Second
		})
		g.accept(stretch / 2)
	})
	g.waitExact("the load has ended")
	g.wantPeersEverywhere()
	for i, d := range g.all {
		waitFor(t, "one peer to be missed", func() bool { return d.metric("keeptrack_livesync_peers_unheard") == 1 })
		peers := peersOf(t, d)
		for k, name := range []string{"a.test:9696", "b.test:9696", "c.test:9696"} {
			if p := peers[name]; p.Self != (k == i) || p.Unheard || p.Heard.IsZero() != p.Self {
				t.Errorf("host %d: %+v", i, p)
			}
		}
		if p := peers[gone]; !p.Unheard || d.metric("keeptrack_livesync_up") != 1 {
			t.Errorf("host %d: %+v", i, p)
		}
		waitFor(t, "a warning", func() bool { return d.logged("a live sync peer is not heard") > 0 })
	}
	g.end()
}

// wantPeersEverywhere has a peer announce on each host, and waits until every instance
// has them all.
func (c *cluster) wantPeersEverywhere() {
	c.t.Helper()
	swarm := hashOf("everywhere")
	for i, p := range c.taps {
		if err := p.announce(c.ctx, swarm, uint16(2000+i), tracker.EventStarted); err != nil {
			c.t.Fatal(err)
		}
	}
	for _, p := range c.taps {
		waitFor(c.t, "the peers of all hosts", func() bool { return p.leechers(c.ctx, swarm) == len(c.taps) })
	}
}

// leechers returns the number of leechers of a torrent.
func (p *tap) leechers(ctx context.Context, h tracker.InfoHash) int {
	answer, err := p.ask(ctx, func(id uint64, transaction uint32) []byte {
		return bep15.ScrapeRequest{ConnectionID: id, TransactionID: transaction, InfoHashes: h[:]}.Append(nil)
	})
	if err != nil {
		return -1
	}
	r, err := bep15.ParseScrapeReply(answer)
	if err != nil || r.Len() != 1 {
		return -1
	}
	return int(r.Row(0).Leechers)
}
