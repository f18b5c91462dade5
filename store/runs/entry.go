// Package runs merges journal entries: lists of changed elements and of the keys of
// removed ones, each in ascending order of key. The newest entry that names a key
// prevails. Nothing is copied, and the memory that a merge needs does not grow with
// the length of the entries.
package runs

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Table says what a table's elements are made of.
type Table struct {
	// Journal is the bucket of the table's journal entries, as errors call it.
	Journal string
	// Key is the number of bytes of the key that an element begins with, at least 8,
	// and Element that of all of it.
	Key, Element int
}

// Records is the table of the records, by info hash.
var Records = &Table{Journal: "journal", Key: HashSize, Element: RecordSize}

// Sizes in bytes: of an info hash, and of a record, which has the last announce and
// the count after it.
const (
	HashSize   = 20
	RecordSize = HashSize + 4 + 8
)

// Entry is a journal entry. It is a value without a position: Merge and Find
// make their own.
type Entry struct {
	Sequence uint64
	// Elements are the changed elements and Removed the keys of removed ones,
	// ascending, none twice. One that is in both counts as changed.
	Elements, Removed []byte
	// ElementSums and RemovedSums are what AppendSums has for them, or nil if
	// both have been checked already.
	ElementSums, RemovedSums []byte
}

// Change is what an entry says of a key.
type Change struct {
	Key      []byte
	Element  []byte // nil: it was removed
	Sequence uint64 // of the entry
}

// cursor goes through an entry's elements or its removed keys.
type cursor struct {
	list
	sequence uint64
	elements bool
	prefix   uint64 // of the key that it is at, once it is marked
}

func (e *Entry) cursors(t *Table) (elements, removed cursor) {
	return cursor{list: newList(t, e.Elements, t.Element, e.ElementSums), sequence: e.Sequence, elements: true},
		cursor{list: newList(t, e.Removed, t.Key, e.RemovedSums), sequence: e.Sequence}
}

// mark notes the beginning of the key that the cursor is at: comparing that is
// enough for most.
func (c *cursor) mark() { c.prefix = binary.BigEndian.Uint64(c.key(c.at)) }

// change returns what the cursor is at.
func (c *cursor) change() Change {
	e := c.element(c.at)
	if !c.elements {
		return Change{Key: e, Sequence: c.sequence}
	}
	return Change{Key: e[:c.table.Key], Element: e, Sequence: c.sequence}
}

// before orders marked cursors by key, the newest entry first.
func (c *cursor) before(d *cursor) bool {
	if c.prefix != d.prefix {
		return c.prefix < d.prefix
	}
	switch order := bytes.Compare(c.key(c.at), d.key(d.at)); {
	case order != 0:
		return order < 0
	case c.sequence != d.sequence:
		return c.sequence > d.sequence
	default:
		return c.elements && !d.elements
	}
}

// named has an error in reading the entry name it.
func (c *cursor) named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("bucket %s, key %016x: %w", c.table.Journal, c.sequence, err)
}
