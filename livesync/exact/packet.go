package exact

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"keeptrack/tracker"
)

// Type is the type number of a packet that holds a Message.
type Type uint32

// The types of packets. All numbers in them are big-endian.
const (
	TypeHello Type = 0x130 + iota
	TypeParts
	TypeAskParts
	TypeAskNames
	TypeNames
	TypeAskDigests
	TypeDigests
	TypeAskRecords
	TypeRecords
)

// Sizes in bytes.
const (
	envelopeSize = 8 + 8                                // sender, receiver
	helloSize    = 8*7 + foldedSize + 2 + 4 + 1 + 1 + 1 // without lists
	foldedSize   = 4 + 8                                // FoldedSum
	recordSize   = 20 + 8 + 4                           // Record
	recordsSize  = 8 + 20 + 2 + foldedSize + 1          // Records without records
	seenSize     = 8 + 4                                // Seen
	nodeSize     = 1 + 2                                // Node
	digestsSize  = nodeSize + 8*nodeChildren            // NodeDigests
	askRecords   = 8 + 20 + 2                           // AskRecords
	nameSize     = 8 + 8 + 1                            // Name of an origin that is not folded
	namesSize    = 1 + 8                                // Names without names
	keptBit      = 1 << 31                              // of a record's age: Kept
	maxAge       = (keptBit - 1) * time.Second          // that a record can tell
	maxSeen      = math.MaxUint32 * time.Second         // that a Seen can tell
	maxNames     = math.MaxUint8                        // in a list of a hello
	helloLists   = 8 + 8 + seenSize                     // one of each list
	moreFlag     = 1
	foldedFlag   = 2
)

// Errors of Parse.
var (
	ErrType   = errors.New("the type is not one of these")
	ErrLength = errors.New("the length does not fit the type")
	ErrValue  = errors.New("a value that nobody sends")
)

// SizesFor returns how many of a thing fit into a message whose packet may hold room
// bytes after its type.
func SizesFor(room int) Sizes {
	room -= envelopeSize
	return Sizes{
		Records: (room - recordsSize) / recordSize,
		Nodes:   (room - 8) / digestsSize,
		Names:   min((room-helloSize)/helloLists, maxNames),
	}
}

// Append appends what follows the type in a packet: the sender, the receiver, which is
// Nobody for all, and the message.
func Append(b []byte, from, to Origin, m Message) (Type, []byte) {
	b = append(append(b, from[:]...), to[:]...)
	switch m := m.(type) {
	case *Hello:
		return TypeHello, m.append(b)
	case *Parts:
		return TypeParts, appendRecords(binary.BigEndian.AppendUint64(b, m.Number), m.Records)
	case *AskParts:
		for _, n := range m.Numbers {
			b = binary.BigEndian.AppendUint64(b, n)
		}
		return TypeAskParts, b
	case *AskNames:
		return TypeAskNames, append(append(b, flags(false, m.Folded)), m.After[:]...)
	case *Names:
		return TypeNames, m.append(b)
	case *AskDigests:
		b = append(b, m.Subject[:]...)
		for _, n := range m.Nodes {
			b = n.append(b)
		}
		return TypeAskDigests, b
	case *Digests:
		return TypeDigests, m.append(b)
	case *AskRecords:
		return TypeAskRecords, appendSpan(b, m.Subject, &m.From, m.Last)
	case *Records:
		b = m.Folded.append(appendSpan(b, m.Subject, &m.From, m.Last))
		return TypeRecords, appendRecords(append(b, flags(m.More, false)), m.Records)
	}
	return 0, b
}

func (m *Hello) append(b []byte) []byte {
	for _, n := range [...]uint64{m.Serial, m.Number, m.Oldest, m.Own, m.Ended, m.Silent, m.Nobody} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	b = binary.BigEndian.AppendUint16(m.Folded.append(b), m.Members)
	b = append(b, m.Label[:]...)
	b = append(b, byte(len(m.FoldedNames)), byte(len(m.EndedNames)), byte(len(m.Known)))
	for _, o := range m.FoldedNames {
		b = append(b, o[:]...)
	}
	for _, o := range m.EndedNames {
		b = append(b, o[:]...)
	}
	for _, s := range m.Known {
		b = binary.BigEndian.AppendUint32(append(b, s.Origin[:]...), seconds(s.Age, maxSeen))
	}
	return b
}

func (m *Names) append(b []byte) []byte {
	b = append(append(b, flags(m.More, m.Folded)), m.After[:]...)
	for _, n := range m.Names {
		if b = append(b, n.Origin[:]...); !m.Folded {
			b = append(binary.BigEndian.AppendUint64(b, n.Root), flags(n.Ended, false))
		}
	}
	return b
}

func (m *Digests) append(b []byte) []byte {
	b = append(b, m.Subject[:]...)
	for _, n := range m.Nodes {
		b = n.Node.append(b)
		for _, x := range n.Children {
			b = binary.BigEndian.AppendUint64(b, x)
		}
	}
	return b
}

func (n Node) append(b []byte) []byte {
	return binary.BigEndian.AppendUint16(append(b, n.Depth), n.Prefix)
}

func (f FoldedSum) append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, f.Count), f.Digest)
}

func appendSpan(b []byte, subject Origin, from *tracker.InfoHash, last uint16) []byte {
	return binary.BigEndian.AppendUint16(append(append(b, subject[:]...), from[:]...), last)
}

func appendRecords(b []byte, records []Record) []byte {
	for i := range records {
		r := &records[i]
		b = binary.BigEndian.AppendUint64(append(b, r.InfoHash[:]...), r.Value)
		age := seconds(r.Age, maxAge)
		if r.Kept {
			age |= keptBit
		}
		b = binary.BigEndian.AppendUint32(b, age)
	}
	return b
}

// seconds returns an age rounded up, at most limit.
func seconds(age, limit time.Duration) uint32 {
	return uint32((min(max(age, 0), limit) + time.Second - 1) / time.Second)
}

func flags(more, folded bool) (f byte) {
	if more {
		f |= moreFlag
	}
	if folded {
		f |= foldedFlag
	}
	return f
}
