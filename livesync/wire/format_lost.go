package wire

import (
	"fmt"
	"strings"
)

// writeLost writes what packets of the kinds from KindLiveSum on say.
func (p Packet) writeLost(b *strings.Builder) {
	switch p.Kind {
	case KindLiveSum:
		s := p.LiveSum()
		fmt.Fprintf(b, " stretch %d packets %d sum %08x", s.Stretch, s.Packets, s.Sum)
		return
	case KindLiveAsk:
		fmt.Fprintf(b, " stretch %d", p.Stretch())
		for i := range p.Records() {
			fmt.Fprintf(b, " %d", p.Asked(i))
		}
	case KindLiveHashes:
		packets, first, hashes := p.Hashes(nil)
		fmt.Fprintf(b, " stretch %d packets %d from %d on", p.Stretch(), packets, first)
		for _, h := range hashes {
			fmt.Fprintf(b, " %08x", h)
		}
	default:
		if p.Kind == KindLiveAgain {
			part := p.AgainPart()
			fmt.Fprintf(b, " stretch %d packet %d part %d of %d", p.Stretch(), part.Packet, part.Part, part.Parts)
		}
		for i := range p.Records() {
			r := p.Again(i)
			fmt.Fprintf(b, " %s %s %s %s ago", r.InfoHash, r.Peer, strings.Join(flagNames(&r.SyncRecord), " "), r.Ago)
			if i < p.Records()-1 {
				b.WriteByte(',')
			}
		}
	}
}

// lostJSON are members of a packetJSON.
type lostJSON struct {
	Stretch uint64   `json:"stretch"`
	Packets *uint32  `json:"packets,omitempty"`
	Sum     string   `json:"sum,omitempty"`
	Asked   []uint16 `json:"asked,omitempty"`
	First   *int     `json:"first,omitempty"`
	Hashes  []string `json:"hashes,omitempty"`
	Packet  *uint16  `json:"packet,omitempty"`
	Part    *uint8   `json:"part,omitempty"`
	Parts   *uint8   `json:"parts,omitempty"`
}

// addLost adds what packets of the kinds from KindLiveSum on say.
func (p Packet) addLost(v *packetJSON) {
	if p.Kind == KindLiveStops {
		p.addLivePeers(v)
		return
	}
	l := &lostJSON{}
	v.lostJSON = l
	if p.Kind == KindLiveSum {
		s := p.LiveSum()
		l.Stretch, l.Packets, l.Sum = s.Stretch, &s.Packets, fmt.Sprintf("%08x", s.Sum)
		return
	}
	l.Stretch = p.Stretch()
	switch p.Kind {
	case KindLiveAsk:
		for i := range p.Records() {
			l.Asked = append(l.Asked, p.Asked(i))
		}
	case KindLiveHashes:
		packets, first, hashes := p.Hashes(nil)
		n := uint32(packets)
		l.Packets, l.First = &n, &first
		for _, h := range hashes {
			l.Hashes = append(l.Hashes, fmt.Sprintf("%08x", h))
		}
	default:
		part := p.AgainPart()
		l.Packet, l.Part, l.Parts = &part.Packet, &part.Part, &part.Parts
		p.addLivePeers(v)
	}
}

func (p Packet) addLivePeers(v *packetJSON) {
	for i := range p.Records() {
		r := p.Again(i)
		ago := uint32(r.Ago.Seconds())
		v.Peers = append(v.Peers, peerJSON{r.InfoHash.String(), r.Peer.String(), &ago, flagNames(&r.SyncRecord)})
	}
}
