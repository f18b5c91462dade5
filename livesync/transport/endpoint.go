package transport

import "net/netip"

// Endpoint is where a member can be reached, as its transport knows it. To
// everybody else it is opaque: to be compared, printed and handed back to Send.
// Several members may share one, such as instances on one host; their ids tell
// them apart. The zero Endpoint is All.
type Endpoint struct {
	addr netip.AddrPort
	name string
}

// All stands for all other members.
var All Endpoint

// At returns the endpoint of a member with an address.
func At(addr netip.AddrPort) Endpoint { return Endpoint{addr: addr} }

// Named returns the endpoint of a member that its transport knows by name.
func Named(name string) Endpoint { return Endpoint{name: name} }

// Addr returns the address, for the transport that made the endpoint; the zero one if
// it has a name.
func (e Endpoint) Addr() netip.AddrPort { return e.addr }

// String returns the address or the name, for people; the empty string for All.
func (e Endpoint) String() string {
	if e.addr.IsValid() {
		return e.addr.String()
	}
	return e.name
}

// MarshalText returns the same as String.
func (e Endpoint) MarshalText() ([]byte, error) { return []byte(e.String()), nil }
