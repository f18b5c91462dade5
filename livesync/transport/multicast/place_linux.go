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

// find returns where the interface of the options is now. last is the address
// that was sent from before.
func (o *Options) find(last netip.Addr) (place, error) {
	name := o.Interface
	ifi, addrs, err := findInterface(name)
	if err != nil {
		return place{}, err
	}
	p := place{index: ifi.Index, name: ifi.Name}
	if ifi.Flags&net.FlagUp == 0 {
		return p, fmt.Errorf("interface %q: %w", ifi.Name, errNotUp)
	}
	if p.from = o.choose(addrs, last); !p.from.IsValid() {
		return p, fmt.Errorf("interface %q: %w", ifi.Name, errNoAddress)
	}
	return p, nil
}

// choose returns the address to send from of those that the interface has: the
// one that the options name, else last, else the first in the nodes' networks,
// where the other instances expect it, else the first.
func (o *Options) choose(addrs []netip.Addr, last netip.Addr) netip.Addr {
	named, _ := netip.ParseAddr(o.Interface)
	for _, a := range []netip.Addr{named, last} {
		if slices.Contains(addrs, a) {
			return a
		}
	}
	if i := slices.IndexFunc(addrs, o.trusts); i >= 0 {
		return addrs[i]
	}
	if len(addrs) > 0 {
		return addrs[0]
	}
	return netip.Addr{}
}

// others returns the addresses that could be sent from as well as the one at p.
func (o *Options) others(p place) (list []string) {
	if _, err := netip.ParseAddr(o.Interface); err == nil {
		return nil // the operator has chosen
	}
	_, addrs, err := findInterface(o.Interface)
	if err != nil {
		return nil // it has gone since, which is logged where that matters
	}
	for _, a := range addrs {
		if a != p.from && (o.trusts(a) || !o.trusts(p.from)) {
			list = append(list, a.String())
		}
	}
	return list
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
