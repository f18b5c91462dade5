package http

import (
	"net/netip"
	"strings"
	"testing"
)

func TestParseElement(t *testing.T) {
	tests := []struct{ name, element, want string }{ // "": cannot be read
		{"IPv4", "for=192.0.2.43", "192.0.2.43"},
		{"IPv4 with port", `for="192.0.2.43:47011"`, "192.0.2.43"},
		{"IPv4 with port, not quoted", "for=192.0.2.43:47011", "192.0.2.43"},
		{"IPv6", `for="[2001:db8:cafe::17]"`, "2001:db8:cafe::17"},
		{"IPv6 with port", `For="[2001:db8:cafe::17]:4711"`, "2001:db8:cafe::17"},
		{"IPv6 that lacks its quotes", "for=[2001:db8:cafe::17]:4711", "2001:db8:cafe::17"},
		{"IPv6 that lacks its brackets", "for=2001:db8:cafe::17", "2001:db8:cafe::17"},
		{"mapped", `for="[::ffff:192.0.2.43]"`, "192.0.2.43"},
		{"hidden port", `for="192.0.2.43:_gazonk"`, "192.0.2.43"},
		{"among others", `for=192.0.2.60;proto=http;by=203.0.113.43`, "192.0.2.60"},
		{"in the middle, any case, white space", "\tproto=https; FOR = 192.0.2.60 ;By=_x ", "192.0.2.60"},
		{"separators in quotes", `host="a;for=192.0.2.1,b";for=192.0.2.60;x="\";for=192.0.2.2"`, "192.0.2.60"},
		{"escapes", `for="192.0.2\.\6\0"`, "192.0.2.60"},
		{"escaped backslash at the end", `for=192.0.2.60;x="a\\"`, "192.0.2.60"},
		{"empty pairs", ";;for=192.0.2.60;;", "192.0.2.60"},
		{"unknown", "for=unknown", ""},
		{"hidden", "for=_hidden", ""},
		{"hidden in quotes", `for="_SEVKISEK"`, ""},
		{"nobody", "proto=https;by=203.0.113.43", ""},
		{"nothing", "", ""},
		{"empty", "for=", ""},
		{"empty quotes", `for=""`, ""},
		{"lone quote", `for="`, ""},
		{"not a pair", "for", ""},
		{"another name", "xfor=192.0.2.60", ""},
		{"twice", "for=192.0.2.60;for=192.0.2.61", ""},
		{"twice the same", "for=192.0.2.60;for=192.0.2.60", ""},
		{"open quote", `for="192.0.2.60`, ""},
		{"closing quote alone", `for=192.0.2.60"`, ""},
		{"text after the quote", `for="192.0.2.60"x`, ""},
		{"two strings", `for="192.0.2.60""192.0.2.61"`, ""},
		{"escaped end", `for="192.0.2.60\"`, ""},
		{"port too high", `for="192.0.2.43:65536"`, ""},
		{"unix", `for="unix:"`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ok := parseElement(test.element)
			if ok != (test.want != "") || ok && got.String() != test.want {
				t.Errorf("%s: got %v, %v", test.element, got, ok)
			}
		})
	}
}

func TestForwardedList(t *testing.T) {
	const source = "10.0.0.1"
	tests := []struct {
		name  string
		lines []string
		want  string // source: not named
	}{
		{"one", []string{"for=192.0.2.1"}, "192.0.2.1"},
		{"right-most counts", []string{"for=192.0.2.7, for=192.0.2.1"}, "192.0.2.1"},
		{"proxies are passed over", []string{`for=192.0.2.1;by=_a,for=10.0.0.3 , for="[::ffff:10.0.0.2]:80";host="a,b"`}, "192.0.2.1"},
		{"over lines", []string{"for=192.0.2.7,for=192.0.2.1", "for=10.0.0.2"}, "192.0.2.1"},
		{"hidden behind a proxy", []string{"for=192.0.2.1, for=_x, for=10.0.0.2"}, source},
		{"unknown", []string{"for=192.0.2.1, for=unknown"}, source},
		{"no for", []string{"for=192.0.2.1, proto=https"}, source},
		{"empty", []string{"for=192.0.2.1,"}, source},
		{"open quote of the client", []string{`for=192.0.2.7;x=", for=192.0.2.1`}, "192.0.2.1"},
		{"open quote of the client, IPv6", []string{`for=192.0.2.7;x=", for="[2001:db8::1]:1"`}, "2001:db8::1"},
		{"escape of the client", []string{`for=192.0.2.7;x="\, for="[2001:db8::1]";host="a,b"`}, "2001:db8::1"},
		{"addresses as of other headers", []string{"192.0.2.1"}, source},
	}
	p := makeProxies(prefixes("10.0.0.0/8"), "forwarded")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := p.clientOf(netip.MustParseAddr(source), test.lines)
			if got.addr.String() != test.want || (got.through != 0) != (test.want == source) {
				t.Errorf("got %+v, want %s", got, test.want)
			}
		})
	}
}

// FuzzForwarded: whatever a client sends, the element that a proxy appends after
// it names the client, and what the proxy says besides makes no difference.
func FuzzForwarded(f *testing.F) {
	f.Add(`for=192.0.2.7;x="`, "a.example")
	f.Add(`for="192.0.2.7\`, `",for=192.0.2.8;x="`)
	f.Add(`,`, `\`)
	p := makeProxies(prefixes("10.0.0.0/8"), "Forwarded")
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	f.Fuzz(func(t *testing.T, sent, host string) {
		for _, node := range []string{"192.0.2.1", `"192.0.2.1:4711"`, `"[::ffff:192.0.2.1]:_p"`} {
			element := "proto=http;for=" + node + `;host="` + quote.Replace(host) + `"`
			for _, lines := range [][]string{{sent + ", " + element}, {sent, element}} {
				if got := p.clientOf(netip.MustParseAddr("10.0.0.1"), lines); got != (requester{addr: addr1}) {
					t.Fatalf("%q: %+v", lines, got)
				}
			}
		}
	})
}
