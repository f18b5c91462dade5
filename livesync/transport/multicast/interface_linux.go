package multicast

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// errNoAddress says that an interface cannot carry the packets.
var errNoAddress = errors.New("the interface has no IPv4 address")

// findInterface returns the interface that name names, and its IPv4 address to
// send from. name is an interface's name or one of its addresses.
func findInterface(name string) (*net.Interface, netip.Addr, error) {
	if addr, err := netip.ParseAddr(name); err == nil {
		ifi, err := interfaceOf(addr)
		return ifi, addr, err
	}
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return nil, netip.Addr{}, fmt.Errorf("interface %q: %w", name, err)
	}
	addrs, err := addressesOf(ifi)
	if err != nil {
		return nil, netip.Addr{}, err
	}
	for _, a := range addrs {
		if a.Is4() {
			return ifi, a, nil
		}
	}
	return nil, netip.Addr{}, fmt.Errorf("interface %q: %w", name, errNoAddress)
}

func interfaceOf(addr netip.Addr) (*net.Interface, error) {
	ifis, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	for i := range ifis {
		addrs, err := addressesOf(&ifis[i])
		if err != nil {
			return nil, err
		}
		for _, a := range addrs {
			if a == addr && a.Is4() {
				return &ifis[i], nil
			}
		}
	}
	return nil, fmt.Errorf("no interface has the IPv4 address %s", addr)
}

func addressesOf(ifi *net.Interface) ([]netip.Addr, error) {
	list, err := ifi.Addrs()
	if err != nil {
		return nil, fmt.Errorf("addresses of interface %q: %w", ifi.Name, err)
	}
	var addrs []netip.Addr
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			addrs = append(addrs, p.Addr())
		}
	}
	return addrs, nil
}
