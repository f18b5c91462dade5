package http

import (
	"net/netip"
	"testing"
)

func TestClientAddr(t *testing.T) {
	trusted := []string{"10.0.0.0/8", "fd00::/8", "::ffff:172.16.0.0/108"}
	tests := []struct {
		name    string
		trusted []string
		remote  string
		lines   []string
		want    string
	}{
		{"no proxies", nil, "10.0.0.1", []string{"192.0.2.1"}, "10.0.0.1"},
		{"not a proxy", trusted, "192.0.2.9", []string{"192.0.2.1"}, "192.0.2.9"},
		{"proxy without header", trusted, "10.0.0.1", nil, "10.0.0.1"},
		{"proxy with header", trusted, "10.0.0.1", []string{"192.0.2.1"}, "192.0.2.1"},
		{"right-most counts", trusted, "10.0.0.1", []string{"192.0.2.7, 192.0.2.1"}, "192.0.2.1"},
		{"proxies are passed over", trusted, "10.0.0.1", []string{"192.0.2.7, 192.0.2.1,\t10.0.0.2 ,fd00::1"}, "192.0.2.1"},
		{"lines are joined", trusted, "10.0.0.1", []string{"192.0.2.7", "192.0.2.1", "10.0.0.2"}, "192.0.2.1"},
		{"all are proxies", trusted, "10.0.0.1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"junk ends the search", trusted, "10.0.0.1", []string{"192.0.2.1, unknown, 10.0.0.2"}, "10.0.0.2"},
		{"nothing but junk", trusted, "10.0.0.1", []string{"unknown"}, "10.0.0.1"},
		{"empty header", trusted, "10.0.0.1", []string{""}, "10.0.0.1"},
		{"empty entry", trusted, "10.0.0.1", []string{"192.0.2.1,"}, "10.0.0.1"},
		{"port", trusted, "10.0.0.1", []string{"192.0.2.1:4711"}, "192.0.2.1"},
		{"impossible port", trusted, "10.0.0.1", []string{"192.0.2.1:65536"}, "10.0.0.1"},
		{"IPv6", trusted, "fd00::9", []string{"2001:db8::1"}, "2001:db8::1"},
		{"IPv6 in brackets", trusted, "10.0.0.1", []string{"[2001:db8::1]"}, "2001:db8::1"},
		{"IPv6 in brackets with port", trusted, "10.0.0.1", []string{"[2001:db8::1]:4711"}, "2001:db8::1"},
		{"IPv4 in brackets", trusted, "10.0.0.1", []string{"[192.0.2.1]"}, "10.0.0.1"},
		{"open bracket", trusted, "10.0.0.1", []string{"[2001:db8::1"}, "10.0.0.1"},
		{"IPv4-mapped entry", trusted, "10.0.0.1", []string{"::ffff:192.0.2.1"}, "192.0.2.1"},
		{"IPv4-mapped entry is a proxy", trusted, "10.0.0.1", []string{"192.0.2.1, [::ffff:10.0.0.7]:80"}, "192.0.2.1"},
		{"IPv4-mapped source", trusted, "::ffff:10.0.0.1", []string{"192.0.2.1"}, "192.0.2.1"},
		{"IPv4-mapped network", trusted, "172.17.0.1", []string{"192.0.2.1"}, "192.0.2.1"},
		{"unix socket", nil, "", []string{"192.0.2.7, 192.0.2.1"}, "192.0.2.1"},
		{"unix socket behind a proxy", trusted, "", []string{"192.0.2.7, 192.0.2.1, 10.0.0.2"}, "192.0.2.1"},
		{"unix socket, IPv6", nil, "", []string{"[2001:db8::1]:443"}, "2001:db8::1"},
		{"unix socket without header", trusted, "", nil, "invalid IP"},
		{"unix socket with junk", nil, "", []string{"192.0.2.1, unix:"}, "invalid IP"},
		{"zone", trusted, "fe80::1%eth0", nil, "fe80::1"},
		{"zone of a proxy", []string{"fe80::/10"}, "fe80::1%eth0", []string{"192.0.2.1"}, "192.0.2.1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var prefixes []netip.Prefix
			for _, s := range test.trusted {
				prefixes = append(prefixes, netip.MustParsePrefix(s))
			}
			var source netip.Addr // of a unix socket
			if test.remote != "" {
				source = netip.MustParseAddr(test.remote)
			}
			if got := makeProxies(prefixes).clientAddr(source, test.lines); got.String() != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestClientAddrDoesNotAllocate(t *testing.T) {
	p := makeProxies([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	source := netip.MustParseAddr("10.0.0.1")
	lines := []string{"192.0.2.1, [::ffff:10.0.0.7]:80, 10.0.0.3:80"}
	if allocs := testing.AllocsPerRun(100, func() {
		if p.clientAddr(source, lines) != addr1 {
			t.Error("wrong address")
		}
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// FuzzClientAddr: whatever a proxy passes on, the client's address is a plain
// one that stands in it, or a proxy's.
func FuzzClientAddr(f *testing.F) {
	f.Add("192.0.2.7, 192.0.2.1,\t10.0.0.2 ,fd00::1", "")
	f.Add("[2001:db8::1]:4711", "10.0.0.2")
	f.Add("::ffff:192.0.2.1, unknown", "[::ffff:10.0.0.7]:80")
	f.Add("fe80::1%eth0", ",")
	trusted := makeProxies([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")})
	source := netip.MustParseAddr("10.0.0.1")
	f.Fuzz(func(t *testing.T, first, second string) {
		got := trusted.clientAddr(source, []string{first, second})
		if !got.IsValid() || got.Is4In6() || got.Zone() != "" {
			t.Fatalf("%q, %q: %v", first, second, got)
		}
		if again := trusted.clientAddr(source, []string{got.String()}); again != got {
			t.Fatalf("%q, %q: %v, which passed on alone is %v", first, second, got, again)
		}
		if forged := trusted.clientAddr(netip.MustParseAddr("192.0.2.1"), []string{first, second}); forged != netip.MustParseAddr("192.0.2.1") {
			t.Fatalf("%q, %q are believed from one that is no proxy: %v", first, second, forged)
		}
	})
}
