package store

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"keeptrack/tracker"
)

// Both kinds of value begin with the CRC-32C of everything after it.
const (
	baseHeader    = 4 + 8 // checksum, sequence
	journalHeader = 4 + 4 // checksum, number of changed records
)

// What can be wrong with a value.
var (
	errChecksum = errors.New("the checksum does not match")
	errLength   = errors.New("the value has an impossible length")
	errOrder    = errors.New("the records are out of order")
	errShard    = errors.New("a record belongs to another shard")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// baseValue is the state of one shard: every record that it had, at least as
// new as the journal entry of that sequence. records is a part of the value
// decoded, sorted by info hash.
type baseValue struct {
	sequence uint64
	records  []byte
}

// journalValue is what a journal entry changes. Both slices are parts of the
// value decoded, sorted by info hash.
type journalValue struct {
	records, removed []byte
}

// encodeBase returns the base value of a shard with records, sorted.
func encodeBase(sequence uint64, records []tracker.Record) []byte {
	v := make([]byte, 4, baseHeader+len(records)*recordSize)
	v = binary.BigEndian.AppendUint64(v, sequence)
	for _, r := range records {
		v = appendRecord(v, r)
	}
	return seal(v)
}

// decodeBase reads and checks the base value of a shard.
func decodeBase(shard int, v []byte) (baseValue, error) {
	if len(v) < baseHeader || (len(v)-baseHeader)%recordSize != 0 {
		return baseValue{}, errLength
	}
	if !sealed(v) {
		return baseValue{}, errChecksum
	}
	records := v[baseHeader:]
	if !ascending(records, recordSize) {
		return baseValue{}, errOrder
	}
	if n := len(records); n > 0 && (int(records[0]) != shard || int(records[n-recordSize]) != shard) {
		return baseValue{}, errShard
	}
	return baseValue{sequence: baseSequence(v), records: records}, nil
}

// baseSequence reads the sequence of a base value of at least baseHeader bytes
// and checks nothing.
func baseSequence(v []byte) uint64 { return binary.BigEndian.Uint64(v[4:baseHeader]) }

// encodeJournal returns the journal value for changes, both lists sorted.
func encodeJournal(c *tracker.Changes) []byte {
	v := make([]byte, 4, journalHeader+len(c.Records)*recordSize+len(c.Removed)*hashSize)
	v = binary.BigEndian.AppendUint32(v, uint32(len(c.Records)))
	for _, r := range c.Records {
		v = appendRecord(v, r)
	}
	for _, h := range c.Removed {
		v = append(v, h[:]...)
	}
	return seal(v)
}

// decodeJournal reads and checks a journal value.
func decodeJournal(v []byte) (journalValue, error) {
	if len(v) < journalHeader {
		return journalValue{}, errLength
	}
	body := v[journalHeader:]
	size := uint64(binary.BigEndian.Uint32(v[4:])) * recordSize
	if size > uint64(len(body)) || (uint64(len(body))-size)%hashSize != 0 {
		return journalValue{}, errLength
	}
	if !sealed(v) {
		return journalValue{}, errChecksum
	}
	j := journalValue{records: body[:size], removed: body[size:]}
	if !ascending(j.records, recordSize) || !ascending(j.removed, hashSize) {
		return journalValue{}, errOrder
	}
	return j, nil
}

// seal puts the checksum into the first four bytes of v and returns v.
func seal(v []byte) []byte {
	binary.BigEndian.PutUint32(v, crc32.Checksum(v[4:], castagnoli))
	return v
}

// sealed reports whether the checksum of v is right.
func sealed(v []byte) bool {
	return binary.BigEndian.Uint32(v) == crc32.Checksum(v[4:], castagnoli)
}
