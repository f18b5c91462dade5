// Package multicast carries live sync's packets by UDP multicast on one network.
// It exists on Linux only.
package multicast

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/livesync/transport"
)

// MaxPacket is the largest packet that fits an Ethernet frame whole, in bytes
// after the IPv4 and UDP headers.
const MaxPacket = 1500 - 20 - 8

// ReorderWindow is longer than a packet takes from one host to another on the
// same network, the time in both hosts' buffers included.
const ReorderWindow = 100 * time.Millisecond

// Options say where a group's packets go and come from.
type Options struct {
	// Interface is an interface's name or one of its IPv4 addresses.
	Interface string
	// Group is the IPv4 multicast group.
	Group netip.Addr
	// Port is the UDP port, both of the group and to send from.
	Port uint16
	// Nodes are the networks that packets are accepted from.
	Nodes []netip.Prefix
	// Loopback lets the instances on this host hear each other, which includes
	// hearing oneself.
	Loopback bool
	// MaxPacket is the largest packet to send in bytes, MaxPacket at most.
	MaxPacket int
	Log       zerolog.Logger
}

// New joins the group. The error names the interface that cannot be used.
func New(o Options) (transport.Transport, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	g, err := open(o)
	if err != nil {
		return nil, fmt.Errorf("live sync: %w", err)
	}
	return g, nil
}

func (o *Options) validate() error {
	var errs []error
	if !o.Group.Is4() || !o.Group.IsMulticast() || o.Port == 0 {
		errs = append(errs, fmt.Errorf("live sync: %s port %d is not an IPv4 multicast group", o.Group, o.Port))
	}
	if len(o.Nodes) == 0 {
		errs = append(errs, errors.New("live sync: no nodes: packets would be accepted from nobody"))
	}
	if o.MaxPacket < 1 || o.MaxPacket > MaxPacket {
		errs = append(errs, fmt.Errorf("live sync: packets of %d bytes: not between 1 and %d", o.MaxPacket, MaxPacket))
	}
	return errors.Join(errs...)
}

func (o *Options) limits() transport.Limits {
	return transport.Limits{MaxPacket: o.MaxPacket, ReorderWindow: ReorderWindow}
}

// trusts reports whether packets from a are accepted. An IPv4 address may be
// written as IPv6.
func (o *Options) trusts(a netip.Addr) bool {
	a = a.Unmap()
	for _, p := range o.Nodes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
