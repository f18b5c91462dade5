package transport

import (
	"encoding/json"
	"errors"
	"net/netip"
	"testing"
	"time"
)

func TestEndpointsArePrintedAndCompared(t *testing.T) {
	addr := netip.MustParseAddrPort("192.0.2.1:9696")
	for want, e := range map[string]Endpoint{"192.0.2.1:9696": At(addr), "site-2": Named("site-2"), "": All} {
		if got, err := json.Marshal(e); err != nil || string(got) != `"`+want+`"` || e.String() != want {
			t.Errorf("%s, %v and %s, want %s", got, err, e, want)
		}
	}
	if At(addr) != At(netip.MustParseAddrPort(addr.String())) || At(addr) == Named(addr.String()) || Named("a") == Named("b") {
		t.Error("endpoints do not compare as they should")
	}
}

func TestStateJSON(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for want, s := range map[string]State{
		`{"up":true,"since":"2026-01-02T03:04:05Z","rejoined":2}`:                   {Since: at, Rejoined: 2},
		`{"up":false,"down":"no wire","since":"2026-01-02T03:04:05Z","rejoined":0}`: {Since: at, Down: errors.New("no wire")},
	} {
		if got, err := json.Marshal(s); err != nil || string(got) != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
}
