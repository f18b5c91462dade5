package udp

import "testing"

func TestMappedAddress(t *testing.T) {
	got := source{addr: mapped4([4]byte{192, 0, 2, 7}), port: 1234}.peer(6881).String()
	if want := "192.0.2.7:6881"; got != want {
		t.Errorf("the peer is %s, want %s", got, want)
	}
}
