package tracker

import (
	"net/netip"
	"testing"
)

// testNetworks are IANA's special-purpose ranges and what else is not for hosts,
// one by one, as far as addresses are refused from them; those with private set
// are accepted with Options.AllowPrivate. The first that holds an address
// decides.
var testNetworks = []struct {
	prefix  string
	private bool
}{
	{"0.0.0.0/8", false},
	{"10.0.0.0/8", true},
	{"100.64.0.0/10", true},
	{"127.0.0.0/8", true},
	{"169.254.0.0/16", true},
	{"172.16.0.0/12", true},
	{"192.0.0.0/24", false},
	{"192.0.2.0/24", true},
	{"192.31.196.0/24", false},
	{"192.52.193.0/24", false},
	{"192.88.99.0/24", false},
	{"192.168.0.0/16", true},
	{"192.175.48.0/24", false},
	{"198.18.0.0/15", false},
	{"198.51.100.0/24", true},
	{"203.0.113.0/24", true},
	{"224.0.0.0/4", false},
	{"240.0.0.0/4", false},
	{"255.255.255.255/32", false},
	{"::/128", false},
	{"::1/128", true},
	{"::/96", false},
	{"64:ff9b::/96", false},
	{"64:ff9b:1::/48", false},
	{"100::/64", false},
	{"100:0:0:1::/64", false},
	{"2001::/32", false},
	{"2001:1::1/128", false},
	{"2001:2::/48", false},
	{"2001:3::/32", false},
	{"2001:4:112::/48", false},
	{"2001:10::/28", false},
	{"2001:20::/28", false},
	{"2001:30::/28", false},
	{"2001::/23", false},
	{"2001:db8::/32", true},
	{"2002::/16", false},
	{"2620:4f:8000::/48", false},
	{"3fff::/20", true},
	{"5f00::/16", false},
	{"fc00::/7", true},
	{"fe80::/10", true},
	{"fec0::/10", true},
	{"ff00::/8", false},
}

// hosts6 is the only part of the IPv6 address space that is given out.
const hosts6 = "2000::/3"

// wantAccepted says whether an address is accepted by testNetworks.
func wantAccepted(a netip.Addr, allowPrivate bool) bool {
	for _, n := range testNetworks {
		if netip.MustParsePrefix(n.prefix).Contains(a) {
			return n.private && allowPrivate
		}
	}
	return a.Is4() || netip.MustParsePrefix(hosts6).Contains(a)
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// TestAccepts tries the first and last address of each network and the ones
// beside them.
func TestAccepts(t *testing.T) {
	prefixes := []string{hosts6}
	for _, n := range testNetworks {
		prefixes = append(prefixes, n.prefix)
	}
	for _, prefix := range prefixes {
		p := netip.MustParsePrefix(prefix)
		first, last := p.Addr(), lastOf(p)
		for _, a := range []netip.Addr{first.Prev(), first, first.Next(), last.Prev(), last, last.Next()} {
			if !a.IsValid() {
				continue // the first or last address there is
			}
			for _, allow := range []bool{false, true} {
				peer := MakePeer(a, 1)
				if got, want := accepts(&peer, allow), wantAccepted(a, allow); got != want {
					t.Errorf("%s: %v accepted with AllowPrivate %v: %v, want %v", prefix, a, allow, got, want)
				}
			}
		}
	}
}

func TestAcceptsOrdinaryAddresses(t *testing.T) {
	for _, s := range []string{"1.0.0.0", "8.8.8.8", "172.15.255.255", "223.255.255.255", "192.0.1.0", "2a00::1", "2001:db7::", "2001:200::", "2620:4f:8001::"} {
		peer, unheard := MakePeer(netip.MustParseAddr(s), 1), MakePeer(netip.MustParseAddr(s), 0)
		if !accepts(&peer, false) {
			t.Errorf("%s is refused", s)
		}
		if accepts(&unheard, true) {
			t.Errorf("%s is accepted with port 0", s)
		}
	}
}

// TestEmbeddedAddresses holds that an address within another is judged by what
// it is to other clients.
func TestEmbeddedAddresses(t *testing.T) {
	for _, test := range []struct {
		name, addr string
		want       bool
	}{
		{"mapped", "::ffff:8.8.8.8", true},
		{"mapped private", "::ffff:192.168.1.1", false},
		{"mapped multicast", "::ffff:224.0.0.1", false},
		{"compatible", "::8.8.8.8", false},
		{"NAT64", "64:ff9b::8.8.8.8", false},
		{"NAT64 of a network of its own", "64:ff9b:1::808:808", false},
		{"6to4", "2002:808:808::1", false},
		{"Teredo", "2001:0:4136:e378:8000:63bf:3fff:fdd2", false},
		{"ISATAP is like any other", "2a00::5efe:10.0.0.1", true},
	} {
		if peer := MakePeer6(netip.MustParseAddr(test.addr).As16(), 1); accepts(&peer, false) != test.want {
			t.Errorf("%s: %s accepted: %v", test.name, test.addr, !test.want)
		}
	}
}

// FuzzAccepts compares with what net/netip says of the ranges one by one.
func FuzzAccepts(f *testing.F) {
	for _, n := range testNetworks {
		p := netip.MustParsePrefix(n.prefix)
		f.Add(p.Addr().AsSlice(), uint16(1), true)
		f.Add(lastOf(p).AsSlice(), uint16(0), false)
	}
	f.Fuzz(func(t *testing.T, raw []byte, port uint16, allow bool) {
		a, ok := netip.AddrFromSlice(raw)
		if !ok {
			return
		}
		peer := MakePeer(a, port)
		if got, want := accepts(&peer, allow), port != 0 && wantAccepted(a.Unmap(), allow); got != want {
			t.Errorf("%v port %d accepted with AllowPrivate %v: %v, want %v", a, port, allow, got, want)
		}
	})
}

// TestRefusedAddressIsAnsweredNotStored announces from a private address.
func TestRefusedAddressIsAnsweredNotStored(t *testing.T) {
	private := MakePeer4([4]byte{192, 168, 1, 1}, 1)
	b := newRig(t, func(o *Options) { o.AllowPrivate = false })
	b.leech(hashA, peer4(1))
	r := b.leech(hashA, private)
	r.wantPeers(t, peer4(1))
	b.leech(hashB, private)
	if r.Leechers != 1 || b.Torrents() != 1 {
		t.Errorf("%d leechers, %d torrents", r.Leechers, b.Torrents())
	}
	open := newRig(t, nil)
	open.leech(hashA, private)
	open.wantScrape(hashA, Counts{Leechers: 1, Downloaders: 1})
}
