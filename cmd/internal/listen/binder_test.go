package listen

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/testenv"
)

func TestFamilies(t *testing.T) {
	const both = "0.0.0.0:6969 [::]:6969"
	for _, test := range []struct {
		name, addrs string
		others      bool  // something else is bound as well
		four, six   error // of binding an address of that family
		tried       string
		err         error
	}{
		{"each family alone", both, false, nil, nil, both, nil},
		{"IPv4-mapped", "[::ffff:127.0.0.1]:1", false, nil, nil, "127.0.0.1:1", nil},
		{"host without IPv6", both, false, nil, syscall.EAFNOSUPPORT, both, nil},
		{"host without IPv4", both, false, syscall.EADDRNOTAVAIL, nil, both, nil},
		{"host without either", both, false, syscall.EAFNOSUPPORT, syscall.EADDRNOTAVAIL, both, syscall.EADDRNOTAVAIL},
		{"only wildcard missing", "[::]:1", false, nil, syscall.EAFNOSUPPORT, "[::]:1", syscall.EAFNOSUPPORT},
		{"only wildcard missing beside a unix socket", "[::]:1", true, nil, syscall.EAFNOSUPPORT, "[::]:1", nil},
		{"certain address missing", "127.0.0.1:1 [2001:db8::1]:1 127.0.0.2:1", false, nil, syscall.EADDRNOTAVAIL,
			"127.0.0.1:1 [2001:db8::1]:1", syscall.EADDRNOTAVAIL},
		{"wildcard in use", both, false, nil, syscall.EADDRINUSE, both, syscall.EADDRINUSE},
		{"none", "", false, nil, nil, "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var addrs []netip.AddrPort
			for s := range strings.FieldsSeq(test.addrs) {
				addrs = append(addrs, netip.MustParseAddrPort(s))
			}
			var tried []string
			err := each(addrs, test.others, func(addr netip.AddrPort) error {
				tried = append(tried, addr.String())
				failure := test.six
				if addr.Addr().Is4() {
					failure = test.four
				}
				if failure != nil {
					return fmt.Errorf("listen: %w", failure)
				}
				return nil
			})
			if strings.Join(tried, " ") != test.tried || !errors.Is(err, test.err) {
				t.Errorf("tried %q, %v", tried, err)
			}
		})
	}
}

// endpoints returns endpoints as a config has them.
func endpoints(t *testing.T, texts ...string) (all []config.Endpoint) {
	t.Helper()
	for _, text := range texts {
		e := config.Endpoint{Unix: strings.TrimPrefix(text, "unix:")}
		if e.Unix == text {
			e = config.Endpoint{AddrPort: netip.MustParseAddrPort(text)}
		}
		all = append(all, e)
	}
	return all
}

func TestOneFamilyASocket(t *testing.T) {
	testenv.NeedIPv6(t)
	b := NewBinder(nil)
	defer b.Close()
	first, err := b.Streams("first", endpoints(t, "[::]:0"))
	if err != nil {
		t.Fatal(err)
	}
	port := addrOf(first.All()[0].Addr()).Port()
	second, err := b.Streams("second", endpoints(t, fmt.Sprintf("0.0.0.0:%d", port)))
	if err != nil || len(second.All()) != 1 {
		t.Errorf("the other family's port is taken: %v", err)
	}
}

// TestStreamsThatFail names the server and the address, and has Close free the others.
func TestStreamsThatFail(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	b := NewBinder(nil)
	l, err := b.Streams("front", endpoints(t, "127.0.0.1:0", taken.Addr().String()))
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.HasPrefix(err.Error(), "front: ") || !strings.Contains(err.Error(), taken.Addr().String()) {
		t.Errorf("got %v", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	again, err := net.Listen("tcp4", l.All()[0].Addr().String())
	if err != nil {
		t.Fatal("still taken:", err)
	}
	again.Close()
}

// TestUnixSocketsWaitForTheirTime: some are made before the process becomes somebody
// else, some after.
func TestUnixSocketsWaitForTheirTime(t *testing.T) {
	dir := t.TempDir()
	early, late := filepath.Join(dir, "early"), filepath.Join(dir, "late")
	b := NewBinder(nil)
	l, err := b.Streams("front", endpoints(t, "unix:"+late, "127.0.0.1:0", "unix:"+early))
	if err != nil || len(l.All()) != 1 {
		t.Fatalf("%v, %v", l, err)
	}
	if err := b.Unix(func(path string) bool { return path == early }); err != nil || !exists(early) || exists(late) {
		t.Fatalf("the early one is there: %v, the late one: %v, %v", exists(early), exists(late), err)
	}
	for range 2 { // each is made once
		if err := b.Unix(func(string) bool { return true }); err != nil {
			t.Fatal(err)
		}
	}
	tcp := l.All()[0].Addr().String()
	if got, want := strings.Join(l.Names(), " "), tcp+" unix:"+early+" unix:"+late; got != want {
		t.Errorf("listens on %s, want %s", got, want)
	}
	l.All()[1].Close() // as the server does that has served it
	if err := b.Close(); err != nil || exists(early) || exists(late) {
		t.Errorf("files are left, %v", err)
	}
}

func TestPassedSocketsComeFirst(t *testing.T) {
	u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	passedUDP := file(t, u, err)
	defer u.Close()
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	passedTCP := file(t, l, err)
	defer l.Close()
	p, err := identifyAll([]*os.File{passedTCP, passedUDP})
	if err != nil {
		t.Fatal(err)
	}
	b := NewBinder(p)
	defer b.Close()
	at, err := b.Streams("front", endpoints(t, "127.0.0.1:0", l.Addr().String()))
	if err != nil || len(at.All()) != 2 || at.Names()[1] != l.Addr().String() {
		t.Errorf("listens on %v, %v", at.Names(), err)
	}
	if err := b.Rest(); err == nil || !strings.Contains(err.Error(), u.LocalAddr().String()) {
		t.Errorf("the rest is %v", err)
	}
	opened := map[netip.AddrPort]*os.File{}
	other := netip.MustParseAddrPort("127.0.0.1:0")
	err = b.Datagrams([]netip.AddrPort{other, addrOf(u.LocalAddr())}, func(addr netip.AddrPort, passed *os.File) error {
		opened[addr] = passed
		return nil
	})
	if f, there := opened[other]; err != nil || f != nil || !there || opened[addrOf(u.LocalAddr())] != passedUDP {
		t.Errorf("opened %v, %v", opened, err)
	}
	if err := b.Rest(); err != nil {
		t.Error(err)
	}
}
