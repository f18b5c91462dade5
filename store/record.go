package store

import (
	"bytes"
	"encoding/binary"

	"keeptrack/store/runs"
	"keeptrack/tracker"
)

// Sizes in bytes of what values are made of.
const (
	hashSize   = runs.HashSize
	recordSize = runs.RecordSize
)

// appendRecord appends the 32 bytes of r: info hash, last-announce minute u32,
// downloaded u64, big-endian.
func appendRecord(dst []byte, r tracker.Record) []byte {
	dst = append(dst, r.InfoHash[:]...)
	dst = binary.BigEndian.AppendUint32(dst, r.LastAnnounce)
	return binary.BigEndian.AppendUint64(dst, r.Downloaded)
}

// readRecord reads the first 32 bytes of b. A count beyond tracker.MaxDownloaded,
// which earlier versions could write, is read as that.
func readRecord(b []byte) tracker.Record {
	return tracker.Record{
		InfoHash:     tracker.InfoHash(b[:hashSize]),
		LastAnnounce: binary.BigEndian.Uint32(b[hashSize:]),
		Downloaded:   min(binary.BigEndian.Uint64(b[hashSize+4:recordSize]), tracker.MaxDownloaded),
	}
}

// compareRecords orders records by info hash.
func compareRecords(a, b tracker.Record) int { return compareHashes(a.InfoHash, b.InfoHash) }

func compareHashes(a, b tracker.InfoHash) int { return bytes.Compare(a[:], b[:]) }
