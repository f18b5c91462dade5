package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"syscall"
)

// Sockets are those of a Server that is to be made.
type Sockets struct {
	sockets []socket
}

// Bind binds every address, or takes over what was passed. It needs no secret.
// The error names the address.
func Bind(o Options) (*Sockets, error) { return bindAll(o, openSockets) }

// Close releases the sockets that are not going to be served.
func (s *Sockets) Close() error { return closeAll(s.sockets) }

// bindAll is Bind with sockets from open.
func bindAll(o Options, open opener) (*Sockets, error) {
	if o.Workers < 0 || o.ReceiveBuffer < 0 || o.BatchDelay < 0 {
		return nil, errors.New("udp: workers, receive buffer and batch delay must not be negative")
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	s := &Sockets{}
	var absent error
	for _, addr := range o.Listen {
		addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
		sockets, err := open(socketOptions{addr, nil, o.Workers, o.ReceiveBuffer, o.BatchDelay, o.Log})
		if err != nil {
			err = fmt.Errorf("udp: listen udp %v: %w", addr, err)
			if addr.Addr().IsUnspecified() && noFamily(err) {
				absent = err
				continue
			}
			return nil, errors.Join(err, s.Close())
		}
		s.sockets = append(s.sockets, sockets...)
	}
	for _, file := range o.Passed {
		sockets, err := openFile(o, file, open)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("udp: passed socket: %w", err), s.Close())
		}
		s.sockets = append(s.sockets, sockets...)
	}
	if len(s.sockets) == 0 && absent != nil {
		return nil, absent
	}
	return s, nil
}

// openFile opens the sockets for the workers of one that was passed.
func openFile(o Options, file *os.File, open opener) ([]socket, error) {
	conn, err := net.FilePacketConn(file)
	if err != nil {
		return nil, err
	}
	defer conn.Close() // a copy
	udp, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		return nil, fmt.Errorf("%v is no UDP address", conn.LocalAddr())
	}
	addr := netip.AddrPortFrom(udp.AddrPort().Addr().Unmap(), udp.AddrPort().Port())
	return open(socketOptions{addr, file, o.Workers, o.ReceiveBuffer, o.BatchDelay, o.Log})
}

// noFamily tells whether err means that the host lacks an address family.
func noFamily(err error) bool {
	return errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL)
}
