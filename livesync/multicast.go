package livesync

import (
	"net/netip"

	"github.com/rs/zerolog"
)

// MulticastOptions say where a group's packets go and come from.
type MulticastOptions struct {
	// Interface is an interface's name or one of its IPv4 addresses.
	Interface string
	// Group is the IPv4 multicast group.
	Group netip.Addr
	// Port is the UDP port, both of the group and to send from.
	Port uint16
	// Loopback lets the instances on this host hear each other, which includes
	// hearing oneself.
	Loopback bool
	Log      zerolog.Logger
}
