package tracker

import (
	"net/netip"
	"slices"
	"testing"
)

// testNetworks are IANA's special-purpose ranges and what else is not for hosts,
// one by one, as far as addresses are refused from them, with what has them
// accepted all the same. The first that holds an address decides.
var testNetworks = []struct {
	prefix string
	taken  taken
}{
	{"0.0.0.0/8", never},
	{"10.0.0.0/8", ifPrivate},
	{"100.64.0.0/10", ifPrivate},
	{"127.0.0.0/8", ifPrivate},
	{"169.254.0.0/16", ifPrivate},
	{"172.16.0.0/12", ifPrivate},
	{"192.0.0.0/24", ifListed},
	{"192.0.2.0/24", ifPrivate},
	{"192.31.196.0/24", ifListed},
	{"192.52.193.0/24", ifListed},
	{"192.88.99.0/24", ifListed},
	{"192.168.0.0/16", ifPrivate},
	{"192.175.48.0/24", ifListed},
	{"198.18.0.0/15", ifListed},
	{"198.51.100.0/24", ifPrivate},
	{"203.0.113.0/24", ifPrivate},
	{"224.0.0.0/4", never},
	{"255.255.255.255/32", never},
	{"240.0.0.0/4", ifListed},
	{"::/128", never},
	{"::1/128", ifPrivate},
	{"::/96", ifListed},
	{"64:ff9b::/96", ifListed},
	{"64:ff9b:1::/48", ifListed},
	{"100::/64", ifListed},
	{"100:0:0:1::/64", ifListed},
	{"200::/8", ifPrivate},
	{"300::/8", ifPrivate},
	{"2001::/32", ifListed},
	{"2001:1::1/128", ifListed},
	{"2001:2::/48", ifListed},
	{"2001:3::/32", ifListed},
	{"2001:4:112::/48", ifListed},
	{"2001:10::/28", ifListed},
	{"2001:20::/28", ifListed},
	{"2001:30::/28", ifListed},
	{"2001::/23", ifListed},
	{"2001:db8::/32", ifPrivate},
	{"2002::/16", ifListed},
	{"2620:4f:8000::/48", ifListed},
	{"3fff::/20", ifPrivate},
	{"5f00::/16", ifListed},
	{"fc00::/7", ifPrivate},
	{"fe80::/10", never},
	{"fec0::/10", ifPrivate},
	{"ff00::/8", never},
}

// hosts6 is the only part of the IPv6 address space that is given out.
const hosts6 = "2000::/3"

