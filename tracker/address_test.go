package tracker

import (
	"net/netip"
	"testing"
)

// testNetworks are the ranges that addresses are refused from; those with
// private set are accepted with Options.AllowPrivate.
var testNetworks = []struct {
	prefix  string
	private bool
}{
	{"0.0.0.0/8", false},
	{"224.0.0.0/4", false},
	{"240.0.0.0/4", false},
	{"192.88.99.0/24", false},
	{"10.0.0.0/8", true},
	{"100.64.0.0/10", true},
	{"127.0.0.0/8", true},
	{"169.254.0.0/16", true},
	{"172.16.0.0/12", true},
	{"192.0.0.0/24", true},
	{"192.0.2.0/24", true},
	{"192.168.0.0/16", true},
	{"198.18.0.0/15", true},
	{"198.51.100.0/24", true},
	{"203.0.113.0/24", true},
	{"::1/128", true}, // before the next, which holds it
	{"::/96", false},
	{"64:ff9b::/96", false},
	{"2001::/32", false},
	{"2002::/16", false},
	{"ff00::/8", false},
	{"fc00::/7", true},
	{"fe80::/10", true},
	{"fec0::/10", true},
	{"2001:db8::/32", true},
	{"3fff::/20", true},
}

// wantAccepted says whether an address is accepted by testNetworks.
func wantAccepted(a netip.Addr, allowPrivate bool) bool {
	for _, n := range testNetworks {
		if netip.MustParsePrefix(n.prefix).Contains(a) {
			return n.private && allowPrivate
		}
	}
	return true
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
	for _, n := range testNetworks {
		p := netip.MustParsePrefix(n.prefix)
		first, last := p.Addr(), lastOf(p)
		for _, a := range []netip.Addr{first.Prev(), first, first.Next(), last.Prev(), last, last.Next()} {
			if !a.IsValid() {
				continue // the first or last address there is
			}
			for _, allow := range []bool{false, true} {
				peer := MakePeer(a, 1)
				if got, want := accepts(&peer, allow), wantAccepted(a, allow); got != want {
					t.Errorf("%s: %v accepted with AllowPrivate %v: %v, want %v", n.prefix, a, allow, got, want)
				}
			}
		}
	}
}

func TestAcceptsOrdinaryAddresses(t *testing.T) {
	for _, s := range []string{"1.0.0.0", "8.8.8.8", "172.15.255.255", "223.255.255.255", "2a00::1", "2001:db7::", "2001:1::", "64:ff9c::1"} {
		peer, unheard := MakePeer(netip.MustParseAddr(s), 1), MakePeer(netip.MustParseAddr(s), 0)
		if !accepts(&peer, false) {
			t.Errorf("%s is refused", s)
		}
		if accepts(&unheard, true) {
			t.Errorf("%s is accepted with port 0", s)
		}
	}
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
