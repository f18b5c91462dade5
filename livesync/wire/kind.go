package wire

import "keeptrack/tracker"

// Kind is what a packet is. The wire's type numbers do not tell kinds apart on
// their own: a beacon and a SYNC_LIVE6 packet share number 1 and differ in
// length.
type Kind uint8

// The kinds of packets.
const (
	KindLive    Kind = iota // SYNC_LIVE: peers with IPv4 addresses
	KindLive6               // SYNC_LIVE6: peers with IPv6 addresses
	KindBeacon              // SYNC_SCRAPE_BEACON: number of torrents served
	KindInquire             // SYNC_SCRAPE_INQUIRE: asks one instance for its counts
	KindTell                // SYNC_SCRAPE_TELL: counts of torrents

	KindCount int = iota // number of kinds
)

var kinds = [KindCount]struct {
	name   string
	wire   uint32 // type number
	record int    // size of a record in bytes; 0: the body holds no records
	body   int    // size in bytes of a body without records
}{
	KindLive:    {name: "live", wire: 0, record: LiveSize},
	KindLive6:   {name: "live6", wire: 1, record: Live6Size},
	KindBeacon:  {name: "beacon", wire: 1, body: 8},
	KindInquire: {name: "inquire", wire: 2, body: 4},
	KindTell:    {name: "tell", wire: 3, record: TellSize},
}

// String returns the kind's name in lower case, such as "live6".
func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k].name
	}
	return "unknown"
}

// KindOfPeers returns the kind of packet that carries peers of a family.
func KindOfPeers(f tracker.Family) Kind {
	if f == tracker.IPv6 {
		return KindLive6
	}
	return KindLive
}

// Records returns the number of whole records in a packet of kind k that is
// length bytes long, its header included; 0 for kinds without records.
func (k Kind) Records(length int) int {
	if size := kinds[k].record; size > 0 {
		return (length - HeaderSize) / size
	}
	return 0
}

// kindOf returns the kind of a packet by the type number and the length of the
// body. The error is ErrType or ErrLength.
func kindOf(wire uint32, body int) (Kind, error) {
	known := false
	for k := range kinds {
		t := &kinds[k]
		if t.wire != wire {
			continue
		}
		known = true
		if t.record > 0 && body >= t.record || t.record == 0 && body == t.body {
			return Kind(k), nil
		}
	}
	if known {
		return 0, ErrLength
	}
	return 0, ErrType
}
