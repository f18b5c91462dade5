package tracker

import "encoding/binary"

// A network is a range of addresses that are not taken in from clients.
type network4 struct {
	addr, mask uint32
	private    bool // taken in with Options.AllowPrivate
}

type network6 struct {
	addr, mask [2]uint64
	private    bool
}

// The IPv4 networks whose addresses nobody has on the internet (IANA registry of
// special-purpose addresses, RFC 6890), and the anycast one that led to 6to4.
var networks4 = [...]network4{
	{0x00000000, 0xff000000, false}, // 0.0.0.0/8, this network
	{0xe0000000, 0xf0000000, false}, // 224.0.0.0/4, multicast
	{0xf0000000, 0xf0000000, false}, // 240.0.0.0/4, reserved and broadcast
	{0xc0586300, 0xffffff00, false}, // 192.88.99.0/24, anycast to 6to4 relays
	{0x0a000000, 0xff000000, true},  // 10.0.0.0/8, private
	{0xac100000, 0xfff00000, true},  // 172.16.0.0/12, private
	{0xc0a80000, 0xffff0000, true},  // 192.168.0.0/16, private
	{0x64400000, 0xffc00000, true},  // 100.64.0.0/10, shared by carriers
	{0x7f000000, 0xff000000, true},  // 127.0.0.0/8, loopback
	{0xa9fe0000, 0xffff0000, true},  // 169.254.0.0/16, link-local
	{0xc0000200, 0xffffff00, true},  // 192.0.2.0/24, documentation
	{0xc6336400, 0xffffff00, true},  // 198.51.100.0/24, documentation
	{0xcb007100, 0xffffff00, true},  // 203.0.113.0/24, documentation
	{0xc6120000, 0xfffe0000, true},  // 198.18.0.0/15, benchmarks
	{0xc0000000, 0xffffff00, true},  // 192.0.0.0/24, protocol assignments
}

// The IPv6 networks of that kind, and those that embed an IPv4 address, which is
// not the peer's own and may be a private one. The first that fits decides.
var networks6 = [...]network6{
	{[2]uint64{0, 1}, [2]uint64{^uint64(0), ^uint64(0)}, true},                           // ::1, loopback
	{[2]uint64{0, 0}, [2]uint64{^uint64(0), 0xffffffff00000000}, false},                  // ::/96, unspecified and IPv4-compatible
	{[2]uint64{0x0064ff9b00000000, 0}, [2]uint64{^uint64(0), 0xffffffff00000000}, false}, // 64:ff9b::/96, NAT64
	{[2]uint64{0x2001000000000000, 0}, [2]uint64{0xffffffff00000000, 0}, false},          // 2001::/32, Teredo
	{[2]uint64{0x2002000000000000, 0}, [2]uint64{0xffff000000000000, 0}, false},          // 2002::/16, 6to4
	{[2]uint64{0xff00000000000000, 0}, [2]uint64{0xff00000000000000, 0}, false},          // ff00::/8, multicast
	{[2]uint64{0xfc00000000000000, 0}, [2]uint64{0xfe00000000000000, 0}, true},           // fc00::/7, unique local
	{[2]uint64{0xfe80000000000000, 0}, [2]uint64{0xffc0000000000000, 0}, true},           // fe80::/10, link-local
	{[2]uint64{0xfec0000000000000, 0}, [2]uint64{0xffc0000000000000, 0}, true},           // fec0::/10, site-local
	{[2]uint64{0x20010db800000000, 0}, [2]uint64{0xffffffff00000000, 0}, true},           // 2001:db8::/32, documentation
	{[2]uint64{0x3fff000000000000, 0}, [2]uint64{0xfffff00000000000, 0}, true},           // 3fff::/20, documentation
}

// accepts says whether a peer is stored and handed out: its port is not 0 and
// its address is one that other clients can reach.
func accepts(p *Peer, allowPrivate bool) bool {
	if p.port == 0 {
		return false
	}
	if p.family == IPv4 {
		a := binary.BigEndian.Uint32(p.addr[:4])
		for i := range networks4 {
			if n := &networks4[i]; a&n.mask == n.addr {
				return n.private && allowPrivate
			}
		}
		return true
	}
	hi, lo := binary.BigEndian.Uint64(p.addr[:8]), binary.BigEndian.Uint64(p.addr[8:])
	for i := range networks6 {
		if n := &networks6[i]; hi&n.mask[0] == n.addr[0] && lo&n.mask[1] == n.addr[1] {
			return n.private && allowPrivate
		}
	}
	return true
}
