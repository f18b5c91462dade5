// Package memory is a network in memory whose links lose, repeat, delay and
// reorder packets as a test says.
//
// It is made for testing/synctest: it waits by timers only. What happens on a
// link depends on the seed and the packets on that link alone, so that a run can
// be repeated.
package memory

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"keeptrack/livesync/transport"
)

// Link says what happens to packets from one port of a network to another.
type Link struct {
	// Latency is how long every packet takes, Jitter the most that it takes
	// beyond that, at random: so jitter reorders.
	Latency, Jitter time.Duration
	// Loss and Duplicate are shares of the packets.
	Loss, Duplicate float64
	// Cut lets nothing through.
	Cut bool
	// Foreign makes the receiver distrust the sender.
	Foreign bool
}

// Options describe a network.
type Options struct {
	Seed   uint64
	Limits transport.Limits
	// Link is every link that nobody has set.
	Link Link
	// Broadcast sends packets for one member to all, as multicast does.
	Broadcast bool
	// Shared puts all members at one endpoint, as multicast does with instances on one
	// host: what one sends comes back to it, too.
	Shared bool
	// Ordered keeps packets from one port to another in the order in which they were
	// sent, as NATS does.
	Ordered bool
}

// Network connects ports.
type Network struct {
	options Options

	mu     sync.Mutex
	tap    func(from transport.Endpoint, p []byte)
	joined uint64 // ports so far
	ports  []*Port
	plain  Link // every link that nobody has set
	links  map[route]Link
	dice   map[route]*rand.Rand
	last   map[route]time.Time // when the last packet arrives, if they are ordered
}

// route is a sender and a receiver.
type route struct{ from, to *Port }

// New returns a network without ports.
func New(o Options) *Network {
	return &Network{options: o, plain: o.Link, links: make(map[route]Link), dice: make(map[route]*rand.Rand), last: make(map[route]time.Time)}
}

// Join adds a port.
func (n *Network) Join() *Port {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.joined++
	at := transport.Named(fmt.Sprintf("port %d", n.joined))
	if n.options.Shared {
		at = transport.Named("host")
	}
	p := newPort(n, n.joined, at)
	n.ports = append(n.ports, p)
	return p
}

// Ports returns the ports that are open, in the order in which they joined.
func (n *Network) Ports() []*Port {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.ports)
}

// SetLink changes what happens from one port to another.
func (n *Network) SetLink(from, to *Port, l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.links[route{from, to}] = l
}

// SetAll changes what happens everywhere.
func (n *Network) SetAll(l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.plain = l
	clear(n.links)
}

// Tap shows fn every packet sent from now on, before the links do their part;
// nil ends that. fn must not use the network and must not keep p.
func (n *Network) Tap(fn func(from transport.Endpoint, p []byte)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tap = fn
}

// send carries a packet from a port to the others that it is for.
func (n *Network) send(from *Port, to transport.Endpoint, b []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.tap != nil {
		n.tap(from.endpoint, b)
	}
	data := slices.Clone(b)
	for _, p := range n.ports {
		if (p != from || n.options.Shared) && (to == transport.All || n.options.Broadcast || to == p.endpoint) {
			n.carry(from, p, data)
		}
	}
}

// carry takes a packet over one link. n.mu is held.
func (n *Network) carry(from, to *Port, data []byte) {
	l, dice := n.route(from, to)
	copies := 1
	if dice.Float64() < l.Duplicate {
		copies++
	}
	for range copies {
		if l.Cut || dice.Float64() < l.Loss {
			continue
		}
		delay := l.Latency
		if l.Jitter > 0 {
			delay += time.Duration(dice.Int64N(int64(l.Jitter)))
		}
		if n.options.Ordered {
			delay = n.behind(route{from, to}, delay)
		}
		session := to.session.Load()
		time.AfterFunc(delay, func() { to.deliver(packet{data, from.endpoint, l.Foreign}, session) })
	}
}

// behind returns the delay with which a packet arrives after the one before on its route.
// n.mu is held.
func (n *Network) behind(r route, delay time.Duration) time.Duration {
	now := time.Now()
	at := now.Add(delay)
	if last := n.last[r]; !at.After(last) {
		at = last.Add(1)
	}
	n.last[r] = at
	return at.Sub(now)
}

// route returns the link of a route and its source of chance. n.mu is held.
func (n *Network) route(from, to *Port) (Link, *rand.Rand) {
	r := route{from, to}
	dice := n.dice[r]
	if dice == nil {
		dice = rand.New(rand.NewPCG(n.options.Seed, from.number<<32|to.number))
		n.dice[r] = dice
	}
	if l, ok := n.links[r]; ok {
		return l, dice
	}
	return n.plain, dice
}

// leave removes a port.
func (n *Network) leave(p *Port) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ports = slices.DeleteFunc(n.ports, func(other *Port) bool { return other == p })
}
