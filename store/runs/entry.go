// Package runs merges journal entries: lists of changed records and of removed
// info hashes, each in ascending order of info hash. The newest entry that names
// a torrent prevails. Nothing is copied, and the memory that a merge needs does
// not grow with the length of the entries.
package runs

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// RecordSize is the number of bytes of a record: an info hash, the last announce
// and the count.
const RecordSize = HashSize + 4 + 8

// Entry is a journal entry. It is a value without a position: Merge and Find
// make their own.
type Entry struct {
	Sequence uint64
	// Records are the changed records and Removed the info hashes of torrents
	// removed, ascending, none twice. One that is in both counts as changed.
	Records, Removed []byte
	// RecordSums and RemovedSums are what AppendSums has for them, or nil if
	// both have been checked already.
	RecordSums, RemovedSums []byte
}

// Change is what an entry says of a torrent.
type Change struct {
	Hash     []byte // info hash
	Record   []byte // nil: the torrent was removed
	Sequence uint64 // of the entry
}

// cursor goes through an entry's records or its removed hashes.
type cursor struct {
	list
	sequence uint64
	records  bool
	prefix   uint64 // of the info hash that it is at, once it is marked
}

func (e *Entry) cursors() (records, removed cursor) {
	return cursor{list: newList(e.Records, RecordSize, e.RecordSums), sequence: e.Sequence, records: true},
		cursor{list: newList(e.Removed, HashSize, e.RemovedSums), sequence: e.Sequence}
}

// mark notes the beginning of the info hash that the cursor is at: comparing that
// is enough for most.
func (c *cursor) mark() { c.prefix = binary.BigEndian.Uint64(c.hash(c.at)) }

// change returns what the cursor is at.
func (c *cursor) change() Change {
	e := c.element(c.at)
	if !c.records {
		return Change{Hash: e, Sequence: c.sequence}
	}
	return Change{Hash: e[:HashSize], Record: e, Sequence: c.sequence}
}

// before orders marked cursors by info hash, the newest entry first.
func (c *cursor) before(d *cursor) bool {
	if c.prefix != d.prefix {
		return c.prefix < d.prefix
	}
	switch order := bytes.Compare(c.hash(c.at), d.hash(d.at)); {
	case order != 0:
		return order < 0
	case c.sequence != d.sequence:
		return c.sequence > d.sequence
	default:
		return c.records && !d.records
	}
}

// named has an error in reading the entry name it.
func (c *cursor) named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("bucket journal, key %016x: %w", c.sequence, err)
}
