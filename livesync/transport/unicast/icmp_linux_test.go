package unicast

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestICMPDoesNotStopReceiving has the socket report the errors of earlier packets, as
// some systems do on their own.
func TestICMPDoesNotStopReceiving(t *testing.T) {
	port := freePort(t)
	l := listen(t, at("127.0.0.1", port), nil, at("127.0.0.2", port).String(), at("127.0.0.3", freePort(t)).String())
	raw, err := l.conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if cerr := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVERR, 1) }); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
	mate := listen(t, at("127.0.0.2", port), nil, at("127.0.0.1", port).String())
	for range 10 {
		send(t, l, "p")
		wantPacket(t, mate, "p")
		send(t, mate, "q")
		wantPacket(t, l, "q")
	}
}
