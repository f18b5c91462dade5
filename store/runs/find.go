package runs

import (
	"bytes"
	"encoding/binary"
	"math"
	"sort"
)

// Finder looks keys up in entries, in ascending order.
type Finder struct {
	cursors []cursor // those of the newest entry first
	// prefixes has for each cursor the beginning of the key that it is at: of
	// most that is enough to pass over them.
	prefixes []uint64
	above    uint64 // the sequence that Find was last called with
	newer    int    // of the cursors, those of entries above that
}

// NewFinder returns a Finder for entries in ascending order of sequence.
func NewFinder(t *Table, entries []Entry) *Finder {
	f := &Finder{cursors: make([]cursor, 0, 2*len(entries)), prefixes: make([]uint64, 2*len(entries))}
	for i := len(entries) - 1; i >= 0; i-- {
		elements, removed := entries[i].cursors(t)
		f.cursors = append(f.cursors, elements, removed)
	}
	f.newer = len(f.cursors)
	return f
}

// Find returns what the newest entry above a sequence that names the key says of
// it. No later call may ask for a key before it.
func (f *Finder) Find(key []byte, above uint64) (change Change, found bool, err error) {
	if above != f.above {
		f.above = above
		f.newer = sort.Search(len(f.cursors), func(i int) bool { return f.cursors[i].sequence <= above })
	}
	prefix := binary.BigEndian.Uint64(key)
	for i, at := range f.prefixes[:f.newer] {
		if at > prefix {
			continue
		}
		c := &f.cursors[i]
		if err := c.named(c.seek(key)); err != nil {
			return Change{}, false, err
		}
		if c.ended() {
			f.prefixes[i] = math.MaxUint64
			continue
		}
		c.mark()
		f.prefixes[i] = c.prefix
		if bytes.Equal(c.key(c.at), key) {
			return c.change(), true, nil
		}
	}
	return Change{}, false, nil
}
