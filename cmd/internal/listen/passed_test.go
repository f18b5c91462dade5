package listen

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keeptrack/cmd/testenv"
)

// file returns a copy of a socket as a service manager would pass it.
func file(t *testing.T, s interface{ File() (*os.File, error) }, err error) *os.File {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func addrOf(a net.Addr) netip.AddrPort { return netip.MustParseAddrPort(a.String()) }

func TestPassedSocketsAreFoundByAddress(t *testing.T) {
	u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	udpFile := file(t, u, err)
	defer u.Close()
	// The same port for TCP, so that only the kind tells them apart.
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(addrOf(u.LocalAddr()).Port())})
	tcpFile := file(t, l, err)
	defer l.Close()
	path := filepath.Join(t.TempDir(), "s")
	x, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	unixFile := file(t, x, err)
	defer x.Close()

	p, err := identifyAll([]*os.File{unixFile, tcpFile, udpFile})
	if err != nil {
		t.Fatal(err)
	}
	addr := addrOf(u.LocalAddr())
	other := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), addr.Port())
	if got := p.TakeUDP(other); got != nil {
		t.Errorf("at another address: %v", got)
	}
	if got, err := p.TakeTCP(other); got != nil || err != nil {
		t.Errorf("at another address: %v, %v", got, err)
	}
	if got := p.TakeUDP(addr); len(got) != 1 || got[0] != udpFile {
		t.Errorf("UDP: %v", got)
	}
	rest := p.Rest()
	for _, want := range []string{"tcp " + addr.String(), "unix " + path} {
		if rest == nil || !strings.Contains(rest.Error(), want) {
			t.Errorf("the rest is %v, without %s", rest, want)
		}
	}
	tcp, err := p.TakeTCP(addr)
	if err != nil || addrOf(tcp.Addr()) != addr {
		t.Fatalf("TCP: %v, %v", tcp, err)
	}
	tcp.Close()
	unix, err := p.TakeUnix(path)
	if err != nil || unix.Addr().String() != path {
		t.Fatalf("unix: %v, %v", unix, err)
	}
	if unix.Close(); !exists(path) {
		t.Error("closing has removed the socket's file")
	}
	if err := p.Rest(); err != nil {
		t.Errorf("the rest is %v", err)
	}
	if again, err := p.TakeTCP(addr); again != nil || err != nil {
		t.Errorf("taken twice: %v, %v", again, err)
	}
}

func TestWhatCannotBeServedIsRefused(t *testing.T) {
	plain, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	g, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "g"), Net: "unixgram"})
	gram := file(t, g, err)
	defer g.Close()
	for name, f := range map[string]*os.File{"file": plain, "datagrams on a unix socket": gram} {
		if p, err := identifyAll([]*os.File{f}); err == nil || !strings.Contains(err.Error(), errKind.Error()) {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

// TestSocketForBothFamiliesIsRefused: Go makes one for the network "tcp" where
// the host has both.
func TestSocketForBothFamiliesIsRefused(t *testing.T) {
	l, err := net.Listen("tcp", "[::]:0")
	testenv.Need(t, "listen on both families", err)
	defer l.Close()
	f := file(t, l.(*net.TCPListener), nil)
	if _, err := identifyAll([]*os.File{f}); err == nil || !strings.Contains(err.Error(), "BindIPv6Only") {
		t.Errorf("got %v", err)
	}
	only, err := net.Listen("tcp6", "[::]:0")
	if err != nil {
		t.Fatal(err)
	}
	defer only.Close()
	if _, err := identifyAll([]*os.File{file(t, only.(*net.TCPListener), nil)}); err != nil {
		t.Error(err)
	}
}
