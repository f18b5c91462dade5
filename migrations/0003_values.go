package migrations

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"go.etcd.io/bbolt"

	"keeptrack/store/runs"
)

// What can be wrong with a value of version 2.
var (
	errChecksum = errors.New("the checksum does not match")
	errLength   = errors.New("the value has an impossible length")
	errOrder    = errors.New("the records are out of order")
	errShard    = errors.New("a record belongs to another shard")
)

// checkShard checks the value of a shard, nil if it has none.
func checkShard(shard int, v []byte) error {
	if v == nil {
		return nil
	}
	records := v[4+8:]
	n := len(records)
	switch {
	case !summed(v):
		return errChecksum
	case !ascending(records, runs.RecordSize):
		return errOrder
	case n > 0 && (int(records[0]) != shard || int(records[n-runs.RecordSize]) != shard):
		return errShard
	}
	return nil
}

// shardError has an error name a shard.
func shardError(shard int, err error) error {
	return fmt.Errorf("bucket base, key %02x: %w", shard, err)
}

// readJournal returns the entries of the journal, which must hold all after the
// oldest sequence in the base.
func readJournal(journal *bbolt.Bucket, oldest uint64, check bool) (entries []runs.Entry, err error) {
	next := oldest + 1
	c := journal.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if len(k) != 8 || v != nil || binary.BigEndian.Uint64(k) != next {
			return nil, fmt.Errorf("bucket journal, key %x: expected entry %016x", k, next)
		}
		e, err := readEntry(next, journal.Bucket(k).Get([]byte("changes")), check)
		if err != nil {
			return nil, fmt.Errorf("bucket journal, key %x: %w", k, err)
		}
		entries = append(entries, e)
		next++
	}
	if written := journal.Sequence(); written != next-1 {
		return nil, fmt.Errorf("bucket journal: ends at entry %016x, expected %016x", next-1, written)
	}
	return entries, nil
}

// readEntry finds the lists in the value of a journal entry.
func readEntry(sequence uint64, v []byte, check bool) (e runs.Entry, err error) {
	if len(v) < 4+4 {
		return e, errLength
	}
	body := v[4+4:]
	size := uint64(binary.BigEndian.Uint32(v[4:])) * runs.RecordSize
	if size > uint64(len(body)) || (uint64(len(body))-size)%runs.HashSize != 0 {
		return e, errLength
	}
	e = runs.Entry{Sequence: sequence, Elements: body[:size], Removed: body[size:]}
	switch {
	case !check:
		return e, nil
	case !summed(v):
		return e, errChecksum
	case !ascending(e.Elements, runs.RecordSize) || !ascending(e.Removed, runs.HashSize):
		return e, errOrder
	}
	return e, nil
}

// summed reports whether the checksum that v begins with is right.
func summed(v []byte) bool {
	return binary.BigEndian.Uint32(v) == crc32.Checksum(v[4:], crc32.MakeTable(crc32.Castagnoli))
}

// ascending reports whether the elements of b are in ascending order of info hash,
// none twice.
func ascending(b []byte, size int) bool {
	for ; len(b) > size; b = b[size:] {
		if bytes.Compare(b[:runs.HashSize], b[size:size+runs.HashSize]) >= 0 {
			return false
		}
	}
	return true
}
