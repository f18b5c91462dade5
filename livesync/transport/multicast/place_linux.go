package multicast

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// Errors of an interface that is there but cannot carry packets.
var (
	errNoAddress = errors.New("the interface has no IPv4 address")
	errNotUp     = errors.New("the interface is not up")
)

// place is where a group is joined.
type place struct {
	index int        // of the interface
	name  string     // of the interface
	from  netip.Addr // the address to send from, one of the interface's
}

// findPlace returns where name is now. name is an interface's name or one of its
// IPv4 addresses. With a name, the address is last if the interface still has it,
// else its first.
func findPlace(name string, last netip.Addr) (place, error) {
	ifi, addrs, err := findInterface(name)
	if err != nil {
		return place{}, err
	}
	p := place{index: ifi.Index, name: ifi.Name}
	if ifi.Flags&net.FlagUp == 0 {
		return p, fmt.Errorf("interface %q: %w", ifi.Name, errNotUp)
	}
	named, _ := netip.ParseAddr(name)
	switch {
	case slices.Contains(addrs, named):
		p.from = named
	case slices.Contains(addrs, last):
		p.from = last
	case len(addrs) > 0:
		p.from = addrs[0]
	default:
		return p, fmt.Errorf("interface %q: %w", ifi.Name, errNoAddress)
	}
	return p, nil
}

// findInterface returns the interface that name names, and its IPv4 addresses.
func findInterface(name string) (*net.Interface, []netip.Addr, error) {
	addr, err := netip.ParseAddr(name)
	if err != nil {
		ifi, err := net.InterfaceByName(name)
		if err != nil {
			return nil, nil, fmt.Errorf("interface %q: %w", name, err)
		}
		addrs, err := addressesOf(ifi)
		return ifi, addrs, err
	}
	ifis, err := net.Interfaces()
	if err != nil {
		return nil, nil, fmt.Errorf("list interfaces: %w", err)
	}
	for i := range ifis {
		addrs, err := addressesOf(&ifis[i])
		if err != nil {
			return nil, nil, err
		}
		if slices.Contains(addrs, addr) {
			return &ifis[i], addrs, nil
		}
	}
	return nil, nil, fmt.Errorf("no interface has the IPv4 address %s", addr)
}

// addressesOf returns the IPv4 addresses of an interface.
func addressesOf(ifi *net.Interface) ([]netip.Addr, error) {
	list, err := ifi.Addrs()
	if err != nil {
		return nil, fmt.Errorf("addresses of interface %q: %w", ifi.Name, err)
	}
	var addrs []netip.Addr
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
			addrs = append(addrs, p.Addr())
		}
	}
	return addrs, nil
}
