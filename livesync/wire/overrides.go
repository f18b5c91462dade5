package wire

import (
	"encoding/binary"
	"time"

	"keeptrack/tracker/override"
)

// The packets by which overrides of the access list spread. They go within sealed
// packets only.
//
//	overrides       n × override (see override.Size)
//	override_digest root u64, agreed u64, label 4 bytes
//	override_ask    target, n × (range u8, digest u64)
//
// override_digest says what the sender has; root is override.Digests.Root. agreed is
// when it was last equal to that of another instance, in seconds since 1970, or 0 if
// never. override_ask has digests of the sender's, by the first byte of the info hash:
// the target answers with what it has in those ranges that differ.
const (
	digestSize = 8 + 8 + 4
	rangeSize  = 1 + 8
)

// OverrideDigest is what an instance says of all its overrides.
type OverrideDigest struct {
	Root uint64
	// Agreed is when it was last equal to that of another instance, to the second;
	// the zero time if never.
	Agreed time.Time
	// Label names the instance to people.
	Label override.Label
}

// Override returns record i of a packet of kind KindOverrides. What it says has not
// been checked.
func (p Packet) Override(i int) override.Override {
	return override.Decode(p.body[i*override.Size:])
}

// OverrideDigest returns what a packet of kind KindOverrideDigest says.
func (p Packet) OverrideDigest() OverrideDigest {
	d := OverrideDigest{Root: binary.BigEndian.Uint64(p.body), Label: override.Label(p.body[16:])}
	if agreed := binary.BigEndian.Uint64(p.body[8:]); agreed > 0 {
		d.Agreed = time.Unix(int64(min(agreed, maxAgreed)), 0).UTC()
	}
	return d
}

// maxAgreed is the last second of the year 9999, which text can still have.
const maxAgreed = 253402300799

// AskedRange returns record i of a packet of kind KindOverrideAsk: the first byte of
// info hashes and the sender's digest of them.
func (p Packet) AskedRange(i int) (first byte, digest uint64) {
	b := p.body[4+i*rangeSize:]
	return b[0], binary.BigEndian.Uint64(b[1:])
}

// AppendOverrideDigest appends a whole packet of kind KindOverrideDigest.
func AppendOverrideDigest(dst []byte, id ID, d OverrideDigest) []byte {
	agreed := uint64(0)
	if !d.Agreed.IsZero() {
		agreed = uint64(max(d.Agreed.Unix(), 1))
	}
	dst = binary.BigEndian.AppendUint64(AppendHeader(dst, id, KindOverrideDigest), d.Root)
	return append(binary.BigEndian.AppendUint64(dst, agreed), d.Label[:]...)
}

// AppendOverrideAsk appends the beginning of a packet of kind KindOverrideAsk, to which
// AppendAskedRange adds.
func AppendOverrideAsk(dst []byte, id, target ID) []byte {
	return append(AppendHeader(dst, id, KindOverrideAsk), target[:]...)
}

// AppendAskedRange appends a record: the digest of the info hashes with a first byte.
func AppendAskedRange(dst []byte, first byte, digest uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, first), digest)
}