// wantAccepted says whether an address is accepted by testNetworks.
func wantAccepted(a netip.Addr, o *Options) bool {
	listed := slices.ContainsFunc(o.AllowNetworks, func(p netip.Prefix) bool { return p.Contains(a) })
	for _, n := range testNetworks {
		if netip.MustParsePrefix(n.prefix).Contains(a) {
			return n.taken == ifPrivate && o.AllowPrivate || n.taken != never && listed
		}
	}
	return a.Is4() || netip.MustParsePrefix(hosts6).Contains(a) || listed
}

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, s := range texts {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

// addressOptions are what decides on addresses, in every combination.
var addressOptions = []Options{
	{},
	{AllowPrivate: true},
	{AllowNetworks: prefixes("10.1.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "fd00:1::/32", "200::/7", "8.8.8.0/24")},
	{AllowNetworks: prefixes("0.0.0.0/0", "::/0")},
	{AllowPrivate: true, AllowNetworks: prefixes("240.0.0.0/4", "64:ff9b::/96", "fe80::/10", "224.0.0.0/8", "::/128")},
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
			for i := range addressOptions {
				o, peer := &addressOptions[i], MakePeer(a, 1)
				rules := newAddresses(o)
				if got, want := rules.accept(&peer), wantAccepted(a, o); got != want {
					t.Errorf("%s: %v accepted with %v, %v: %v, want %v", prefix, a, o.AllowPrivate, o.AllowNetworks, got, want)
				}
			}
		}
	}
}

func TestAcceptsOrdinaryAddresses(t *testing.T) {
	for _, s := range []string{"1.0.0.0", "8.8.8.8", "172.15.255.255", "223.255.255.255", "192.0.1.0", "2a00::1", "2001:db7::", "2001:200::", "2620:4f:8001::"} {
		if peer := MakePeer(netip.MustParseAddr(s), 1); !new(addresses).accept(&peer) {
			t.Errorf("%s is refused", s)
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
		if peer := MakePeer6(netip.MustParseAddr(test.addr).As16(), 1); new(addresses).accept(&peer) != test.want {
			t.Errorf("%s: %s accepted: %v", test.name, test.addr, !test.want)
		}
	}
}

// TestNeverStored: a network that no peer can be in is told, a larger one is not.
func TestNeverStored(t *testing.T) {
	for text, want := range map[string]string{
		"224.0.0.0/4": "224.0.0.0/4", "239.1.2.3/32": "224.0.0.0/4", "224.0.0.0/3": "", "0.0.0.0/32": "0.0.0.0/8", "0.0.0.0/0": "",
		"255.255.255.255/32": "255.255.255.255/32", "240.0.0.0/4": "", "::/128": "::/128", "::/0": "", "ff02::/16": "ff00::/8",
		"fe80::/64": "fe80::/10", "fe80::/9": "", "10.0.0.0/8": "", "fd00::/8": "", "2001:db8::/32": "",
	} {
		got, ok := NeverStored(netip.MustParsePrefix(text))
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%s: within %v, %v, want %q", text, got, ok, want)
		}
	}
}

// FuzzAccept compares with what net/netip says of the ranges one by one.
func FuzzAccept(f *testing.F) {
	for i, n := range testNetworks {
		p := netip.MustParsePrefix(n.prefix)
		f.Add(p.Addr().AsSlice(), i%2 == 0, p.Addr().AsSlice(), p.Bits())
		f.Add(lastOf(p).AsSlice(), i%2 == 0, p.Addr().AsSlice(), p.Bits()/2)
	}
	f.Fuzz(func(t *testing.T, raw []byte, private bool, network []byte, bits int) {
		a, ok := netip.AddrFromSlice(raw)
		base, hasBase := netip.AddrFromSlice(network)
		if !ok || !hasBase || base.Is4In6() {
			return
		}
		allowed, err := base.Prefix(bits)
		if err != nil {
			return
		}
		o := Options{AllowPrivate: private, AllowNetworks: []netip.Prefix{allowed}}
		rules, peer := newAddresses(&o), MakePeer(a, 1)
		if got, want := rules.accept(&peer), wantAccepted(a.Unmap(), &o); got != want {
			t.Errorf("%v accepted with %v, %v: %v, want %v", a, private, allowed, got, want)
		}
	})
}

// TestUnreachablePeerIsAnsweredNotStored announces peers that nobody could
// reach. The reason is told and counted, but not of those that stop.
func TestUnreachablePeerIsAnsweredNotStored(t *testing.T) {
	private, public := MakePeer4([4]byte{192, 168, 1, 1}, 1), MakePeer4([4]byte{192, 0, 3, 9}, 1)
	for _, test := range []struct {
		peer    Peer
		through Rejection
		want    Rejection
	}{
		{private, NotRejected, RejectedAddress},
		{MakePeer(netip.MustParseAddr("fe80::1"), 1), NotRejected, RejectedAddress},
		{Peer{port: 1}, NotRejected, RejectedAddress},
		{Peer{addr: public.addr}, NotRejected, RejectedPort},
		{public, RejectedUnnamed, RejectedUnnamed},
		{public, RejectedUntrusted, RejectedUntrusted},
		{private, RejectedUntrusted, RejectedUntrusted},
		{public, NotRejected, NotRejected},
	} {
		b := newRig(t, func(o *Options) { o.AllowPrivate = false })
		b.leech(hashA, MakePeer4([4]byte{192, 0, 3, 1}, 1))
		a := Announce{Peer: test.peer, Through: test.through, Left: 1, NumWant: 50, Limit: MaxPeers}
		for _, a.InfoHash = range []InfoHash{hashA, hashB} {
			for _, a.Event = range []Event{EventStopped, EventStarted} {
				r := &Reply{Rejected: RejectedPeers} // of an announce before
				b.Announce(b.now(), &a, r)
				want, stored := test.want, uint32(0)
				if a.Event == EventStopped {
					want = NotRejected
				} else if want == NotRejected {
					stored = 1
				}
				if a.InfoHash == hashA {
					stored++
				}
				if r.Rejected != want || r.Leechers != stored {
					t.Errorf("%v %v %v, event %d: %v, %d leechers, want %v, %d", a.InfoHash == hashA, test.peer, test.through,
						a.Event, r.Rejected, r.Leechers, want, stored)
				}
			}
		}
		var counts [RejectionCount]uint64
		if test.want != NotRejected {
			counts[test.want] = 2
		}
		if got := b.Stats().PeersRejected; got != counts {
			t.Errorf("%v: counted %v", test.peer, got)
		}
		if origin := b.TakeUnreachable(); origin.Announces != counts[test.want] ||
			origin.Announces > 0 && !origin.Network.Contains(test.peer.Addr()) {
			t.Errorf("%v: most from %+v", test.peer, origin)
		}
	}
}

// TestRejectionNames holds that each reason has a name of its own.
func TestRejectionNames(t *testing.T) {
	names := map[string]bool{"": true}
	for r := range Rejection(RejectionCount) {
		if names[r.String()] {
			t.Errorf("reason %d is called %q", r, r)
		}
		names[r.String()] = true
	}
}
