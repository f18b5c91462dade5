package admin

import (
	"net"
	"net/netip"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// onPipes serves until the test ends. Each call of dial makes a connection from
// an address and returns the client's end.
func onPipes(t *testing.T, o Options) (dial func(from string) net.Conn) {
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	l := make(pipeListener)
	s := New(o)
	done := make(chan error, 1)
	go func() { done <- s.server.Serve(l) }()
	t.Cleanup(func() {
		s.server.Close()
		<-done
	})
	return func(from string) net.Conn {
		client, server := net.Pipe()
		t.Cleanup(func() { client.Close() })
		l <- &pipeEnd{server, net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 1))}
		return client
	}
}

// onPipe is onPipes with one connection.
func onPipe(t *testing.T, o Options) net.Conn { return onPipes(t, o)("192.0.2.1") }

// pipeListener accepts what is sent to it.
type pipeListener chan net.Conn

func (l pipeListener) Accept() (net.Conn, error) {
	if conn, ok := <-l; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (l pipeListener) Close() error { close(l); return nil }

func (l pipeListener) Addr() net.Addr { return &net.UnixAddr{Net: "pipe"} }

// pipeEnd is the server's end of a connection from an address.
type pipeEnd struct {
	net.Conn
	from net.Addr
}

func (p *pipeEnd) RemoteAddr() net.Addr { return p.from }
