package wire

import (
	"keeptrack/livesync/exact"
	"keeptrack/tracker"
	"keeptrack/tracker/override"
)

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

	// Those from here on are keeptrack's own, see Extension.
	KindOverrides      // overrides of the access list
	KindOverrideDigest // the digest of all that the sender has
	KindOverrideAsk    // asks one instance for those that differ
	KindHello          // says how many peers the sender has
	KindAsk            // asks one instance for its peers
	KindPeers          // peers for the instance that asked
	KindPeersEnd       // the last packet of those
	KindHave           // what of them has arrived
	KindLiveSum        // what the sender has published lately
	KindLiveAsk        // asks one instance for what was lost of that
	KindLiveHashes     // the hashes of those packets
	KindLiveAgain      // what was in one of them
	KindLiveStops      // peers that have stopped, which the sender did not have

	// Those by which members keep downloaded counts exact, in the order of their type
	// numbers, see Kind.Counts.
	KindCountHello      // what a member has
	KindCountParts      // parts of the sender's own
	KindCountPartsAsk   // asks for those again
	KindCountNamesAsk   // asks for names of origins
	KindCountNames      // and answers
	KindCountDigestsAsk // asks for digests of parts
	KindCountDigests    // and answers
	KindCountRecordsAsk // asks for parts, whoever counted
	KindCountRecords    // and answers

	KindCount int = iota // number of kinds
)

var kinds = [KindCount]struct {
	name   string
	wire   uint32 // type number
	body   int    // size in bytes of what comes before the records
	record int    // size of a record in bytes; 0: the body holds no records
	least  int    // number of records at least
	open   bool   // more follows in place of records, which Parse looks at
}{
	KindLive:    {name: "live", wire: 0, record: LiveSize, least: 1},
	KindLive6:   {name: "live6", wire: 1, record: Live6Size, least: 1},
	KindBeacon:  {name: "beacon", wire: 1, body: 8},
	KindInquire: {name: "inquire", wire: 2, body: 4},
	KindTell:    {name: "tell", wire: 3, record: TellSize, least: 1},

	KindOverrides:      {name: "overrides", wire: 0x110, record: override.Size, least: 1},
	KindOverrideDigest: {name: "override_digest", wire: 0x111, body: digestSize},
	KindOverrideAsk:    {name: "override_ask", wire: 0x112, body: 4, record: rangeSize, least: 1},

	KindHello:    {name: "hello", wire: 0x120, body: helloSize},
	KindAsk:      {name: "peers_ask", wire: 0x121, body: 4 + 4},
	KindPeers:    {name: "peers", wire: 0x122, body: peersHead, open: true},
	KindPeersEnd: {name: "peers_end", wire: 0x123, body: 4 + 4 + 4},
	KindHave:     {name: "peers_have", wire: 0x124, body: 4 + 4 + 4, record: 4},

	KindLiveSum:    {name: "live_sum", wire: 0x125, body: sumSize},
	KindLiveAsk:    {name: "live_ask", wire: 0x126, body: askHead, record: 2},
	KindLiveHashes: {name: "live_hashes", wire: 0x127, body: hashesHead, record: 4},
	KindLiveAgain:  {name: "live_again", wire: 0x128, body: againHead, record: againSize, least: 1},
	KindLiveStops:  {name: "live_stops", wire: 0x129, record: againSize, least: 1},

	KindCountHello:      {name: "count_hello", wire: uint32(exact.TypeHello), body: countHead, open: true},
	KindCountParts:      {name: "count_parts", wire: uint32(exact.TypeParts), body: countPartsHead, record: countRecordSize},
	KindCountPartsAsk:   {name: "count_parts_ask", wire: uint32(exact.TypeAskParts), body: countHead, open: true},
	KindCountNamesAsk:   {name: "count_names_ask", wire: uint32(exact.TypeAskNames), body: countHead, open: true},
	KindCountNames:      {name: "count_names", wire: uint32(exact.TypeNames), body: countHead, open: true},
	KindCountDigestsAsk: {name: "count_digests_ask", wire: uint32(exact.TypeAskDigests), body: countHead, open: true},
	KindCountDigests:    {name: "count_digests", wire: uint32(exact.TypeDigests), body: countHead, open: true},
	KindCountRecordsAsk: {name: "count_records_ask", wire: uint32(exact.TypeAskRecords), body: countHead, open: true},
	KindCountRecords:    {name: "count_records", wire: uint32(exact.TypeRecords), body: countRecordsHead, record: countRecordSize},
}

// Extension reports whether packets of kind k are keeptrack's own: other programs do
// not know them. Where there is a key they are taken in sealed only.
func (k Kind) Extension() bool { return kinds[k].wire > typeSealed }

// SealedOnly reports whether packets of kind k are sent and taken in sealed only,
// whether or not there is a key.
func (k Kind) SealedOnly() bool {
	return k == KindOverrides || k == KindOverrideDigest || k == KindOverrideAsk
}

// Addressed reports whether packets of kind k are for one instance alone, which
// Packet.Target names.
func (k Kind) Addressed() bool {
	switch k {
	case KindInquire, KindOverrideAsk, KindAsk, KindPeers, KindPeersEnd, KindHave, KindLiveAsk, KindLiveHashes, KindLiveAgain:
		return true
	}
	return false
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
		return (length - HeaderSize - kinds[k].body) / size
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
		least := t.body + t.least*t.record
		if body == least || body > least && (t.record > 0 || t.open) {
			return Kind(k), nil
		}
	}
	if known {
		return 0, ErrLength
	}
	return 0, ErrType
}
