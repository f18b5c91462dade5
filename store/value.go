package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"

	"keeptrack/store/runs"
)

// Both kinds of value begin with the CRC-32C of everything after it.
const (
	chunkHeader   = 4 + 8     // checksum, sequence
	journalHeader = 4 + 4 + 4 // checksum, number of changed records, of removed hashes
)

// maxChunk is the number of records that a chunk has at most: 128 KiB.
const maxChunk = 4096

// What can be wrong with a value.
var (
	errChecksum = runs.ErrChecksum
	errLength   = errors.New("the value has an impossible length")
	errOrder    = errors.New("the records are out of order")
	errRange    = errors.New("a record belongs to another chunk")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// chunkValue is a chunk of the base: every record within its range, as of the
// journal entry of that sequence. records is a part of the value decoded,
// ascending by info hash.
type chunkValue struct {
	sequence uint64
	records  []byte
}

// bounds is a range of info hashes: from low to below high, of which nil is past
// the last.
type bounds struct{ low, high []byte }

// hold reports whether an info hash is within the bounds.
func (b bounds) hold(hash []byte) bool {
	return bytes.Compare(hash, b.low) >= 0 && (b.high == nil || bytes.Compare(hash, b.high) < 0)
}

// appendChunk appends the value of a chunk with records, encoded and ascending.
func appendChunk(dst []byte, sequence uint64, records []byte) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint64(dst, sequence)
	dst = append(dst, records...)
	putChecksum(dst[at:])
	return dst
}

// decodeChunk reads and checks the value of a chunk with the bounds given.
func decodeChunk(b bounds, v []byte) (chunkValue, error) {
	if !chunkLength(len(v)) {
		return chunkValue{}, errLength
	}
	if !hasChecksum(v) {
		return chunkValue{}, errChecksum
	}
	records := v[chunkHeader:]
	if !ascending(records, recordSize) {
		return chunkValue{}, errOrder
	}
	if n := len(records); n > 0 && !(b.hold(records[:hashSize]) && b.hold(records[n-recordSize:][:hashSize])) {
		return chunkValue{}, errRange
	}
	return chunkValue{sequence: chunkSequence(v), records: records}, nil
}

// chunkLength reports whether the value of a chunk can be n bytes long.
func chunkLength(n int) bool {
	n -= chunkHeader
	return n >= 0 && n%recordSize == 0 && n/recordSize <= maxChunk
}

// chunkSequence reads the sequence of a chunk's value of at least chunkHeader
// bytes and checks nothing.
func chunkSequence(v []byte) uint64 { return binary.BigEndian.Uint64(v[4:chunkHeader]) }

// appendJournal appends the value of a journal entry with the records and
// removed hashes given, encoded and ascending.
func appendJournal(dst, records, removed []byte) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(records)/recordSize))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(removed)/hashSize))
	dst = append(dst, records...)
	dst = append(dst, removed...)
	dst = runs.AppendSums(dst, records, recordSize)
	dst = runs.AppendSums(dst, removed, hashSize)
	putChecksum(dst[at:])
	return dst
}

// openJournal finds the lists in the value of a journal entry. It checks only
// its length: whoever reads the lists checks their blocks.
func openJournal(sequence uint64, v []byte) (runs.Entry, error) {
	if len(v) < journalHeader {
		return runs.Entry{}, errLength
	}
	records, removed := uint64(binary.BigEndian.Uint32(v[4:])), uint64(binary.BigEndian.Uint32(v[8:]))
	e := runs.Entry{Sequence: sequence}
	rest := v[journalHeader:]
	for _, part := range []struct {
		dst  *[]byte
		size uint64
	}{
		{&e.Records, records * recordSize},
		{&e.Removed, removed * hashSize},
		{&e.RecordSums, uint64(runs.SumsSize(int(records)))},
		{&e.RemovedSums, uint64(runs.SumsSize(int(removed)))},
	} {
		if part.size > uint64(len(rest)) {
			return runs.Entry{}, errLength
		}
		*part.dst, rest = rest[:part.size:part.size], rest[part.size:]
	}
	if len(rest) > 0 {
		return runs.Entry{}, errLength
	}
	return e, nil
}

// decodeJournal reads and checks the value of a journal entry.
func decodeJournal(sequence uint64, v []byte) (runs.Entry, error) {
	e, err := openJournal(sequence, v)
	if err != nil {
		return runs.Entry{}, err
	}
	sums := v[len(v)-len(e.RecordSums)-len(e.RemovedSums):]
	if !hasChecksum(v) || !bytes.Equal(sums, runs.AppendSums(runs.AppendSums(nil, e.Records, recordSize), e.Removed, hashSize)) {
		return runs.Entry{}, errChecksum
	}
	if !ascending(e.Records, recordSize) || !ascending(e.Removed, hashSize) {
		return runs.Entry{}, errOrder
	}
	e.RecordSums, e.RemovedSums = nil, nil // checked
	return e, nil
}

// putChecksum puts the checksum into the first four bytes of v and returns v.
func putChecksum(v []byte) []byte {
	binary.BigEndian.PutUint32(v, crc32.Checksum(v[4:], castagnoli))
	return v
}

// hasChecksum reports whether the checksum of v is right.
func hasChecksum(v []byte) bool {
	return binary.BigEndian.Uint32(v) == crc32.Checksum(v[4:], castagnoli)
}
