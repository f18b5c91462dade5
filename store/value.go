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
	journalHeader = 4 + 4 + 4 // checksum, number of changed elements, of removed keys
)

// maxChunk is the number of elements that a chunk has at most: 128 KiB of records,
// 144 KiB of parts.
const maxChunk = 4096

// What can be wrong with a value.
var (
	errChecksum = runs.ErrChecksum
	errLength   = errors.New("the value has an impossible length")
	errOrder    = errors.New("the elements are out of order")
	errRange    = errors.New("an element belongs to another chunk")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// chunkValue is a chunk of the base: every element within its range, as of the
// journal entry of that sequence. elements is a part of the value decoded,
// ascending by key.
type chunkValue struct {
	sequence uint64
	elements []byte
}

// bounds is a range of keys: from low to below high, of which nil is past
// the last.
type bounds struct{ low, high []byte }

// hold reports whether a key is within the bounds.
func (b bounds) hold(key []byte) bool {
	return bytes.Compare(key, b.low) >= 0 && (b.high == nil || bytes.Compare(key, b.high) < 0)
}

// appendChunk appends the value of a chunk with elements, encoded and ascending.
func appendChunk(dst []byte, sequence uint64, elements []byte) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint64(dst, sequence)
	dst = append(dst, elements...)
	putChecksum(dst[at:])
	return dst
}

// decodeChunk reads and checks the value of a chunk with the bounds given.
func (t *table) decodeChunk(b bounds, v []byte) (chunkValue, error) {
	if !t.chunkLength(len(v)) {
		return chunkValue{}, errLength
	}
	if !hasChecksum(v) {
		return chunkValue{}, errChecksum
	}
	elements := v[chunkHeader:]
	if !t.ascending(elements, t.Element) {
		return chunkValue{}, errOrder
	}
	if n := t.count(elements); n > 0 && !(b.hold(t.key(elements, 0)) && b.hold(t.key(elements, n-1))) {
		return chunkValue{}, errRange
	}
	return chunkValue{sequence: chunkSequence(v), elements: elements}, nil
}

// chunkLength reports whether the value of a chunk can be n bytes long.
func (t *table) chunkLength(n int) bool {
	n -= chunkHeader
	return n >= 0 && n%t.Element == 0 && n/t.Element <= maxChunk
}

// chunkSequence reads the sequence of a chunk's value of at least chunkHeader
// bytes and checks nothing.
func chunkSequence(v []byte) uint64 { return binary.BigEndian.Uint64(v[4:chunkHeader]) }

// appendJournal appends the value of a journal entry with the elements and
// removed keys given, encoded and ascending.
func (t *table) appendJournal(dst, elements, removed []byte) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(t.count(elements)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(removed)/t.Key))
	dst = append(dst, elements...)
	dst = append(dst, removed...)
	dst = runs.AppendSums(dst, elements, t.Element)
	dst = runs.AppendSums(dst, removed, t.Key)
	putChecksum(dst[at:])
	return dst
}

// openJournal finds the lists in the value of a journal entry. It checks only
// its length: whoever reads the lists checks their blocks.
func (t *table) openJournal(sequence uint64, v []byte) (runs.Entry, error) {
	if len(v) < journalHeader {
		return runs.Entry{}, errLength
	}
	elements, removed := uint64(binary.BigEndian.Uint32(v[4:])), uint64(binary.BigEndian.Uint32(v[8:]))
	e := runs.Entry{Sequence: sequence}
	rest := v[journalHeader:]
	for _, part := range []struct {
		dst  *[]byte
		size uint64
	}{
		{&e.Elements, elements * uint64(t.Element)},
		{&e.Removed, removed * uint64(t.Key)},
		{&e.ElementSums, uint64(runs.SumsSize(int(elements)))},
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
func (t *table) decodeJournal(sequence uint64, v []byte) (runs.Entry, error) {
	e, err := t.openJournal(sequence, v)
	if err != nil {
		return runs.Entry{}, err
	}
	sums := v[len(v)-len(e.ElementSums)-len(e.RemovedSums):]
	if !hasChecksum(v) || !bytes.Equal(sums, runs.AppendSums(runs.AppendSums(nil, e.Elements, t.Element), e.Removed, t.Key)) {
		return runs.Entry{}, errChecksum
	}
	if !t.ascending(e.Elements, t.Element) || !t.ascending(e.Removed, t.Key) {
		return runs.Entry{}, errOrder
	}
	e.ElementSums, e.RemovedSums = nil, nil // checked
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
