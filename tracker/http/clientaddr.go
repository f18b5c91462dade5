package http

import (
	"net/netip"
	"strings"

	"keeptrack/tracker"
)

// defaultClientHeader is the header that names the client of a proxy if
// Options do not say otherwise, and forwardedHeader the one whose values are
// those of RFC 7239. Of all others the values are lists of addresses.
const (
	defaultClientHeader = "X-Forwarded-For"
	forwardedHeader     = "Forwarded"
)

// requester is whom a request comes from.
type requester struct {
	// addr is the client's address or, if that is not known, the connection's
	// source. It is invalid if that is a unix socket.
	addr netip.Addr
	// through is why the client's address is not known, or NotRejected.
	through tracker.Rejection
}

// proxies are those who are believed to name the client of a request. A source
// without an address, which is one on a unix socket, is a proxy too: whoever may
// open the socket is trusted.
type proxies struct {
	networks []netip.Prefix
	header   string // that names the client
	elements bool   // whose values are those of Forwarded
}

// makeProxies copies prefixes, with those of IPv4-mapped addresses turned into
// IPv4 ones.
func makeProxies(prefixes []netip.Prefix, header string) proxies {
	if header == "" {
		header = defaultClientHeader
	}
	p := proxies{header: header, elements: strings.EqualFold(header, forwardedHeader)}
	for _, prefix := range prefixes {
		if prefix.Addr().Is4In6() && prefix.Bits() >= 96 {
			prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
		}
		p.networks = append(p.networks, prefix)
	}
	return p
}

// clientOf returns the client of a request over a connection from source. lines
// are the values of the header that names it, in their order.
//
// Each proxy has appended the address that it was called from, so the client is
// the right-most that is no proxy. If all are, it is the first. Where a proxy
// names nobody, or nothing that can be read as an address, whatever stands left
// of that could be anybody's: the client is not known.
func (p *proxies) clientOf(source netip.Addr, lines []string) requester {
	source = plain(source)
	if !p.contain(source) {
		return requester{addr: source}
	}
	at, named := source, false
	for i := len(lines) - 1; i >= 0; i-- {
		rest, entry, more := lines[i], "", true
		for more {
			if named && !p.contain(at) {
				return requester{addr: at}
			}
			if rest, entry, more = p.cutLast(rest); !p.read(&at, entry) {
				return requester{source, tracker.RejectedUnnamed}
			}
			named = true
		}
	}
	if !named {
		return requester{source, tracker.RejectedUnnamed}
	}
	return requester{addr: at}
}

// namedBy returns the address that the last entry of lines names, whoever has
// written it. It is invalid if there is none.
func (p *proxies) namedBy(lines []string) (addr netip.Addr) {
	if len(lines) > 0 {
		_, entry, _ := p.cutLast(lines[len(lines)-1])
		p.read(&addr, entry)
	}
	return addr
}

func (p *proxies) contain(addr netip.Addr) bool {
	if !addr.IsValid() {
		return true
	}
	for _, prefix := range p.networks {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// cutLast splits a list at its last comma. more tells if there is one.
func (p *proxies) cutLast(list string) (before, last string, more bool) {
	i := strings.LastIndexByte(list, ',')
	if p.elements {
		i = lastSeparator(list)
	}
	if i < 0 {
		return "", list, false
	}
	return list[:i], list[i+1:], true
}

// read reads the address in an entry of the header.
func (p *proxies) read(addr *netip.Addr, entry string) (ok bool) {
	if p.elements {
		*addr, ok = parseElement(entry)
	} else {
		*addr, ok = parseNode(strings.Trim(entry, " \t"))
	}
	return ok
}

// parseNode reads an address that may be in brackets and have a port.
func parseNode(node string) (addr netip.Addr, ok bool) {
	host, bracketed := strings.CutPrefix(node, "[")
	port := ""
	switch {
	case bracketed:
		if host, port, ok = strings.Cut(host, "]"); !ok || port != "" && !isPort(port) {
			return addr, false
		}
	case strings.Count(node, ":") == 1:
		i := strings.IndexByte(node, ':')
		if host, port = node[:i], node[i:]; !isPort(port) {
			return addr, false
		}
	}
	addr, err := netip.ParseAddr(host)
	return plain(addr), err == nil && (!bracketed || addr.Is6())
}

// isPort tells whether s is a colon and a port, which RFC 7239 lets a proxy
// hide behind a name that begins with an underscore.
func isPort(s string) bool {
	port, ok := strings.CutPrefix(s, ":")
	if !ok || port == "" {
		return false
	}
	if port[0] == '_' {
		return isToken(port)
	}
	_, ok = parseUint(port, 1<<16-1)
	return ok && strings.Trim(port, "0123456789") == ""
}

// plain returns addr without a zone, and an IPv4-mapped address as IPv4.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }
