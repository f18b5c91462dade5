package wire

import (
	"encoding/binary"

	"keeptrack/livesync/exact"
)

// The packets by which members keep downloaded counts exact. What they say and what it
// leads to is livesync/exact's, the bytes after the header too: all begin with the
// origin of the sender and that of the receiver, which is zero for all members.
//
//	count_hello       see exact.Hello
//	count_parts       number u64, n × record
//	count_parts_ask   n × number u64
//	count_names_ask   flags u8, after 8 bytes
//	count_names       flags u8, after 8 bytes, names
//	count_digests_ask subject 8 bytes, n × node
//	count_digests     subject 8 bytes, n × (node, 16 × digest u64)
//	count_records_ask subject 8 bytes, from 20 bytes, last u16
//	count_records     subject 8 bytes, from 20 bytes, last u16, what is folded, flags u8, n × record
//
// A record is info hash, value u64 and age u32 in seconds, whose highest bit says that
// the torrent is kept.
const (
	countHead        = 8 + 8                                // the two origins
	countPartsHead   = countHead + 8                        // before the records
	countRecordsHead = countHead + 8 + 20 + 2 + (4 + 8) + 1 // before the records
	countRecordSize  = 20 + 8 + 4
	countLargest     = countHead + 8 + 1 + 2 + 16*8 // count_digests of one node
)

// Count is what a packet of the kinds from KindCountHello on says.
type Count struct {
	// From is the origin of the sender, which is not Nobody, and To that of the
	// receiver, or Nobody for all.
	From, To exact.Origin
	Message  exact.Message
}

// Counts reports whether packets of kind k keep downloaded counts exact, see Count.
func (k Kind) Counts() bool { return k >= KindCountHello && k <= KindCountRecords }

// Count returns what a packet says, if its kind Counts. It does not refer to the buffer
// that the packet was parsed from.
func (p Packet) Count() Count { return *p.count }

// parseCount reads the body of a packet whose kind Counts. The error is ErrLength or
// ErrValue.
func parseCount(k Kind, body []byte) (*Count, error) {
	from, to, m, err := exact.Parse(exact.Type(kinds[k].wire), body)
	switch err {
	case nil:
		return &Count{from, to, m}, nil
	case exact.ErrValue:
		return nil, ErrValue
	}
	return nil, ErrLength
}

// AppendCount appends a whole packet and returns its kind.
func AppendCount(dst []byte, id ID, c *Count) (Kind, []byte) {
	at := len(dst)
	dst = AppendHeader(dst, id, KindCountHello)
	t, dst := exact.Append(dst, c.From, c.To, c.Message)
	binary.BigEndian.PutUint32(dst[at+4:], uint32(t))
	return KindCountHello + Kind(t-exact.TypeHello), dst
}
