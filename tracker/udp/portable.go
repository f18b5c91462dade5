package udp

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"keeptrack/tracker/bep15"
)

// portableSocket serves with what every system has. Workers share one socket
// and take one datagram at a time.
type portableSocket struct {
	bound netip.AddrPort
	conn  *net.UDPConn
	// replyControl turns the control message of a request into that of its
	// reply, which is to leave from the address that was asked; nil if the
	// socket is bound to one address.
	replyControl func([]byte) []byte
}

// openPortable opens one socket for all workers.
func openPortable(o socketOptions) ([]socket, error) {
	conn, err := o.conn()
	if err != nil {
		return nil, err
	}
	s := &portableSocket{conn: conn, bound: conn.LocalAddr().(*net.UDPAddr).AddrPort()}
	s.bound = netip.AddrPortFrom(o.addr.Addr(), s.bound.Port())
	if o.receiveBuffer > 0 {
		if err := conn.SetReadBuffer(o.receiveBuffer); err != nil {
			o.log.Warn().Err(err).Stringer("addr", o.addr).Msg("the udp receive buffer cannot be resized")
		}
	}
	if o.addr.Addr().IsUnspecified() {
		if s.replyControl, err = askForDestination(conn, o.addr.Addr()); err != nil {
			o.log.Warn().Err(err).Stringer("addr", o.addr).
				Msg("udp replies may leave from another address than the request was sent to: listen on each address instead")
		}
	}
	sockets := make([]socket, o.workers)
	for i := range sockets {
		sockets[i] = s
	}
	return sockets, nil
}

// conn binds the socket, or takes over the one that was passed.
func (o *socketOptions) conn() (*net.UDPConn, error) {
	if o.passed == nil {
		network := "udp6"
		if o.addr.Addr().Is4() {
			network = "udp4"
		}
		return net.ListenUDP(network, net.UDPAddrFromAddrPort(o.addr))
	}
	conn, err := net.FilePacketConn(o.passed)
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil // its address was found to be one of UDP
}

func (s *portableSocket) addr() netip.AddrPort { return s.bound }

func (s *portableSocket) serve(h *handler) error {
	packet, control := make([]byte, maxPacketSize), make([]byte, 128)
	batch := []datagram{{room: make([]byte, bep15.MaxReplySize)}}
	for {
		n, nc, _, peer, err := s.conn.ReadMsgUDPAddrPort(packet, control)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil // stopped
		}
		if err != nil {
			return err
		}
		batch[0].from, batch[0].packet = source{peer.Addr().As16(), peer.Port()}, packet[:n]
		h.answerBatch(time.Now(), batch)
		reply := batch[0].reply
		if len(reply) == 0 {
			continue
		}
		var replyControl []byte
		if s.replyControl != nil {
			replyControl = s.replyControl(control[:nc])
		}
		if _, _, err := s.conn.WriteMsgUDPAddrPort(reply, replyControl, peer); err != nil {
			h.count.recent[countUnsent]++
			h.count.tell()
		}
	}
}

// stop ends every read, those to come as well.
func (s *portableSocket) stop() {
	_ = s.conn.SetReadDeadline(time.Unix(1, 0)) // fails only if closed
}

func (s *portableSocket) kernelDrops() uint64 { return 0 }

func (s *portableSocket) close() error {
	if err := s.conn.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// askForDestination has the system tell the address that each datagram was
// sent to, and returns the function for portableSocket.replyControl.
func askForDestination(conn *net.UDPConn, addr netip.Addr) (func([]byte) []byte, error) {
	if addr.Is4() {
		if err := ipv4.NewPacketConn(conn).SetControlMessage(ipv4.FlagDst, true); err != nil {
			return nil, err
		}
		return replyControl4, nil
	}
	if err := ipv6.NewPacketConn(conn).SetControlMessage(ipv6.FlagDst|ipv6.FlagInterface, true); err != nil {
		return nil, err
	}
	return replyControl6, nil
}

func replyControl4(control []byte) []byte {
	var request ipv4.ControlMessage
	if request.Parse(control) != nil {
		return nil
	}
	return (&ipv4.ControlMessage{Src: request.Dst}).Marshal()
}

func replyControl6(control []byte) []byte {
	var request ipv6.ControlMessage
	if request.Parse(control) != nil {
		return nil
	}
	reply := ipv6.ControlMessage{Src: request.Dst}
	if request.Dst.IsLinkLocalUnicast() {
		reply.IfIndex = request.IfIndex
	}
	return reply.Marshal()
}
