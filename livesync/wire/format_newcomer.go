package wire

import (
	"fmt"
	"strings"
	"time"

	"keeptrack/tracker"
)

// eachOf calls do with every peer of a packet of kind KindPeers, of others with none.
func (p Packet) eachOf(do func(*tracker.PeerState)) {
	if p.Kind != KindPeers {
		return
	}
	p.Peers(make([]tracker.PeerState, 0, p.Records()), func(some []tracker.PeerState) {
		for i := range some {
			do(&some[i])
		}
	})
}

// writeNewcomer writes what packets of the kinds from KindHello on say.
func (p Packet) writeNewcomer(b *strings.Builder) {
	switch p.Kind {
	case KindHello:
		h := p.Hello()
		fmt.Fprintf(b, " %d peers, up %s", h.Peers, h.Up)
		if h.Filling {
			b.WriteString(" filling")
		}
		if h.Asks {
			b.WriteString(" asks")
		}
	case KindAsk:
		fmt.Fprintf(b, " %08x", p.Stream())
	case KindPeers, KindPeersEnd:
		fmt.Fprintf(b, " %08x number %d", p.Stream(), p.Number())
		separator := ""
		p.eachOf(func(s *tracker.PeerState) {
			fmt.Fprintf(b, "%s %s %s %d seconds ago %s", separator, s.InfoHash, s.Peer, s.Age, strings.Join(stateNames(s.Flags), " "))
			separator = ","
		})
	case KindHave:
		fmt.Fprintf(b, " %08x all below %d", p.Stream(), p.Number())
		for i := range p.Records() {
			fmt.Fprintf(b, " but %d", p.Missing(i))
		}
	}
}

// helloJSON and streamJSON are members of a packetJSON.
type helloJSON struct {
	Held    uint64 `json:"peers_held"`
	Up      uint32 `json:"up_seconds"`
	Filling bool   `json:"filling"`
	Asks    bool   `json:"asks"`
}

type streamJSON struct {
	Stream  string   `json:"stream"`
	Number  *uint32  `json:"number,omitempty"`
	Missing []uint32 `json:"missing,omitempty"`
}

// addNewcomer adds what packets of the kinds from KindHello on say.
func (p Packet) addNewcomer(v *packetJSON) {
	if p.Kind == KindHello {
		h := p.Hello()
		v.helloJSON = &helloJSON{h.Peers, uint32(h.Up / time.Second), h.Filling, h.Asks}
		return
	}
	s := &streamJSON{Stream: fmt.Sprintf("%08x", p.Stream())}
	v.streamJSON = s
	if p.Kind == KindAsk {
		return
	}
	n := p.Number()
	s.Number = &n
	p.eachOf(func(state *tracker.PeerState) {
		age := state.Age
		v.Peers = append(v.Peers, peerJSON{state.InfoHash.String(), state.Peer.String(), &age, stateNames(state.Flags)})
	})
	if p.Kind == KindHave {
		for i := range p.Records() {
			s.Missing = append(s.Missing, p.Missing(i))
		}
	}
}

// stateNames returns what the flags say.
func stateNames(f tracker.PeerFlags) []string {
	names := []string{"leeching"}
	if f&tracker.PeerSeeds != 0 {
		names[0] = "seeding"
	}
	if f&tracker.PeerPaused != 0 {
		names = append(names, "paused")
	}
	if f&tracker.PeerCompleted != 0 {
		names = append(names, "completed")
	}
	return names
}
