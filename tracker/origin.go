package tracker

import (
	"crypto/rand"
	"encoding/hex"
	"time"
)

// Origin names one stretch of one instance's counting, by 8 random bytes. A downloaded
// count is nobody's part and a part for each origin: see docs/cluster.md.
type Origin [8]byte

// Nobody is the zero origin, which stands for what no origin counted: what was
// folded, what strangers complete, and what was counted without live sync.
var Nobody Origin

// NewOrigin draws a name, which is not Nobody.
func NewOrigin() (o Origin) {
	for o == Nobody {
		_, _ = rand.Read(o[:]) // never fails
	}
	return o
}

// String returns the origin as 16 lower-case hexadecimal digits.
func (o Origin) String() string { return hex.EncodeToString(o[:]) }

// MarshalText returns the origin as String does, for JSON.
func (o Origin) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, o[:]), nil }

// Part is how many completed downloads of a torrent an origin counted. That of Nobody,
// where parts are kept, is the excess: by how much the count that is shown is above the
// sum of nobody's part and the parts of all origins, because a floor is.
type Part struct {
	Origin Origin
	Value  uint64
}

// TorrentPart is a part of a torrent, or its excess, as the database has it.
type TorrentPart struct {
	InfoHash InfoHash
	Part
}

// PartRecord is what instances tell each other of a part of a torrent, or nobody's.
type PartRecord struct {
	InfoHash InfoHash
	// Value is the part, at least 1.
	Value uint64
	// Age is how long ago the torrent was last announced, when the record was
	// sent. It is rounded up, so that no torrent lives on by being told.
	Age time.Duration
	// Kept says that the torrent has parts of origins that are not folded. It is
	// kept for them, however old it is.
	Kept bool
}

// PartResult says what became of a PartRecord.
type PartResult uint8

// What became of a PartRecord.
const (
	PartHeld    PartResult = iota // there was that value, or a higher one
	PartRaised                    // the value is higher now
	PartRefused                   // the torrent is not taken in: access list, memory, age
)

// Ledger is told what becomes of the parts of torrents, with the torrent's shard locked.
// It must neither block nor call the tracker.
type Ledger interface {
	// Changed notes that the part of an origin, or of Nobody, went from old to value;
	// it is not called for what Counted notes.
	Changed(o Origin, h *InfoHash, old, value uint64)
	// Counted notes that this instance has counted a completed download for its origin
	// o, whose part of the torrent rose by one to value.
	Counted(o Origin, h *InfoHash, value uint64)
	// Created notes that there is a torrent now, or that parts of it are taken in now.
	Created(h *InfoHash)
	// LeftOut notes that the part of an origin, or of Nobody, has left the memory with its
	// torrent and stays in the file alone: it takes no part in comparisons.
	LeftOut(o Origin, h *InfoHash, value uint64)
}
