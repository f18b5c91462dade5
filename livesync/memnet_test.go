package livesync

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// link says what happens to packets from one port of a network to another.
type link struct {
	latency, jitter time.Duration // each packet takes latency plus up to jitter, so that jitter reorders
	loss, duplicate float64       // shares of the packets
	cut             bool          // nothing comes through
}

// memNet is a network in memory where every packet goes to every other port.
// Made for testing/synctest: it waits by timers only. What happens on a link
// depends on the seed and the packets on that link alone, so that a run can be
// repeated.
type memNet struct {
	seed uint64
	// tap, if not nil, sees every packet sent, before the links do. It is
	// called with mu held.
	tap func(from netip.AddrPort, p []byte)

	mu    sync.Mutex
	given uint64 // ports given out
	ports []*memPort
	plain link               // every link that nobody set
	links map[memRoute]*link // those set
	dice  map[memRoute]*rand.Rand
}

// memRoute is a sender and a receiver.
type memRoute struct{ from, to *memPort }

// memPort is a port of a memNet.
type memPort struct {
	net    *memNet
	number uint64
	addr   netip.AddrPort
	in     chan memPacket
	lost   atomic.Uint64
	close  sync.Once
	closed chan struct{}
}

type memPacket struct {
	data []byte
	from netip.AddrPort
}

var _ Transport = (*memPort)(nil)

// memQueue is the number of packets that wait at a port before more are lost.
const memQueue = 512

func newMemNet(seed uint64, plain link) *memNet {
	return &memNet{seed: seed, plain: plain, links: make(map[memRoute]*link), dice: make(map[memRoute]*rand.Rand)}
}

// memNodes holds the address of every port.
var memNodes = netip.MustParsePrefix("10.0.0.0/8")

// listen adds a port with an address of its own.
func (n *memNet) listen() *memPort {
	n.mu.Lock()
	defer n.mu.Unlock()
	addr := memNodes.Addr().As4()
	n.given++
	addr[2], addr[3] = byte(n.given>>8), byte(n.given)
	p := &memPort{
		net:    n,
		number: n.given,
		addr:   netip.AddrPortFrom(netip.AddrFrom4(addr), 9696),
		in:     make(chan memPacket, memQueue),
		closed: make(chan struct{}),
	}
	n.ports = append(n.ports, p)
	return p
}

// setLink changes what happens from one port to another.
func (n *memNet) setLink(from, to *memPort, l link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.links[memRoute{from, to}] = &l
}

// setAll changes what happens everywhere.
func (n *memNet) setAll(l link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.plain = l
	clear(n.links)
}

func (p *memPort) Send(b []byte) error {
	select {
	case <-p.closed:
		return net.ErrClosed
	default:
	}
	n := p.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.tap != nil {
		n.tap(p.addr, b)
	}
	packet := memPacket{append([]byte(nil), b...), p.addr}
	for _, to := range n.ports {
		if to != p {
			n.carry(p, to, packet)
		}
	}
	return nil
}

// carry takes a packet over one link. n.mu is held.
func (n *memNet) carry(from, to *memPort, packet memPacket) {
	l, dice := n.route(from, to)
	copies := 1
	if dice.Float64() < l.duplicate {
		copies++
	}
	for range copies {
		if l.cut || dice.Float64() < l.loss {
			continue
		}
		delay := l.latency
		if l.jitter > 0 {
			delay += time.Duration(dice.Int64N(int64(l.jitter)))
		}
		time.AfterFunc(delay, func() { to.deliver(packet) })
	}
}

// route returns the link of a route and its source of chance. n.mu is held.
func (n *memNet) route(from, to *memPort) (*link, *rand.Rand) {
	r := memRoute{from, to}
	dice := n.dice[r]
	if dice == nil {
		dice = rand.New(rand.NewPCG(n.seed, from.number<<32|to.number))
		n.dice[r] = dice
	}
	if l := n.links[r]; l != nil {
		return l, dice
	}
	return &n.plain, dice
}

// deliver queues a packet at the port where it arrives.
func (p *memPort) deliver(packet memPacket) {
	select {
	case p.in <- packet:
	default:
		p.lost.Add(1)
	}
}

func (p *memPort) Receive(buf []byte) (int, netip.AddrPort, error) {
	select {
	case <-p.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	case packet := <-p.in:
		return copy(buf, packet.data), packet.from, nil
	}
}

func (p *memPort) Lost() uint64 { return p.lost.Load() }

// Close leaves the network.
func (p *memPort) Close() error {
	p.close.Do(func() {
		close(p.closed)
		p.net.mu.Lock()
		defer p.net.mu.Unlock()
		for i, other := range p.net.ports {
			if other == p {
				p.net.ports = append(p.net.ports[:i], p.net.ports[i+1:]...)
				return
			}
		}
	})
	return nil
}
