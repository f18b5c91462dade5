package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
)

// Sockets are those of a Server that is to be made. The zero value has none.
type Sockets struct {
	sockets []socket
}

// Open adds the sockets of one address, or those that share one which somebody else has
// bound to it and keeps. What a passed one holds when the server ends is left to whoever
// serves it next; its file stays the caller's, who may close it at once. No secret is
// needed. The error names the address.
func (s *Sockets) Open(o Options, addr netip.AddrPort, passed *os.File) error {
	return s.open(o, addr, passed, openSockets)
}

// Close releases the sockets that are not going to be served.
func (s *Sockets) Close() error { return closeAll(s.sockets) }

// open is Open with sockets from opener.
func (s *Sockets) open(o Options, addr netip.AddrPort, passed *os.File, open opener) error {
	if o.Workers < 0 || o.ReceiveBuffer < 0 || o.BatchDelay < 0 {
		return errors.New("udp: workers, receive buffer and batch delay must not be negative")
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	what := fmt.Sprintf("listen udp %v", addr)
	if passed != nil {
		what = "passed socket"
		if err := isUDP(passed); err != nil {
			return fmt.Errorf("udp: %s: %w", what, err)
		}
	}
	sockets, err := open(socketOptions{addr, passed, o.Workers, o.ReceiveBuffer, o.BatchDelay, o.Log})
	if err != nil {
		return fmt.Errorf("udp: %s: %w", what, err)
	}
	s.sockets = append(s.sockets, sockets...)
	return nil
}

// isUDP returns an error if the file is no UDP socket.
func isUDP(file *os.File) error {
	conn, err := net.FilePacketConn(file)
	if err != nil {
		return err
	}
	defer conn.Close() // a copy
	if _, ok := conn.(*net.UDPConn); !ok {
		return fmt.Errorf("%v is not a UDP address", conn.LocalAddr())
	}
	return nil
}
