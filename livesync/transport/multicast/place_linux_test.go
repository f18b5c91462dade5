package multicast

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

func TestAddressToSendFrom(t *testing.T) {
	addr := netip.MustParseAddr
	a, b, c := addr("10.9.0.1"), addr("10.9.1.1"), addr("192.0.2.1")
	for _, tt := range []struct {
		name, named string
		nodes       string
		addrs       []netip.Addr
		last, want  netip.Addr
	}{
		{"the only one", "eth0", "203.0.113.0/24", []netip.Addr{a}, netip.Addr{}, a},
		{"none", "eth0", "10.9.0.0/16", nil, netip.Addr{}, netip.Addr{}},
		{"the first that nodes have", "eth0", "10.9.0.0/16", []netip.Addr{c, b, a}, netip.Addr{}, b},
		{"nodes have none", "eth0", "203.0.113.0/24", []netip.Addr{c, b, a}, netip.Addr{}, c},
		{"the last, while it is there", "eth0", "10.9.0.0/16", []netip.Addr{c, b, a}, a, a},
		{"the last has gone", "eth0", "10.9.0.0/16", []netip.Addr{c, b}, a, b},
		{"the one that is named", "192.0.2.1", "10.9.0.0/16", []netip.Addr{a, b, c}, a, c},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{Interface: tt.named, Nodes: []netip.Prefix{netip.MustParsePrefix(tt.nodes)}}
			if got := o.choose(tt.addrs, tt.last); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// TestSeveralAddressesAreLogged joins on an interface with three addresses.
func TestSeveralAddressesAreLogged(t *testing.T) {
	if !isolate(t) {
		return
	}
	makeInterface(t, "192.0.2.1")
	sh(t, "ip addr add 10.9.0.1/24 dev kt0; ip addr add 10.9.1.1/24 dev kt0")
	for _, tt := range []struct{ name, named, nodes, from, warning string }{
		{"one is in nodes", "kt0", "10.9.0.0/24", "10.9.0.1", ""},
		{"two are in nodes", "kt0", "10.9.0.0/16", "10.9.0.1", `"from":"10.9.0.1","others":["10.9.1.1"]`},
		{"none is in nodes", "kt0", "203.0.113.0/24", "192.0.2.1", `"from":"192.0.2.1","others":["10.9.0.1","10.9.1.1"]`},
		{"one is named", "10.9.1.1", "10.9.0.0/16", "10.9.1.1", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			o := testOptions(9696)
			o.Interface, o.Nodes, o.Log = tt.named, []netip.Prefix{netip.MustParsePrefix(tt.nodes)}, zerolog.New(&log)
			g, err := open(o)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Close(); err != nil {
				t.Error(err)
			}
			if g.at.from.String() != tt.from {
				t.Errorf("sends from %s, want %s", g.at.from, tt.from)
			}
			warned := strings.Contains(log.String(), "has several addresses")
			if warned != (tt.warning != "") || !strings.Contains(log.String(), tt.warning) {
				t.Errorf("logged %s", &log)
			}
		})
	}
}
