package config

import (
	"net/netip"
	"strings"
	"testing"
)

func TestCoversAll(t *testing.T) {
	for _, c := range []struct {
		networks string
		all4     bool
		all6     bool
	}{
		{"", false, false},
		{"0.0.0.0/0", true, false},
		{"::/0", false, true},
		{"0.0.0.0/1 128.0.0.0/1", true, false},
		{"128.0.0.0/1 0.0.0.0/1 ::/0", true, true},
		{"0.0.0.0/2 64.0.0.0/2 128.0.0.0/2 192.0.0.0/2", true, false},
		{"0.0.0.0/2 64.0.0.0/2 128.0.0.0/3 192.0.0.0/2", false, false},
		{"0.0.0.0/1", false, false},
		{"0.0.0.0/1 128.0.0.0/2 192.0.0.0/3", true, false}, // all but multicast and reserved
		{"0.0.0.0/1 128.0.0.0/2 192.0.0.0/4", false, false},
		{"1.0.0.0/8 0.0.0.0/0", true, false},
		{"2000::/3", false, true},
		{"2000::/4 3000::/4", false, true},
		{"2000::/4 3000::/5", false, false},
		{"::/1 8000::/1", false, true},
		{"10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7", false, false},
		{"0.0.0.0/1 8000::/1", false, false},
	} {
		var networks []netip.Prefix
		for s := range strings.FieldsSeq(c.networks) {
			networks = append(networks, netip.MustParsePrefix(s))
		}
		if got4, got6 := coversAll(networks, public4), coversAll(networks, public6); got4 != c.all4 || got6 != c.all6 {
			t.Errorf("%q: all IPv4 %v, all IPv6 %v", c.networks, got4, got6)
		}
	}
}

// FuzzCoverage: networks cover all exactly if no address of the ends, and next to
// the ends, of the networks is left out.
func FuzzCoverage(f *testing.F) {
	f.Add([]byte{0, 1, 128, 1})
	f.Add([]byte{0, 0})
	f.Add([]byte{1, 8, 10, 8, 0, 2, 64, 2, 128, 2, 192, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		var networks []netip.Prefix
		for ; len(b) >= 2 && len(networks) < 40; b = b[2:] {
			networks = append(networks, netip.PrefixFrom(netip.AddrFrom4([4]byte{b[0]}), int(b[1]%9)).Masked())
		}
		want := true
		for first := range 256 { // no network is smaller than a /8
			for _, s := range public4 {
				a := netip.AddrFrom4([4]byte{byte(first), 255, 0, 1})
				inside := !a.Less(s.first) && !s.last.Less(a)
				covered := false
				for _, n := range networks {
					covered = covered || n.Contains(a)
				}
				want = want && (!inside || covered)
			}
		}
		if got := coversAll(networks, public4); got != want {
			t.Errorf("%v: %v, want %v", networks, got, want)
		}
	})
}
