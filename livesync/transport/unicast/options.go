package unicast

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/livesync/transport"
)

// maxPacket is the largest UDP payload in bytes that IPv4 carries.
const maxPacket = 1<<16 - 1 - 20 - 8

// ReorderWindow is longer than one packet can be behind another that was sent later.
// Between sites that is more than within one network: packets take several ways, or
// change from one to another, whose lengths differ by up to 0.2 s around the
// world, and wait in routers' queues, which hold 0.1 to 0.25 s where bandwidth is scarce.
const ReorderWindow = 500 * time.Millisecond

// Options say where packets go and come from.
type Options struct {
	// Listen is the UDP address and port to receive at and to send from. Without an
	// address it is the port at all addresses of both families.
	Listen netip.AddrPort
	// Peers are the instances, this one among them or not; MaxPeers at most. Without
	// any, packets are only received.
	Peers []Peer
	// Open takes packets from everywhere: who is a member shows in the packet. Without
	// it, those from other addresses than the peers' are foreign.
	Open bool
	// MaxPacket is the largest packet to send in bytes.
	MaxPacket int
	// Silence is how long a peer is not heard until that is warned of.
	Silence time.Duration
	// LookUp returns the addresses of a host name; nil: as the system does.
	LookUp func(ctx context.Context, host string) ([]netip.Addr, error)
	// LocalAddresses returns the addresses of this host; nil: those of its interfaces.
	LocalAddresses func() ([]netip.Addr, error)
	Log            zerolog.Logger
}

func (o *Options) validate() error {
	var errs []error
	if len(o.Peers) > MaxPeers {
		errs = append(errs, fmt.Errorf("live sync: %d peers: more than %d", len(o.Peers), MaxPeers))
	}
	if o.MaxPacket < 1 || o.MaxPacket > maxPacket {
		errs = append(errs, fmt.Errorf("live sync: packets of %d bytes: not between 1 and %d", o.MaxPacket, maxPacket))
	}
	if o.Silence <= 0 {
		errs = append(errs, fmt.Errorf("live sync: silence of %s is not positive", o.Silence))
	}
	return errors.Join(errs...)
}

// New listens, looks at the peers that are given by address, and leaves names to Run.
func New(o Options) (transport.Transport, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if o.LookUp == nil {
		o.LookUp = lookUp
	}
	if o.LocalAddresses == nil {
		o.LocalAddresses = localAddresses
	}
	l, err := open(o)
	if err != nil {
		return nil, fmt.Errorf("live sync: listen on %s: %w", o.where(), err)
	}
	return l, nil
}

// where returns Listen as the net package has it.
func (o *Options) where() string {
	if !o.Listen.Addr().IsValid() {
		return fmt.Sprintf(":%d", o.Listen.Port())
	}
	return o.Listen.String()
}

// network returns the net package's name of the families to listen on: [::] is IPv6
// alone.
func (o *Options) network() string {
	switch a := o.Listen.Addr(); {
	case !a.IsValid():
		return "udp"
	case a.Is4():
		return "udp4"
	default:
		return "udp6"
	}
}

// lookUp asks the hosts file and the name servers.
func lookUp(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

func localAddresses() (local []netip.Addr, err error) {
	all, err := net.InterfaceAddrs()
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok {
			addr, _ := netip.AddrFromSlice(n.IP) // has 4 or 16 bytes
			local = append(local, addr.Unmap())
		}
	}
	return local, err
}
