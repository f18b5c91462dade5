package udp

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/rs/zerolog"
	"golang.org/x/net/ipv6"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker/bep15"
)

// TestPortableReceiveBuffer: Linux tells how large it is.
func TestPortableReceiveBuffer(t *testing.T) {
	var log bytes.Buffer
	const asked = 8192
	sockets, err := openPortable(socketOptions{
		addr: netip.MustParseAddrPort("127.0.0.1:0"), workers: 1, receiveBuffer: asked, log: zerolog.New(&log),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(sockets)
	file, err := sockets[0].(*portableSocket).conn.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got, err := receiveBuffer(int(file.Fd())); got != asked || err != nil || log.Len() > 0 {
		t.Errorf("%d bytes, %v, want %d; logged %s", got, err, asked, log.Bytes())
	}
}

// TestPortableReplyControl6: a reply is to leave from the address that was asked.
func TestPortableReplyControl6(t *testing.T) {
	testenv.NeedIPv6(t)
	sockets, err := openPortable(socketOptions{addr: netip.MustParseAddrPort("[::]:0"), workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(sockets)
	s := sockets[0].(*portableSocket)
	c := dial(t, s.bound)
	c.send(bep15.ConnectRequest{}.Append(nil))
	control := make([]byte, 128)
	_, n, _, _, err := s.conn.ReadMsgUDPAddrPort(nil, control)
	if err != nil {
		t.Fatal(err)
	}
	want := (&ipv6.ControlMessage{Src: c.server.Addr().AsSlice()}).Marshal()
	if got := s.replyControl(control[:n]); len(want) == 0 || !bytes.Equal(got, want) {
		t.Errorf("control message %x, want %x", got, want)
	}
}
