package config

import (
	"net/netip"
	"slices"
)

// span is a range of addresses of one family, both ends included.
type span struct{ first, last netip.Addr }

// spanOf returns a network's addresses.
func spanOf(p netip.Prefix) span {
	last := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < 8*len(last); bit++ {
		last[bit/8] |= 0x80 >> (bit % 8)
	}
	end, _ := netip.AddrFromSlice(last) // has 4 or 16 bytes
	return span{p.Masked().Addr(), end}
}

// spans makes a list of "first last" pairs one of spans.
func spans(pairs ...string) (all []span) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, span{netip.MustParseAddr(pairs[i]), netip.MustParseAddr(pairs[i+1])})
	}
	return all
}

// public4 and public6 are what clients on the internet have: everything but
// this network, private, shared, loopback, link-local, multicast and reserved
// addresses, and the IPv6 range that is assigned (RFC 6890, RFC 4291).
var (
	public4 = spans(
		"1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
		"128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255",
		"192.169.0.0", "223.255.255.255")
	public6 = spans("2000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
)

// coversAll reports whether networks cover all of the spans together.
func coversAll(networks []netip.Prefix, all []span) bool {
	var covered []span
	for _, p := range networks {
		covered = append(covered, spanOf(p))
	}
	slices.SortFunc(covered, func(a, b span) int { return a.first.Compare(b.first) })
	return !slices.ContainsFunc(all, func(s span) bool { return !s.within(covered) })
}

// within reports whether spans, in the order of their beginnings, cover s.
func (s span) within(covered []span) bool {
	next := s.first // the first address that is not known to be covered
	for _, c := range covered {
		if c.first.BitLen() != next.BitLen() || next.Less(c.first) || c.last.Less(next) {
			continue
		}
		if !c.last.Less(s.last) {
			return true
		}
		next = c.last.Next()
	}
	return false
}
