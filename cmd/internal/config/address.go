package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"

	"keeptrack/tracker"
)

var (
	// addrPort is an address and a port, which may be 0 to let the system
	// choose.
	addrPort = kind[netip.AddrPort]{decode: decodeAddrPort, encode: encodeText[netip.AddrPort]}

	// prefix is a network in CIDR notation, or an address for itself alone.
	prefix = kind[netip.Prefix]{decode: decodePrefix, encode: encodeText[netip.Prefix]}

	// peerNetwork is a network that peers can be in.
	peerNetwork = kind[netip.Prefix]{decode: decodePeerNetwork, encode: encodeText[netip.Prefix]}

	// multicast4 is an IPv4 multicast address.
	multicast4 = kind[netip.Addr]{decode: decodeMulticast4, encode: encodeText[netip.Addr]}

	// webAddress is an absolute http or https URL, or nothing.
	webAddress = kind[string]{decode: decodeWebAddress, encode: text.encode}

	errMapped = errors.New("must be written as an IPv4 address, without ::ffff: before it")
)

func encodeText[T fmt.Stringer](v T) any { return v.String() }

func decodeAddrPort(value any) (netip.AddrPort, error) {
	const want = `an IP address and port such as "0.0.0.0:6969" or "[::]:6969"`
	s, err := stringOf(want, value)
	if err != nil {
		return netip.AddrPort{}, err
	}
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.AddrPort{}, wrong(want, value)
	}
	if a.Addr().Is4In6() {
		return netip.AddrPort{}, errMapped
	}
	return a, nil
}

func decodePrefix(value any) (netip.Prefix, error) {
	const want = `a network such as "192.0.2.0/24" or "2001:db8::/32"`
	s, err := stringOf(want, value)
	if err != nil {
		return netip.Prefix{}, err
	}
	p, err := netip.ParsePrefix(s)
	if a, notAddr := netip.ParseAddr(s); notAddr == nil && a.Zone() == "" {
		p, err = netip.PrefixFrom(a, a.BitLen()), nil
	}
	if err != nil {
		return netip.Prefix{}, wrong(want, value)
	}
	if p.Addr().Is4In6() {
		return netip.Prefix{}, errMapped
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("must not have bits set past its length: did you mean %q or %q?",
			p.Masked(), netip.PrefixFrom(p.Addr(), p.Addr().BitLen()))
	}
	return p, nil
}

func decodePeerNetwork(value any) (netip.Prefix, error) {
	p, err := decodePrefix(value)
	if err != nil {
		return netip.Prefix{}, err
	}
	if never, ok := tracker.NeverStored(p); ok {
		return netip.Prefix{}, fmt.Errorf("must not be within %s, where no peer can be reached: not %q", never, p)
	}
	return p, nil
}

func decodeMulticast4(value any) (netip.Addr, error) {
	const want = "an IPv4 multicast address, 224.0.0.0 to 239.255.255.255"
	s, err := stringOf(want, value)
	if err != nil {
		return netip.Addr{}, err
	}
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is4() || !a.IsMulticast() {
		return netip.Addr{}, wrong(want, value)
	}
	return a, nil
}

func decodeWebAddress(value any) (string, error) {
	const want = `a URL such as "https://example.org/", or empty`
	s, err := stringOf(want, value)
	if err != nil || s == "" {
		return "", err
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", wrong(want, value)
	}
	return s, nil
}
