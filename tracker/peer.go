package tracker

import (
	"encoding/binary"
	"net/netip"
)

// Family is the address family of a peer. The two families are kept apart in
// every swarm.
type Family uint8

// The address families.
const (
	IPv4 Family = iota
	IPv6
)

// String returns "ipv4" or "ipv6".
func (f Family) String() string {
	if f == IPv6 {
		return "ipv6"
	}
	return "ipv4"
}

// Sizes in bytes of a peer in compact form: address, then port, both in
// network order (BEP 23, BEP 7).
const (
	CompactSize4 = 4 + 2
	CompactSize6 = 16 + 2
)

// CompactSize returns the size in bytes of a peer of the family in compact form.
func (f Family) CompactSize() int {
	if f == IPv6 {
		return CompactSize6
	}
	return CompactSize4
}

// Peer is the identity of a peer in a swarm: the address and port it listens
// on. It holds no pointers and is comparable. Build one with MakePeer.
type Peer struct {
	addr   [16]byte // IPv4 in the first four bytes, the rest zero
	port   uint16
	family Family
}

// MakePeer returns the peer at addr and port. An IPv4-mapped IPv6 address
// counts as IPv4 and a zone is left out. The invalid address makes an IPv4
// peer at 0.0.0.0.
func MakePeer(addr netip.Addr, port uint16) Peer {
	addr = addr.Unmap()
	p := Peer{port: port}
	if addr.Is6() {
		p.family = IPv6
		p.addr = addr.As16()
	} else if addr.Is4() {
		a := addr.As4()
		copy(p.addr[:], a[:])
	}
	return p
}

// MakePeer4 is MakePeer for the bytes of an IPv4 address in network order.
func MakePeer4(addr [4]byte, port uint16) Peer {
	p := Peer{port: port}
	copy(p.addr[:], addr[:])
	return p
}

// MakePeer6 is MakePeer for the bytes of an IPv6 address in network order; an
// IPv4-mapped one makes an IPv4 peer.
func MakePeer6(addr [16]byte, port uint16) Peer {
	if binary.BigEndian.Uint64(addr[:8]) == 0 && binary.BigEndian.Uint32(addr[8:12]) == 0xffff {
		return MakePeer4([4]byte(addr[12:]), port)
	}
	return Peer{addr: addr, port: port, family: IPv6}
}

// Addr returns the peer's address.
func (p Peer) Addr() netip.Addr {
	if p.family == IPv6 {
		return netip.AddrFrom16(p.addr)
	}
	return netip.AddrFrom4([4]byte(p.addr[:4]))
}

// Port returns the peer's port.
func (p Peer) Port() uint16 { return p.port }

// Family returns the family of the peer's address.
func (p Peer) Family() Family { return p.family }

// Network is whoever is behind an address: an IPv4 address, or the /64 of an
// IPv6 one, within which a host has any address that it likes.
type Network uint64

// noNetwork stands for what has no address: a /64 of multicast.
const noNetwork = ^Network(0)

// NetworkOf returns the network of an address. All that have none, such as the clients
// of a unix socket, are of one.
func NetworkOf(addr netip.Addr) Network {
	if !addr.IsValid() {
		return noNetwork
	}
	return MakePeer(addr, 0).Network()
}

// Network returns the network of the peer's address.
func (p Peer) Network() Network {
	if p.family == IPv6 {
		return Network(binary.BigEndian.Uint64(p.addr[:]))
	}
	return network4(binary.BigEndian.Uint32(p.addr[:]))
}

// network4 returns the network of an IPv4 address: the start of its IPv6-mapped
// form without the zeros, which is no /64 that anybody has.
func network4(addr uint32) Network { return 0xffff<<32 | Network(addr) }

// A limit on a Network holds at networkLevels levels if it is one of IPv6: for the
// /64, and for the wider ones that this lies in, whose prefixes are shorter by
// levelBits each. A level has four times the limit of the one below.
const (
	networkLevels = 3
	levelBits     = 8
)

// levels returns the number of levels at which limits on n hold.
func (n Network) levels() int {
	if n>>48 == 0 { // IPv4, or ::/64 with the loopback address
		return 1
	}
	return networkLevels
}

// Prefix returns the network as others write it: an IPv4 address as a /32, or an IPv6
// /64. It is invalid for those that have no address.
func (n Network) Prefix() netip.Prefix {
	switch {
	case n == noNetwork:
		return netip.Prefix{}
	case n>>32 == 0xffff:
		return netip.PrefixFrom(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(n)))), 32)
	}
	var addr [16]byte
	binary.BigEndian.PutUint64(addr[:], uint64(n))
	return netip.PrefixFrom(netip.AddrFrom16(addr), 64)
}

// AppendAddr appends the address in network order: 4 bytes or 16.
func (p Peer) AppendAddr(dst []byte) []byte {
	if p.family == IPv6 {
		return append(dst, p.addr[:]...)
	}
	return append(dst, p.addr[:4]...)
}

// AppendCompact appends the peer in compact form: CompactSize4 or CompactSize6
// bytes.
func (p Peer) AppendCompact(dst []byte) []byte {
	return binary.BigEndian.AppendUint16(p.AppendAddr(dst), p.port)
}

// String returns "address:port", the address in brackets for IPv6.
func (p Peer) String() string { return netip.AddrPortFrom(p.Addr(), p.port).String() }
