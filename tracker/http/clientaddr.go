package http

import (
	"net/netip"
	"strings"
)

// proxies are the networks whose X-Forwarded-For is believed. A source without
// an address, which is one on a unix socket, is a proxy too: whoever may open
// the socket is trusted.
type proxies []netip.Prefix

// makeProxies copies prefixes, with those of IPv4-mapped addresses turned into
// IPv4 ones.
func makeProxies(prefixes []netip.Prefix) proxies {
	p := make(proxies, 0, len(prefixes))
	for _, prefix := range prefixes {
		if prefix.Addr().Is4In6() && prefix.Bits() >= 96 {
			prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
		}
		p = append(p, prefix)
	}
	return p
}

// clientAddr returns the address of the client: the connection's source or, if
// that is a proxy, the one that the lines of X-Forwarded-For name. It is invalid
// for a client on a unix socket that names none.
func (p proxies) clientAddr(source netip.Addr, lines []string) netip.Addr {
	source = plain(source)
	if len(p) == 0 && source.IsValid() {
		return source
	}
	return p.forwarded(source, lines)
}

// forwarded goes through the entries of the header's lines from the right, as
// each proxy appended the address that it was called from. It returns the
// first address that is no proxy; where an entry is no address, nobody that
// can be believed has written it, and the address before it is the answer.
func (p proxies) forwarded(addr netip.Addr, lines []string) netip.Addr {
	for i := len(lines) - 1; i >= 0; i-- {
		rest, more := lines[i], true
		for more {
			if !p.contain(addr) {
				return addr
			}
			var entry string
			rest, entry, more = cutLast(rest)
			next, ok := parseForwarded(strings.Trim(entry, " \t"))
			if !ok {
				return addr
			}
			addr = next
		}
	}
	return addr
}

func (p proxies) contain(addr netip.Addr) bool {
	if !addr.IsValid() {
		return true
	}
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// cutLast splits a list at its last comma. found tells if there is one.
func cutLast(list string) (before, last string, found bool) {
	i := strings.LastIndexByte(list, ',')
	if i < 0 {
		return "", list, false
	}
	return list[:i], list[i+1:], true
}

// parseForwarded reads an address that may be in brackets and have a port.
func parseForwarded(entry string) (addr netip.Addr, ok bool) {
	bracketed := strings.HasPrefix(entry, "[")
	if bracketed && strings.HasSuffix(entry, "]") {
		addr, err := netip.ParseAddr(entry[1 : len(entry)-1])
		return plain(addr), err == nil && addr.Is6()
	}
	if bracketed || strings.Count(entry, ":") == 1 {
		withPort, err := netip.ParseAddrPort(entry)
		return plain(withPort.Addr()), err == nil
	}
	addr, err := netip.ParseAddr(entry)
	return plain(addr), err == nil
}

// plain returns addr without a zone, and an IPv4-mapped address as IPv4.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }
