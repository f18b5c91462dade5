package wire

import (
	"encoding/json"
	"fmt"
	"strings"

	"keeptrack/tracker"
)

// String returns the packet as text without the sender: the kind and what the
// packet says, records separated by commas.
func (p Packet) String() string {
	var b strings.Builder
	b.WriteString(p.Kind.String())
	if p.Kind.Addressed() {
		fmt.Fprintf(&b, " %s", p.Target())
	}
	switch p.Kind {
	case KindBeacon:
		fmt.Fprintf(&b, " %d", p.Torrents())
	case KindLive, KindLive6, KindTell:
		p.writeRecords(&b)
	case KindHello, KindAsk, KindPeers, KindPeersEnd, KindHave:
		p.writeNewcomer(&b)
	case KindOverrides, KindOverrideDigest, KindOverrideAsk:
		p.writeOverrides(&b)
	case KindLiveSum, KindLiveAsk, KindLiveHashes, KindLiveAgain, KindLiveStops:
		p.writeLost(&b)
	default:
		p.writeCount(&b)
	}
	if p.Trailing > 0 {
		fmt.Fprintf(&b, " (%d bytes more)", p.Trailing)
	}
	return b.String()
}

func (p Packet) writeRecords(b *strings.Builder) {
	for i := range p.Records() {
		if i > 0 {
			b.WriteByte(',')
		}
		if p.Kind == KindTell {
			r := p.Tell(i)
			fmt.Fprintf(b, " %s %d minutes ago downloaded %d", r.InfoHash, r.Age, r.Downloaded)
			continue
		}
		var r tracker.SyncRecord
		p.Sync(i, &r)
		fmt.Fprintf(b, " %s %s %s", r.InfoHash, r.Peer, strings.Join(flagNames(&r), " "))
	}
}

// packetJSON is a packet as JSON. Which members there are depends on the kind.
type packetJSON struct {
	ID       ID      `json:"id"`
	Type     string  `json:"type"`
	Torrents *uint64 `json:"torrents,omitempty"`
	Target   *ID     `json:"target,omitempty"`
	*helloJSON
	*streamJSON
	*overridesJSON
	*countJSON
	*lostJSON
	Peers    []peerJSON `json:"peers,omitempty"`
	Tells    []toldJSON `json:"tells,omitempty"`
	Trailing int        `json:"trailing_bytes,omitempty"`
}

type peerJSON struct {
	InfoHash string   `json:"info_hash"`
	Peer     string   `json:"peer"`
	Age      *uint32  `json:"age_seconds,omitempty"`
	Flags    []string `json:"flags"`
}

type toldJSON struct {
	InfoHash   string `json:"info_hash"`
	Age        uint32 `json:"age_minutes"`
	Downloaded uint64 `json:"downloaded"`
}

// MarshalJSON returns the packet as an object with the members id, type, and what there
// is of the kind.
func (p Packet) MarshalJSON() ([]byte, error) {
	v := packetJSON{ID: p.From, Type: p.Kind.String(), Trailing: p.Trailing}
	if p.Kind.Addressed() {
		id := p.Target()
		v.Target = &id
	}
	switch p.Kind {
	case KindBeacon:
		n := p.Torrents()
		v.Torrents = &n
	case KindLive, KindLive6, KindTell:
		p.addRecords(&v)
	case KindHello, KindAsk, KindPeers, KindPeersEnd, KindHave:
		p.addNewcomer(&v)
	case KindOverrides, KindOverrideDigest, KindOverrideAsk:
		p.addOverrides(&v)
	case KindLiveSum, KindLiveAsk, KindLiveHashes, KindLiveAgain, KindLiveStops:
		p.addLost(&v)
	default:
		p.addCount(&v)
	}
	return json.Marshal(v)
}

func (p Packet) addRecords(v *packetJSON) {
	for i := range p.Records() {
		if p.Kind == KindTell {
			r := p.Tell(i)
			v.Tells = append(v.Tells, toldJSON{r.InfoHash.String(), r.Age, r.Downloaded})
			continue
		}
		var r tracker.SyncRecord
		p.Sync(i, &r)
		v.Peers = append(v.Peers, peerJSON{InfoHash: r.InfoHash.String(), Peer: r.Peer.String(), Flags: flagNames(&r)})
	}
}

// flagNames returns what the flags say: the role, unless the peer stopped, and
// what happened.
func flagNames(r *tracker.SyncRecord) []string {
	var names []string
	f := r.Flags
	switch {
	case f&tracker.SyncStopped != 0:
		names = append(names, "stopped")
	case f&tracker.SyncSeeding != 0:
		names = append(names, "seeding")
	default:
		names = append(names, "leeching")
	}
	if f&tracker.SyncComplete != 0 {
		names = append(names, "complete")
	}
	if r.Counted {
		names = append(names, "counted")
	}
	return names
}
