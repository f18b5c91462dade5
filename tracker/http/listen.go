package http

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// listenFunc is net.ListenConfig.Listen.
type listenFunc func(ctx context.Context, network, address string) (net.Listener, error)

// systemListen opens TCP sockets. The connections are short and their idle
// time is bounded, so neither keep-alive probes nor multipath TCP are worth
// their system calls.
func systemListen() listenFunc {
	lc := &net.ListenConfig{KeepAlive: -1}
	lc.SetMultipathTCP(false)
	return lc.Listen
}

// Bind listens on each address, all or none; port 0 lets the system choose. IPv4
// and IPv6 never share a socket. A wildcard address of a family that the host lacks is left out, unless
// nothing else is left. An error names the address.
func Bind(addrs []netip.AddrPort) ([]net.Listener, error) { return bind(systemListen(), addrs) }

// bind is Bind with sockets from listen.
func bind(listen listenFunc, addrs []netip.AddrPort) ([]net.Listener, error) {
	var listeners []net.Listener
	var missing error
	for _, addr := range addrs {
		l, err := bindOne(listen, addr)
		switch {
		case err == nil:
			listeners = append(listeners, l)
		case addr.Addr().IsUnspecified() && noFamily(err):
			missing = errors.Join(missing, err)
		default:
			closeAll(listeners)
			return nil, err
		}
	}
	if len(listeners) == 0 && missing != nil {
		return nil, missing
	}
	return listeners, nil
}

// bindOne listens on one address with its family alone, so that the wildcard
// addresses of both can be used side by side.
func bindOne(listen listenFunc, addr netip.AddrPort) (net.Listener, error) {
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	network := "tcp4"
	if addr.Addr().Is6() {
		network = "tcp6"
	}
	l, err := listen(context.Background(), network, addr.String())
	if err != nil {
		return nil, fmt.Errorf("http: %w", err) // names the address
	}
	return l, nil
}

// noFamily tells whether err means that the host lacks an address family.
func noFamily(err error) bool {
	return errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL)
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close() // has served nothing
	}
}
