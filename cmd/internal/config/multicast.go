package config

import (
	"net/netip"
)

// Multicast is what the table [livesync] says of the multicast transport.
// Interface and Nodes are set when live sync runs over it.
type Multicast struct {
	Interface string
	Group     netip.Addr
	Port      uint16
	Nodes     []netip.Prefix
	Loopback  bool
}

// OverMulticast has live sync run over multicast.
const OverMulticast TransportName = "multicast"

var multicastCarrier = carrier{
	name: OverMulticast,
	heading: "transport = \"multicast\": one network that carries multicast; opentracker can\n" +
		"be on it too. Needs interface and nodes:\n" +
		"\n" +
		"    interface = \"192.0.2.11\"\n" +
		"    nodes     = [\"192.0.2.0/28\"]\n",
	keys: func(l *LiveSync) []key { return l.Multicast.keys() },
	rules: []rule{
		{
			[]string{"livesync.interface"},
			func(c *Config) bool { return c.LiveSync.Interface != "" },
			`is required because livesync.enabled is true and livesync.transport is "multicast"`,
		},
		{
			[]string{"livesync.nodes"},
			func(c *Config) bool { return len(c.LiveSync.Nodes) > 0 },
			`must name the other instances because livesync.enabled is true and livesync.transport is "multicast"`,
		},
	},
}

func (m *Multicast) keys() []key {
	return []key{
		declare("interface", &m.Interface, "", text,
			"The network interface to the other instances, by name or address."),
		declare("group", &m.Group, netip.AddrFrom4([4]byte{224, 0, 42, 5}), multicast4,
			"The multicast group, IPv4."),
		declare("port", &m.Port, 9696, integer[uint16](1, 65535),
			"The group's UDP port."),
		declare("nodes", &m.Nodes, nil, listOf(prefix),
			"Networks (CIDR) of the other instances; packets from elsewhere are dropped."),
		declare("loopback", &m.Loopback, false, boolean,
			"Hear other instances on this host too."),
	}
}
