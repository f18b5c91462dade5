package tracker

import (
	"encoding/hex"
	"net/netip"
	"testing"
)

func TestMakePeer(t *testing.T) {
	for _, c := range []struct {
		name, addr string
		port       uint16
		family     Family
		compact    string
		text       string
	}{
		{"IPv4", "192.0.2.1", 6881, IPv4, "c00002011ae1", "192.0.2.1:6881"},
		{"mapped IPv4", "::ffff:192.0.2.1", 6881, IPv4, "c00002011ae1", "192.0.2.1:6881"},
		{"IPv6", "2001:db8::2", 51413, IPv6, "20010db8000000000000000000000002c8d5", "[2001:db8::2]:51413"},
		{"zone left out", "fe80::1%eth0", 1, IPv6, "fe8000000000000000000000000000010001", "[fe80::1]:1"},
		{"IPv4-compatible is IPv6", "::192.0.2.1", 1, IPv6, "000000000000000000000000c00002010001", "[::c000:201]:1"},
		{"almost mapped", "1::ffff:192.0.2.1", 1, IPv6, "00010000000000000000ffffc00002010001", "[1::ffff:c000:201]:1"},
		{"highest port", "8.8.8.8", 65535, IPv4, "08080808ffff", "8.8.8.8:65535"},
		{"port 0", "8.8.8.8", 0, IPv4, "080808080000", "8.8.8.8:0"},
		{"invalid", "", 5, IPv4, "000000000005", "0.0.0.0:5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr, _ := netip.ParseAddr(c.addr) // invalid for the last
			p := MakePeer(addr, c.port)
			if p.Family() != c.family || p.Port() != c.port || p.String() != c.text {
				t.Errorf("%v of family %v", p, p.Family())
			}
			if got := hex.EncodeToString(p.AppendCompact(nil)); got != c.compact {
				t.Errorf("compact %s, want %s", got, c.compact)
			}
			if want := c.compact[:len(c.compact)-4]; hex.EncodeToString(p.AppendAddr(nil)) != want {
				t.Errorf("address %x, want %s", p.AppendAddr(nil), want)
			}
			if again := MakePeer(p.Addr(), p.Port()); again != p {
				t.Errorf("made again: %v", again)
			}
			if addr.Is6() && MakePeer6(addr.As16(), c.port) != p {
				t.Errorf("MakePeer6: %v", MakePeer6(addr.As16(), c.port))
			}
			if c.family == IPv4 && MakePeer4(p.Addr().As4(), c.port) != p {
				t.Errorf("MakePeer4: %v", MakePeer4(p.Addr().As4(), c.port))
			}
		})
	}
}

func TestFamilyString(t *testing.T) {
	if IPv4.String() != "ipv4" || IPv6.String() != "ipv6" {
		t.Errorf("%v, %v", IPv4, IPv6)
	}
}

func TestNetworkOf(t *testing.T) {
	for _, test := range []struct {
		name, a, b string // empty: no address
		same       bool
	}{
		{"an IPv4 address", "192.0.2.1", "192.0.2.1", true},
		{"IPv4 addresses", "192.0.2.1", "192.0.2.2", false},
		{"IPv4 in IPv6", "::ffff:192.0.2.1", "192.0.2.1", true},
		{"a /64", "2001:db8:1:2:3::4", "2001:db8:1:2::", true},
		{"/64s", "2001:db8:1:2::", "2001:db8:1:3::", false},
		{"zones", "fe80::1%eth0", "fe80::2%eth1", true},
		{"without an address", "", "", true},
		{"without one, and the loopback address", "", "::1", false},
		{"without one, and the highest address", "", "255.255.255.255", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var of [2]Network
			for i, text := range []string{test.a, test.b} {
				addr, _ := netip.ParseAddr(text) // invalid without a text
				of[i] = NetworkOf(addr)
			}
			if (of[0] == of[1]) != test.same {
				t.Errorf("%x and %x", of[0], of[1])
			}
		})
	}
}
