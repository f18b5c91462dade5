package store

import (
	"bytes"
	"sort"

	"keeptrack/store/runs"
	"keeptrack/tracker"
)

// lookup finds what a table holds of torrents in ascending order of info hash.
type lookup struct {
	tableTx
	index   chunkIndex
	entries []runs.Entry

	read   bool // a chunk has been, that at
	at     int
	now    chunkValue
	looked footprint

	finder *runs.Finder // of record, nil until something is looked up
	merge  *runs.Merge  // of rows, likewise
}

// newLookup returns a lookup in a table. index is the table's, nil if it is not
// known.
func (t tableTx) newLookup(index chunkIndex) (l *lookup, err error) {
	l = &lookup{tableTx: t, index: index}
	if index == nil {
		if l.index, err = t.readIndex(); err != nil {
			return nil, err
		}
	}
	l.entries, err = t.readJournal(t.openJournal)
	return l, err
}

// again returns the lookup for who begins with the lowest info hash again.
func (l *lookup) again() *lookup {
	return &lookup{tableTx: l.tableTx, index: l.index, entries: l.entries}
}

// record returns the record that the file holds of a torrent. No later call may ask
// for an info hash before h.
func (l *lookup) record(h *tracker.InfoHash) (in tracker.InFile, err error) {
	in.InfoHash = *h
	if l.finder == nil {
		l.finder = runs.NewFinder(l.Table, l.entries)
	}
	if err := l.reach(l.index.of(h[:])); err != nil {
		return in, err
	}
	change, found, err := l.finder.Find(h[:], l.now.sequence)
	record := change.Element
	if err == nil && !found {
		if at := l.from(h[:]); len(at) > 0 && bytes.Equal(l.key(at, 0), h[:]) {
			record = at
		}
	}
	if record != nil {
		in = tracker.InFile{Record: readRecord(record), Found: true}
	}
	return in, err
}

// reach reads chunk i, unless that is the one that was read last.
func (l *lookup) reach(i int) (err error) {
	if l.read && i == l.at {
		return nil
	}
	l.looked.grow(l.base.Tx(), len(l.entries))
	l.now, err = l.index.read(l.tableTx, i)
	l.at, l.read = i, err == nil
	return err
}

// from returns the elements of the chunk from a key on.
func (l *lookup) from(key []byte) []byte {
	elements := l.now.elements
	i := sort.Search(l.count(elements), func(i int) bool { return bytes.Compare(l.key(elements, i), key) >= 0 })
	return elements[i*l.Element:]
}

// empty reports whether the table has nothing.
func (l *lookup) empty() bool { return l.index.elements() == 0 && len(l.entries) == 0 }

// rows calls fn for the elements whose keys begin with an info hash, in order of
// key. Every call must ask for an info hash after the one before. What fn is given
// is valid for as long as the transaction.
func (l *lookup) rows(h *tracker.InfoHash, fn func(element []byte)) (err error) {
	if l.empty() {
		return nil
	}
	low, high := make([]byte, l.Key), next(h, l.Key)
	copy(low, h[:])
	if l.merge == nil {
		l.merge, err = runs.NewMerge(l.Table, l.entries, low)
	} else {
		err = l.merge.Seek(low)
	}
	for i := l.index.of(low); err == nil && i < len(l.index); i++ {
		b := l.index.bounds(i)
		if high != nil && bytes.Compare(b.low, high) >= 0 {
			break
		}
		if err = l.reach(i); err == nil {
			err = l.rowsOf(bounds{low, high}, b, fn)
		}
	}
	return err
}

// rowsOf is rows for the chunk that was read last, which covers c.
func (l *lookup) rowsOf(wanted, c bounds, fn func(element []byte)) error {
	elements, high := l.from(wanted.low), wanted.high
	if high == nil || c.high != nil && bytes.Compare(c.high, high) < 0 {
		high = c.high
	}
	if high != nil {
		elements = elements[:len(elements)-len(l.from(high))]
	}
	o := runs.NewOverlay(elements, l.now.sequence, high, l.merge)
	for {
		element, _, err := o.Next()
		if err != nil || element == nil {
			return err
		}
		fn(element)
	}
}

// next returns the lowest key of so many bytes after those that begin with an info
// hash, nil after the last.
func next(h *tracker.InfoHash, size int) []byte {
	key := make([]byte, size)
	copy(key, h[:])
	for i := len(h) - 1; i >= 0; i-- {
		if key[i]++; key[i] != 0 {
			return key
		}
	}
	return nil
}
