package http

import (
	"strings"
	"testing"
)

// FuzzAcceptedEncoding: what a client does not name it is not sent.
func FuzzAcceptedEncoding(f *testing.F) {
	for _, s := range []string{"", "gzip, deflate, br", "zstd;q=0.5,gzip;q=0", "*;q=0", ";;,,=", "gzip;q=0.000", "X-GZIP"} {
		f.Add(s, "gzip")
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		e := acceptedEncoding([]string{first, second})
		name := [...]string{"", "gzip", "zstd"}[e]
		if !strings.Contains(strings.ToLower(first+","+second), name) {
			t.Errorf("%q and %q accept %q", first, second, name)
		}
		if e != acceptedEncoding([]string{first + "," + second}) {
			t.Errorf("%q and %q joined accept something else", first, second)
		}
	})
}
