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
	switch p.Kind {
	case KindBeacon:
		fmt.Fprintf(&b, " %d", p.Torrents())
	case KindInquire:
		fmt.Fprintf(&b, " %s", p.Target())
	}
	for i := range p.Records() {
		if i > 0 {
			b.WriteByte(',')
		}
		if p.Kind == KindTell {
			r := p.Tell(i)
			fmt.Fprintf(&b, " %s %d minutes ago downloaded %d", r.InfoHash, r.Age, r.Downloaded)
			continue
		}
		var r tracker.SyncRecord
		p.Sync(i, &r)
		fmt.Fprintf(&b, " %s %s %s", r.InfoHash, r.Peer, strings.Join(flagNames(r.Flags), " "))
	}
	if p.Trailing > 0 {
		fmt.Fprintf(&b, " (%d bytes more)", p.Trailing)
	}
	return b.String()
}

// MarshalJSON returns the packet as an object with the members id, type, and
// torrents, target, peers or tells after the kind.
func (p Packet) MarshalJSON() ([]byte, error) {
	type peer struct {
		InfoHash string   `json:"info_hash"`
		Peer     string   `json:"peer"`
		Flags    []string `json:"flags"`
	}
	type told struct {
		InfoHash   string `json:"info_hash"`
		Age        uint32 `json:"age_minutes"`
		Downloaded uint64 `json:"downloaded"`
	}
	v := struct {
		ID       ID      `json:"id"`
		Type     string  `json:"type"`
		Torrents *uint64 `json:"torrents,omitempty"`
		Target   *ID     `json:"target,omitempty"`
		Peers    []peer  `json:"peers,omitempty"`
		Tells    []told  `json:"tells,omitempty"`
		Trailing int     `json:"trailing_bytes,omitempty"`
	}{ID: p.From, Type: p.Kind.String(), Trailing: p.Trailing}
	switch p.Kind {
	case KindBeacon:
		n := p.Torrents()
		v.Torrents = &n
	case KindInquire:
		id := p.Target()
		v.Target = &id
	}
	for i := range p.Records() {
		if p.Kind == KindTell {
			r := p.Tell(i)
			v.Tells = append(v.Tells, told{r.InfoHash.String(), r.Age, r.Downloaded})
			continue
		}
		var r tracker.SyncRecord
		p.Sync(i, &r)
		v.Peers = append(v.Peers, peer{r.InfoHash.String(), r.Peer.String(), flagNames(r.Flags)})
	}
	return json.Marshal(v)
}

// flagNames returns what the flags say: the role, unless the peer stopped, and
// what happened.
func flagNames(f tracker.SyncFlags) []string {
	var names []string
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
	return names
}
