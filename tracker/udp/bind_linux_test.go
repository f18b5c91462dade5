package udp

import (
	"net"
	"testing"
)

func TestZoneIndex(t *testing.T) {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	for zone, want := range map[string]uint32{"": 0, "7": 7, "lo": uint32(lo.Index)} {
		if got, err := zoneIndex(zone); got != want || err != nil {
			t.Errorf("%q: %d, %v; want %d", zone, got, err, want)
		}
	}
}
