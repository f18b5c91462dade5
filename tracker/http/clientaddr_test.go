package http

import (
	"net/netip"
	"testing"

	"keeptrack/tracker"
)

func TestClientAddr(t *testing.T) {
	const unnamed = "" // the proxy does not name the client
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
		{"proxy without header", trusted, "10.0.0.1", nil, unnamed},
		{"proxy with header", trusted, "10.0.0.1", []string{"192.0.2.1"}, "192.0.2.1"},
		{"right-most counts", trusted, "10.0.0.1", []string{"192.0.2.7, 192.0.2.1"}, "192.0.2.1"},
		{"proxies are passed over", trusted, "10.0.0.1", []string{"192.0.2.7, 192.0.2.1,\t10.0.0.2 ,fd00::1"}, "192.0.2.1"},
		{"lines are joined", trusted, "10.0.0.1", []string{"192.0.2.7", "192.0.2.1", "10.0.0.2"}, "192.0.2.1"},
		{"all are proxies", trusted, "10.0.0.1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"junk ends the search", trusted, "10.0.0.1", []string{"192.0.2.1, unknown, 10.0.0.2"}, unnamed},
		{"nothing but junk", trusted, "10.0.0.1", []string{"unknown"}, unnamed},
		{"empty header", trusted, "10.0.0.1", []string{""}, unnamed},
		{"empty entry", trusted, "10.0.0.1", []string{"192.0.2.1,"}, unnamed},
		{"port", trusted, "10.0.0.1", []string{"192.0.2.1:4711"}, "192.0.2.1"},
		{"impossible port", trusted, "10.0.0.1", []string{"192.0.2.1:65536"}, unnamed},
		{"IPv6", trusted, "fd00::9", []string{"2001:db8::1"}, "2001:db8::1"},
		{"IPv6 in brackets", trusted, "10.0.0.1", []string{"[2001:db8::1]"}, "2001:db8::1"},
		{"IPv6 in brackets with port", trusted, "10.0.0.1", []string{"[2001:db8::1]:4711"}, "2001:db8::1"},
		{"IPv4 in brackets", trusted, "10.0.0.1", []string{"[192.0.2.1]"}, unnamed},
		{"open bracket", trusted, "10.0.0.1", []string{"[2001:db8::1"}, unnamed},
		{"IPv4-mapped entry", trusted, "10.0.0.1", []string{"::ffff:192.0.2.1"}, "192.0.2.1"},
		{"IPv4-mapped entry is a proxy", trusted, "10.0.0.1", []string{"192.0.2.1, [::ffff:10.0.0.7]:80"}, "192.0.2.1"},
		{"IPv4-mapped source", trusted, "::ffff:10.0.0.1", []string{"192.0.2.1"}, "192.0.2.1"},
		{"IPv4-mapped network", trusted, "172.17.0.1", []string{"192.0.2.1"}, "192.0.2.1"},
		{"unix socket", nil, "", []string{"192.0.2.7, 192.0.2.1"}, "192.0.2.1"},
		{"unix socket behind a proxy", trusted, "", []string{"192.0.2.7, 192.0.2.1, 10.0.0.2"}, "192.0.2.1"},
		{"unix socket, IPv6", nil, "", []string{"[2001:db8::1]:443"}, "2001:db8::1"},
		{"unix socket without header", trusted, "", nil, unnamed},
		{"unix socket with junk", nil, "", []string{"192.0.2.1, unix:"}, unnamed},
		{"zone", trusted, "fe80::1%eth0", nil, "fe80::1"},
		{"zone of a proxy", []string{"fe80::/10"}, "fe80::1%eth0", []string{"192.0.2.1"}, "192.0.2.1"},
		{"junk left of the client does not matter", trusted, "10.0.0.1", []string{"unknown, 192.0.2.1, 10.0.0.2"}, "192.0.2.1"},
		{"nothing left of the client's comma", trusted, "10.0.0.1", []string{",192.0.2.1"}, "192.0.2.1"},
		{"empty line last", trusted, "10.0.0.1", []string{"192.0.2.1", ""}, unnamed},
		{"hidden port", trusted, "10.0.0.1", []string{"192.0.2.1:_x"}, "192.0.2.1"},
		{"empty port", trusted, "10.0.0.1", []string{"192.0.2.1:"}, unnamed},
		{"port that is escaped", trusted, "10.0.0.1", []string{"192.0.2.1:%31"}, unnamed},
		{"hidden port of IPv6", trusted, "10.0.0.1", []string{"[2001:db8::1]:_x-1"}, "2001:db8::1"},
		{"text after brackets", trusted, "10.0.0.1", []string{"[2001:db8::1]x"}, unnamed},
		{"quotes", trusted, "10.0.0.1", []string{`"192.0.2.1"`}, unnamed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var source netip.Addr // of a unix socket
			if test.remote != "" {
				source = netip.MustParseAddr(test.remote)
			}
			p := makeProxies(prefixes(test.trusted...), "")
			want := requester{addr: plain(source), through: tracker.RejectedUnnamed}
			if test.want != unnamed {
				want = requester{addr: netip.MustParseAddr(test.want)}
			}
			if got := p.clientOf(source, test.lines); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, s := range texts {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

func TestClientAddrDoesNotAllocate(t *testing.T) {
	source := netip.MustParseAddr("10.0.0.1")
	for header, line := range map[string]string{
		"":          "192.0.2.1, [::ffff:10.0.0.7]:80, 10.0.0.3:80",
		"X-Real-IP": "192.0.2.1",
		"Forwarded": `for=192.0.2.1;by=_x, for="[::ffff:10.0.0.7]:80";host="a\"b", proto=http;For=10.0.0.3`,
	} {
		p, lines := makeProxies(prefixes("10.0.0.0/8"), header), []string{line}
		if allocs := testing.AllocsPerRun(100, func() {
			if p.clientOf(source, lines).addr != addr1 {
				t.Error("wrong address")
			}
		}); allocs != 0 {
			t.Errorf("%s: %v allocations", header, allocs)
		}
	}
}

// FuzzClientAddr: whatever a proxy passes on, the client's address is a plain
// one that stands in it, or is not known.
func FuzzClientAddr(f *testing.F) {
	f.Add("192.0.2.7, 192.0.2.1,\t10.0.0.2 ,fd00::1", "")
	f.Add("[2001:db8::1]:4711", "10.0.0.2")
	f.Add("::ffff:192.0.2.1, unknown", "[::ffff:10.0.0.7]:80")
	f.Add("fe80::1%eth0", ",")
	f.Add(`for="[2001:db8::1]:4711";by=_a, for=unknown`, `For="\1\0.0.0.2";host=",;\""`)
	source, other := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("192.0.2.1")
	f.Fuzz(func(t *testing.T, first, second string) {
		for _, header := range []string{"", "Forwarded"} {
			trusted := makeProxies(prefixes("10.0.0.0/8", "fd00::/8"), header)
			got := trusted.clientOf(source, []string{first, second})
			if !got.addr.IsValid() || got.addr.Is4In6() || got.addr.Zone() != "" || got.through != 0 && got.addr != source {
				t.Fatalf("%q, %q: %v", first, second, got)
			}
			line := got.addr.String()
			if header != "" {
				line = `for="[` + line + `]"`
				if got.addr.Is4() {
					line = "for=" + got.addr.String()
				}
			}
			if again := trusted.clientOf(source, []string{line}); again.addr != got.addr {
				t.Fatalf("%q, %q: %v, which passed on alone is %v", first, second, got, again)
			}
			if joined := trusted.clientOf(source, []string{first + ", " + line}); joined.addr != got.addr && !trusted.contain(got.addr) {
				t.Fatalf("%q: before %s makes it %v", first, line, joined)
			}
			if forged := trusted.clientOf(other, []string{first, second}); forged != (requester{addr: other}) {
				t.Fatalf("%q, %q are believed from one that is no proxy: %v", first, second, forged)
			}
		}
	})
}
