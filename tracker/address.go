package tracker

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// taken says when peers in a range of addresses are taken in.
type taken uint8

const (
	ifListed  taken = iota // in Options.AllowNetworks
	ifPrivate              // or with Options.AllowPrivate
	never                  // whatever is allowed: nobody can reach a peer there
)

// special are the ranges whose addresses are not taken in from clients as they
// are, because nobody on the internet can reach a peer there. The first that
// holds an address decides.
//
// They are from IANA's registries of special-purpose addresses (RFC 6890), of
// multicast addresses and of the IPv6 address space. Ranges for anycast are
// among them although they are reachable: what answers there is no peer. So are
// those that embed an IPv4 address, which is not the peer's own and may be any.
// An IPv4-mapped IPv6 address is the IPv4 address long before it comes here.
var special = [...]struct {
	prefix string
	taken  taken
}{
	{"10.0.0.0/8", ifPrivate},     // private, RFC 1918
	{"172.16.0.0/12", ifPrivate},  // private, RFC 1918
	{"192.168.0.0/16", ifPrivate}, // private, RFC 1918
	{"100.64.0.0/10", ifPrivate},  // shared between a carrier and its customers, as good as private, RFC 6598
	{"127.0.0.0/8", ifPrivate},    // loopback, RFC 1122
	{"169.254.0.0/16", ifPrivate}, // link-local, RFC 3927
	{"192.0.2.0/24", ifPrivate},   // documentation, RFC 5737
	{"198.51.100.0/24", ifPrivate},
	{"203.0.113.0/24", ifPrivate},
	{"0.0.0.0/8", never},          // this network, unspecified, RFC 791
	{"192.0.0.0/24", ifListed},    // protocol assignments, RFC 6890
	{"192.31.196.0/24", ifListed}, // AS112, RFC 7535
	{"192.52.193.0/24", ifListed}, // anycast to multicast relays, RFC 7450
	{"192.88.99.0/24", ifListed},  // anycast to 6to4 relays, RFC 7526
	{"192.175.48.0/24", ifListed}, // AS112, RFC 7534
	{"198.18.0.0/15", ifListed},   // benchmarks of network devices, RFC 2544
	{"224.0.0.0/4", never},        // multicast, RFC 5771
	{"255.255.255.255/32", never}, // broadcast, RFC 919
	{"240.0.0.0/4", ifListed},     // reserved, RFC 1112

	{"::1/128", ifPrivate},          // loopback, RFC 4291
	{"fc00::/7", ifPrivate},         // unique local, RFC 4193
	{"fe80::/10", never},            // link-local, RFC 4291: of no use without a zone, which only the host itself knows
	{"fec0::/10", ifPrivate},        // site-local, the private range of old, RFC 3879
	{"2001:db8::/32", ifPrivate},    // documentation, RFC 3849
	{"3fff::/20", ifPrivate},        // documentation, RFC 9637
	{"2001::/23", ifListed},         // protocol assignments, RFC 2928: Teredo, ORCHID, benchmarks and others
	{"2002::/16", ifListed},         // 6to4, RFC 3056
	{"2620:4f:8000::/48", ifListed}, // AS112, RFC 7534
	{"::/128", never},               // unspecified, RFC 4291
	{"200::/7", ifPrivate},          // Yggdrasil's, once meant for OSI addresses, RFC 4048
	{"::/3", ifListed},              // not for hosts: IPv4-compatible, NAT64, discard
	{"4000::/2", ifListed},          // not given out, but for SRv6 segments, RFC 9602
	{"ff00::/8", never},             // multicast, RFC 4291
	{"8000::/1", ifListed},          // not given out, RFC 4291
}

// A range of addresses as it is compared with.
type range4 struct {
	addr, mask uint32
	taken      taken
}

type range6 struct {
	addr, mask [2]uint64
	taken      taken
}

var (
	special4, special6 = compileSpecial()
	// startsSpecial4 and startsSpecial6 tell which first bytes an address can have
	// that is in a range; those of most peers are none of them.
	startsSpecial4, startsSpecial6 = compileStarts()
)

