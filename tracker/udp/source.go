package udp

import "keeptrack/tracker"

// source is where a datagram came from.
type source struct {
	addr [16]byte // IPv4 in its IPv6-mapped form
	port uint16
}

// mapped4 is the IPv6-mapped form of an IPv4 address in network order.
func mapped4(a [4]byte) [16]byte {
	return [16]byte{10: 0xff, 11: 0xff, 12: a[0], 13: a[1], 14: a[2], 15: a[3]}
}

// peer returns the peer at the source's address that listens on port.
func (s source) peer(port uint16) tracker.Peer { return tracker.MakePeer6(s.addr, port) }
