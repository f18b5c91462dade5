// Package unicast carries live sync's packets by UDP from each instance to each
// other one.
package unicast

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// MaxPeers bounds the number of configured peers.
const MaxPeers = 64

// SafePacket is the largest packet, in bytes after the IP and UDP headers, that
// every network path carries whole: the least MTU of IPv6 (RFC 8200, section 5)
// less both headers.
const SafePacket = 1280 - 40 - 8

// Peer is where an instance listens, as an operator writes it: a host name or an
// IP address, and a UDP port.
type Peer struct {
	Host string
	Port uint16
}

// Faults of a peer as it is written.
var (
	ErrPeer       = errors.New("is not a host and port")
	ErrPeerMapped = errors.New("is an IPv4 address written as IPv6")
	ErrPeerCast   = errors.New("is not the address of a single host")
)

// ParsePeer reads "host:port"; IPv6 addresses are in brackets. Host names are
// taken as they are, and looked up later.
func ParsePeer(s string) (Peer, error) {
	host, service, err := net.SplitHostPort(s)
	if err != nil {
		return Peer{}, ErrPeer
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil || port == 0 || strconv.FormatUint(port, 10) != service {
		return Peer{}, ErrPeer
	}
	p := Peer{Host: host, Port: uint16(port)}
	a, isAddr := p.Addr()
	switch {
	case !isAddr && !isName(host):
		return Peer{}, ErrPeer
	case a.Is4In6():
		return Peer{}, ErrPeerMapped
	case isAddr && (a.IsUnspecified() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255})):
		return Peer{}, ErrPeerCast
	case isAddr:
		p.Host = a.String() // one spelling, to be compared
	}
	return p, nil
}

// String returns "host:port", with an IPv6 address in brackets.
func (p Peer) String() string { return net.JoinHostPort(p.Host, strconv.Itoa(int(p.Port))) }

// Addr returns the address that the peer is given by; ok is false for a name.
func (p Peer) Addr() (addr netip.Addr, ok bool) {
	addr, err := netip.ParseAddr(p.Host)
	return addr, err == nil
}

// IsPrivate reports whether the peer is given by a private or loopback address. A
// name is not: what it stands for is for others to say.
func (p Peer) IsPrivate() bool {
	a, ok := p.Addr()
	return ok && (a.IsPrivate() || a.IsLoopback())
}

// isName reports whether s can be a host name (RFC 1123, and underscores). One whose
// last label is a number is an address that is misspelt.
func isName(s string) bool {
	s = strings.TrimSuffix(s, ".")
	if len(s) > 253 {
		return false
	}
	last := ""
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") ||
			strings.ContainsFunc(label, notInName) {
			return false
		}
		last = label
	}
	return strings.ContainsFunc(last, func(r rune) bool { return r < '0' || r > '9' })
}

func notInName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}