func compileSpecial() (ranges4 []range4, ranges6 []range6) {
	for _, s := range special {
		p := netip.MustParsePrefix(s.prefix)
		if p.Addr().Is4() {
			ranges4 = append(ranges4, makeRange4(p, s.taken))
			continue
		}
		ranges6 = append(ranges6, makeRange6(p, s.taken))
	}
	return ranges4, ranges6
}

func makeRange4(p netip.Prefix, t taken) range4 {
	addr := p.Addr().As4()
	return range4{binary.BigEndian.Uint32(addr[:]), ^uint32(0) << (32 - p.Bits()), t}
}

func makeRange6(p netip.Prefix, t taken) range6 {
	addr := p.Addr().As16()
	mask := [2]uint64{^uint64(0) << max(64-p.Bits(), 0), ^uint64(0) << min(128-p.Bits(), 64)}
	return range6{[2]uint64{binary.BigEndian.Uint64(addr[:8]), binary.BigEndian.Uint64(addr[8:])}, mask, t}
}

func compileStarts() (starts4, starts6 [256]bool) {
	for b := range starts4 {
		for _, r := range special4 {
			starts4[b] = starts4[b] || (uint32(b)<<24^r.addr)&r.mask>>24 == 0
		}
		for _, r := range special6 {
			starts6[b] = starts6[b] || (uint64(b)<<56^r.addr[0])&r.mask[0]>>56 == 0
		}
	}
	return starts4, starts6
}

func (r *range4) contains(addr uint32) bool { return addr&r.mask == r.addr }

func (r *range6) contains(hi, lo uint64) bool {
	return hi&r.mask[0] == r.addr[0] && lo&r.mask[1] == r.addr[1]
}

// NeverStored returns the range of addresses that no peer can have and that
// holds the whole of network, if there is one: Options.AllowNetworks cannot
// allow it.
func NeverStored(network netip.Prefix) (within netip.Prefix, ok bool) {
	for _, s := range special {
		p := netip.MustParsePrefix(s.prefix)
		if s.taken == never && p.Bits() <= network.Bits() && p.Contains(network.Addr()) {
			return p, true
		}
	}
	return netip.Prefix{}, false
}

// addresses decides which addresses of clients are taken in: public ones, and
// what Options.AllowPrivate and AllowNetworks add. It is immutable.
type addresses struct {
	private  bool
	allowed4 []range4
	allowed6 []range6
}

func newAddresses(o *Options) addresses {
	a := addresses{private: o.AllowPrivate}
	for _, p := range o.AllowNetworks {
		if p = p.Masked(); p.Addr().Is4() {
			a.allowed4 = append(a.allowed4, makeRange4(p, ifListed))
			continue
		}
		a.allowed6 = append(a.allowed6, makeRange6(p, ifListed))
	}
	return a
}

// accept reports whether a peer at the address of p is stored and handed out.
func (a *addresses) accept(p *Peer) bool {
	if p.family == IPv6 {
		return !startsSpecial6[p.addr[0]] ||
			a.accept6(binary.BigEndian.Uint64(p.addr[:8]), binary.BigEndian.Uint64(p.addr[8:]))
	}
	return !startsSpecial4[p.addr[0]] || a.accept4(binary.BigEndian.Uint32(p.addr[:4]))
}

func (a *addresses) accept4(addr uint32) bool {
	for i := range special4 {
		if r := &special4[i]; r.contains(addr) {
			return r.taken == ifPrivate && a.private || r.taken != never &&
				slices.ContainsFunc(a.allowed4, func(r range4) bool { return r.contains(addr) })
		}
	}
	return true
}

func (a *addresses) accept6(hi, lo uint64) bool {
	for i := range special6 {
		if r := &special6[i]; r.contains(hi, lo) {
			return r.taken == ifPrivate && a.private || r.taken != never &&
				slices.ContainsFunc(a.allowed6, func(r range6) bool { return r.contains(hi, lo) })
		}
	}
	return true
}
