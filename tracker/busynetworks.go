package tracker

import (
	"net/netip"
	"sync"
)

// BusyNetwork is a network from which announces came, and how many.
type BusyNetwork struct {
	// Network is the /24 of an IPv4 address or the /48 of an IPv6 one.
	Network netip.Prefix
	// Announces is their number. It may be too high by as much as all networks
	// together had, divided by busyCount.
	Announces uint64
}

// busyCount is how many networks are watched at a time.
const busyCount = 64

// busyNetworks finds the network that most announces come from, in memory of a fixed
// size (Metwally and others, "Efficient computation of frequent and top-k
// elements in data streams"): a network that is not watched takes the place and
// the number of the one with the lowest number.
type busyNetworks struct {
	mu  sync.Mutex // guards top
	top [busyCount]BusyNetwork
}

// note counts an announce of a peer. It never waits: what comes while another
// is counted is left out.
func (o *busyNetworks) note(p *Peer) {
	if !o.mu.TryLock() {
		return
	}
	defer o.mu.Unlock()
	network, lowest := busyNetworkOf(p), 0
	for i := range o.top {
		if o.top[i].Network == network {
			o.top[i].Announces++
			return
		}
		if o.top[i].Announces < o.top[lowest].Announces {
			lowest = i
		}
	}
	o.top[lowest] = BusyNetwork{network, o.top[lowest].Announces + 1}
}

// take returns the network with the highest number and starts anew. Its number
// is 0 if there were no announces.
func (o *busyNetworks) take() (highest BusyNetwork) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, n := range o.top {
		if n.Announces > highest.Announces {
			highest = n
		}
	}
	o.top = [busyCount]BusyNetwork{}
	return highest
}

func busyNetworkOf(p *Peer) netip.Prefix {
	bits := 24
	if p.family == IPv6 {
		bits = 48
	}
	network, _ := p.Addr().Prefix(bits) // fails only for more bits than there are
	return network
}

// TakeUnreachable returns the network that most announces came from since the
// last call whose peers were not stored because nobody could reach them: those
// for which Rejection.Unreachable is true. The network of clients on a unix
// socket is 0.0.0.0/24.
func (t *Tracker) TakeUnreachable() BusyNetwork { return t.unreachable.take() }
