package config

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"keeptrack/livesync/transport/unicast"
)

// Unicast is what the table [livesync] says of the unicast transport. Listen and
// Peers are set when live sync runs over it. A Listen without an address stands for
// all addresses of both families.
type Unicast struct {
	Listen netip.AddrPort
	Peers  []unicast.Peer
}

// OverUnicast has live sync run over unicast.
const OverUnicast TransportName = "unicast"

var unicastCarrier = carrier{
	name: OverUnicast,
	heading: "transport = \"unicast\": UDP from each instance to each other one, between\n" +
		"clouds and sites. Needs listen, peers and, unless all of these are private or\n" +
		"loopback addresses, key_file:\n" +
		"\n" +
		"    transport = \"unicast\"\n" +
		"    listen    = \":9696\"\n" +
		"    peers     = [\"a.example.org:9696\", \"b.example.org:9696\"]\n" +
		"    key_file  = \"/etc/keeptrack/group.key\"\n",
	keys:  func(l *LiveSync) []key { return l.Unicast.keys() },
	rules: unicastRules,
}

var unicastRules = []rule{
	{
		[]string{"livesync.listen"},
		func(c *Config) bool { return c.LiveSync.Listen != netip.AddrPort{} },
		`is required because livesync.enabled is true and livesync.transport is "unicast"`,
	},
	{
		[]string{"livesync.listen", "udp.listen"},
		func(c *Config) bool { return !slices.ContainsFunc(c.UDP.Listen, c.LiveSync.listensOn) },
		"is taken by udp.listen",
	},
	{
		[]string{"livesync.peers"},
		func(c *Config) bool { return len(c.LiveSync.Peers) > 0 },
		`must name the other instances because livesync.enabled is true and livesync.transport is "unicast"`,
	},
	{
		[]string{"livesync.peers", "livesync.listen"},
		func(c *Config) bool { return !slices.ContainsFunc(c.LiveSync.Peers, c.LiveSync.isOutOfReach) },
		"has an address that cannot be reached from that of livesync.listen: one is IPv4, the other IPv6",
	},
	{
		[]string{"livesync.key_file", "livesync.peers"},
		func(c *Config) bool { return c.LiveSync.KeyFile != "" || c.LiveSync.arePrivate() },
		"is required because livesync.peers has a name or a public address",
	},
	{
		[]string{"livesync.accept_plain", "livesync.peers"},
		func(c *Config) bool { return !c.LiveSync.AcceptPlain || c.LiveSync.arePrivate() },
		"must be false because livesync.peers has a name or a public address",
	},
}

func (u *Unicast) keys() []key {
	return []key{
		declare("listen", &u.Listen, netip.AddrPort{}, emptyOr(listenPort),
			"UDP address and port to listen on and to send from; \":9696\" is port 9696 of\n"+
				"all addresses. The other instances list it in their peers."),
		declare("peers", &u.Peers, nil, atMost(unicast.MaxPeers, listOf(peerHost)),
			"The instances, as host:port, by name or address, at most 64. This one may be\n"+
				"in the list, so that all can have the same list. Names are looked up again and\n"+
				"again."),
	}
}

// listensOn reports whether the front end's address a is taken by live sync.
func (u *Unicast) listensOn(a netip.AddrPort) bool {
	if !u.Listen.Addr().IsValid() {
		return a.Port() == u.Listen.Port() && a.Port() != 0
	}
	return Endpoint{AddrPort: u.Listen}.clashes(Endpoint{AddrPort: a})
}

// isOutOfReach reports whether no packet can go to an address from the one that is
// listened on.
func (u *Unicast) isOutOfReach(p unicast.Peer) bool {
	to, isAddr := p.Addr()
	from := u.Listen.Addr()
	return isAddr && from.IsValid() && from.Is4() != to.Is4()
}

// arePrivate reports whether all peers are given by private or loopback addresses.
func (u *Unicast) arePrivate() bool {
	return !slices.ContainsFunc(u.Peers, func(p unicast.Peer) bool { return !p.IsPrivate() })
}

var (
	// listenPort is an address and a port, or ":" and a port.
	listenPort = kind[netip.AddrPort]{decode: decodeListenPort, encode: encodeListenPort}

	// peerHost is a name or address of a host, and a port.
	peerHost = kind[unicast.Peer]{decode: decodePeerHost, encode: encodeText[unicast.Peer]}

	errPort0 = errors.New("must have a port other than 0: the other instances send there")
)

// ParseListen reads an address and a port as livesync.listen has them. The error says
// what s must be.
func ParseListen(s string) (netip.AddrPort, error) { return decodeListenPort(s) }

func decodeListenPort(value any) (netip.AddrPort, error) {
	const want = `an IP address and port such as "192.0.2.1:9696" or "[2001:db8::1]:9696", or ":9696"`
	s, err := stringOf(want, value)
	if err != nil {
		return netip.AddrPort{}, err
	}
	port, everywhere := strings.CutPrefix(s, ":")
	n, err := strconv.ParseUint(port, 10, 16)
	a := netip.AddrPortFrom(netip.Addr{}, uint16(n))
	if !everywhere {
		a, err = netip.ParseAddrPort(s)
	}
	switch {
	case err != nil:
		return netip.AddrPort{}, wrong(want, value)
	case a.Addr().Is4In6():
		return netip.AddrPort{}, errMapped
	case a.Port() == 0:
		return netip.AddrPort{}, errPort0
	}
	return a, nil
}

func encodeListenPort(a netip.AddrPort) any {
	if !a.Addr().IsValid() {
		return ":" + strconv.Itoa(int(a.Port()))
	}
	return a.String()
}

func decodePeerHost(value any) (unicast.Peer, error) {
	const want = `a host and port such as "a.example.org:9696", "192.0.2.1:9696" or "[2001:db8::1]:9696"`
	s, err := stringOf(want, value)
	if err != nil {
		return unicast.Peer{}, err
	}
	p, err := unicast.ParsePeer(s)
	switch {
	case errors.Is(err, unicast.ErrPeerMapped):
		return p, errMapped
	case err != nil:
		return p, wrong(want, value)
	}
	return p, nil
}
