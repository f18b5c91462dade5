package tracker

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

// TestOriginsFindTheHighest has one network among thousands, each of which has
// fewer announces.
func TestOriginsFindTheHighest(t *testing.T) {
	const others, each, most = 5000, 2, 1000
	for name, addr := range map[string]string{"172.17.0.0/24": "172.17.0.1", "2001:db8::/48": "2001:db8:0:9::1"} {
		var o busyNetworks
		var peers []Peer
		for i := range others * each {
			peers = append(peers, MakePeer4([4]byte{10, byte(i % others >> 8), byte(i), 1}, 0))
		}
		for range most {
			peers = append(peers, MakePeer(netip.MustParseAddr(addr), 1))
		}
		rand.Shuffle(len(peers), func(i, j int) { peers[i], peers[j] = peers[j], peers[i] })
		for i := range peers {
			o.note(&peers[i])
		}
		const over = (others*each + most) / busyCount
		if got := o.take(); got.Network.String() != name || got.Announces < most || got.Announces > most+over {
			t.Errorf("got %+v, want %s with %d to %d", got, name, most, most+over)
		}
		if got := o.take(); got.Announces != 0 {
			t.Errorf("afterwards: %+v", got)
		}
	}
}

func TestOriginsDoNotWait(t *testing.T) {
	var o busyNetworks
	o.mu.Lock()
	p := peer4(1)
	o.note(&p)
	o.mu.Unlock()
	if got := o.take(); got.Announces != 0 {
		t.Errorf("got %+v", got)
	}
}
