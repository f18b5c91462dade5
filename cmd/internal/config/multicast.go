package config

import (
	"fmt"
	"net/netip"

	"keeptrack/livesync/transport/multicast"
	"keeptrack/livesync/wire"
)

// Multicast is what the table [livesync] says of the multicast transport.
// Interface and Nodes are set when live sync is enabled; MaxPayload is in bytes of
// UDP payload.
type Multicast struct {
	Interface  string
	Group      netip.Addr
	Port       uint16
	Nodes      []netip.Prefix
	Loopback   bool
	MaxPayload int
}

// smallestSealed is the least max_payload with a key.
const smallestSealed = wire.SmallestPacket + wire.SealOverhead

func (m *Multicast) keys() []key {
	return []key{
		declare("interface", &m.Interface, "", text,
			"The network interface to the other instances, by name or address. Required\n"+
				"when enabled."),
		declare("group", &m.Group, netip.AddrFrom4([4]byte{224, 0, 42, 5}), multicast4,
			"The multicast group, IPv4."),
		declare("port", &m.Port, 9696, integer[uint16](1, 65535),
			"The group's UDP port."),
		declare("nodes", &m.Nodes, nil, listOf(prefix),
			"Networks (CIDR) of the other instances; packets from elsewhere are dropped.\n"+
				"Required when enabled."),
		declare("loopback", &m.Loopback, false, boolean,
			"Hear instances on this host."),
		declare("max_payload", &m.MaxPayload, multicast.MaxPacket, integer(wire.SmallestPacket, multicast.MaxPacket),
			fmt.Sprintf("Bytes in a packet at most, %d to %d: the network's MTU less 28.", wire.SmallestPacket, multicast.MaxPacket)),
	}
}

// multicastRules are the rules that concern the multicast transport.
var multicastRules = []rule{
	{
		[]string{"livesync.interface", "livesync.enabled"},
		func(c *Config) bool { return !c.LiveSync.Enabled || c.LiveSync.Interface != "" },
		"is required because livesync.enabled is true",
	},
	{
		[]string{"livesync.nodes", "livesync.enabled"},
		func(c *Config) bool { return !c.LiveSync.Enabled || len(c.LiveSync.Nodes) > 0 },
		"must name the other instances because livesync.enabled is true",
	},
	{
		[]string{"livesync.max_payload", "livesync.key_file"},
		func(c *Config) bool { return c.LiveSync.KeyFile == "" || c.LiveSync.MaxPayload >= smallestSealed },
		fmt.Sprintf("must be %d or more because livesync.key_file is set", smallestSealed),
	},
}
