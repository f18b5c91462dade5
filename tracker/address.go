package tracker

import (
	"encoding/binary"
	"net/netip"
)

// special are the ranges whose addresses are not taken in from clients, because
// nobody on the internet can reach a peer there. Those that are private are
// taken in with Options.AllowPrivate. The first that holds an address decides.
//
// They are from IANA's registries of special-purpose addresses (RFC 6890), of
// multicast addresses and of the IPv6 address space. Ranges for anycast are
// among them although they are reachable: what answers there is no peer. So are
// those that embed an IPv4 address, which is not the peer's own and may be any.
// An IPv4-mapped IPv6 address is the IPv4 address long before it comes here.
var special = [...]struct {
	prefix  string
	private bool
}{
	{"10.0.0.0/8", true},     // private, RFC 1918
	{"172.16.0.0/12", true},  // private, RFC 1918
	{"192.168.0.0/16", true}, // private, RFC 1918
	{"100.64.0.0/10", true},  // shared between a carrier and its customers, as good as private, RFC 6598
	{"127.0.0.0/8", true},    // loopback, RFC 1122
	{"169.254.0.0/16", true}, // link-local, RFC 3927
	{"192.0.2.0/24", true},   // documentation, RFC 5737
	{"198.51.100.0/24", true},
	{"203.0.113.0/24", true},
	{"0.0.0.0/8", false},       // this network, unspecified, RFC 791
	{"192.0.0.0/24", false},    // protocol assignments, RFC 6890
	{"192.31.196.0/24", false}, // AS112, RFC 7535
	{"192.52.193.0/24", false}, // anycast to multicast relays, RFC 7450
	{"192.88.99.0/24", false},  // anycast to 6to4 relays, RFC 7526
	{"192.175.48.0/24", false}, // AS112, RFC 7534
	{"198.18.0.0/15", false},   // benchmarks of network devices, RFC 2544
	{"224.0.0.0/4", false},     // multicast, RFC 5771
	{"240.0.0.0/4", false},     // reserved, RFC 1112, and broadcast, RFC 919

	{"::1/128", true},            // loopback, RFC 4291
	{"fc00::/7", true},           // unique local, RFC 4193
	{"fe80::/10", true},          // link-local, RFC 4291
	{"fec0::/10", true},          // site-local, the private range of old, RFC 3879
	{"2001:db8::/32", true},      // documentation, RFC 3849
	{"3fff::/20", true},          // documentation, RFC 9637
	{"2001::/23", false},         // protocol assignments, RFC 2928: Teredo, ORCHID, benchmarks and others
	{"2002::/16", false},         // 6to4, RFC 3056
	{"2620:4f:8000::/48", false}, // AS112, RFC 7534
	{"::/3", false},              // not for hosts: unspecified, IPv4-compatible, NAT64, discard
	{"4000::/2", false},          // not given out, but for SRv6 segments, RFC 9602
	{"8000::/1", false},          // not given out, and multicast, RFC 4291
}

// A range of addresses as it is compared with.
type range4 struct {
	addr, mask uint32
	private    bool
}

type range6 struct {
	addr, mask [2]uint64
	private    bool
}

var (
	special4, special6 = compileSpecial()
	// startsSpecial tells which first bytes an IPv4 address can have that is in
	// a range; most have none.
	startsSpecial = compileStarts()
)

func compileSpecial() (ranges4 []range4, ranges6 []range6) {
	for _, s := range special {
		p := netip.MustParsePrefix(s.prefix)
		if p.Addr().Is4() {
			addr := p.Addr().As4()
			mask := ^uint32(0) << (32 - p.Bits())
			ranges4 = append(ranges4, range4{binary.BigEndian.Uint32(addr[:]), mask, s.private})
			continue
		}
		addr := p.Addr().As16()
		mask := [2]uint64{^uint64(0) << max(64-p.Bits(), 0), ^uint64(0) << min(128-p.Bits(), 64)}
		ranges6 = append(ranges6, range6{
			[2]uint64{binary.BigEndian.Uint64(addr[:8]), binary.BigEndian.Uint64(addr[8:])}, mask, s.private,
		})
	}
	return ranges4, ranges6
}

func compileStarts() (starts [256]bool) {
	for b := range starts {
		for _, r := range special4 {
			byteMask := r.mask & 0xff000000
			starts[b] = starts[b] || uint32(b)<<24&byteMask == r.addr&byteMask
		}
	}
	return starts
}

// accepts says whether a peer is stored and handed out: its port is not 0 and
// its address is one that other clients can reach.
func accepts(p *Peer, allowPrivate bool) bool {
	switch {
	case p.port == 0:
		return false
	case p.family == IPv6:
		return accepts6(binary.BigEndian.Uint64(p.addr[:8]), binary.BigEndian.Uint64(p.addr[8:]), allowPrivate)
	case !startsSpecial[p.addr[0]]:
		return true
	}
	return accepts4(binary.BigEndian.Uint32(p.addr[:4]), allowPrivate)
}

func accepts4(addr uint32, allowPrivate bool) bool {
	for i := range special4 {
		if r := &special4[i]; addr&r.mask == r.addr {
			return r.private && allowPrivate
		}
	}
	return true
}

func accepts6(hi, lo uint64, allowPrivate bool) bool {
	for i := range special6 {
		if r := &special6[i]; hi&r.mask[0] == r.addr[0] && lo&r.mask[1] == r.addr[1] {
			return r.private && allowPrivate
		}
	}
	return true
}
