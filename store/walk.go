package store

import (
	"fmt"

	"go.etcd.io/bbolt"

	"keeptrack/store/runs"
	"keeptrack/tracker"
)

// atMost returns how many elements a table has at most: those that are in the base
// and in the journal count more than once.
func (t tableTx) atMost() (n int, err error) {
	index, err := t.readIndex()
	if err != nil {
		return 0, err
	}
	entries, err := t.readJournal(t.openJournal)
	n = index.elements()
	for i := range entries {
		n += t.count(entries[i].Elements)
	}
	return n, err
}

// forgetAfter is the number of chunks after which what has been looked at is
// taken out of the process's memory.
const forgetAfter = 128

// walker goes through the elements of a table in order of key.
type walker struct {
	tableTx
	entries []runs.Entry
	merge   *runs.Merge
	cursor  *bbolt.Cursor
	k, v    []byte        // of the chunk to come, nil at the end
	current *runs.Overlay // the chunk that it is in
	index   chunkIndex    // of the chunks that it has come to
}

func (t tableTx) newWalker() (*walker, error) {
	entries, err := t.readJournal(t.decodeWhole)
	if err != nil {
		return nil, err
	}
	merge, err := runs.NewMerge(t.Table, entries, t.lowest())
	if err != nil {
		return nil, err
	}
	w := &walker{tableTx: t, entries: entries, merge: merge, cursor: t.base.Cursor()}
	w.k, w.v = w.cursor.First()
	return w, t.checkFirstChunk(w.k)
}

// next returns the next element, nil at the end. It is valid for as long as the
// transaction.
func (w *walker) next() ([]byte, error) {
	for {
		if w.current != nil {
			if element, _, err := w.current.Next(); err != nil || element != nil {
				return element, err
			}
			w.current = nil
		}
		if w.k == nil {
			forgetTx(w.base.Tx())
			return nil, w.checkComplete(w.entries, w.index[w.index.oldest()].sequence)
		}
		if err := w.open(); err != nil {
			return nil, err
		}
	}
}

// open goes to the next chunk.
func (w *walker) open() error {
	if err := w.checkChunkKey(w.k, w.v); err != nil {
		return w.chunkError(w.k, err)
	}
	low := w.k
	w.k, w.v = w.cursor.Next()
	value := w.chunk(low)
	willNeed(value)
	state, err := w.decodeChunk(bounds{low, w.k}, value)
	if err != nil {
		return w.chunkError(low, err)
	}
	if newest := w.journal.Sequence(); state.sequence > newest {
		return w.chunkError(low, errAhead{state.sequence, newest})
	}
	w.current = runs.NewOverlay(state.elements, state.sequence, w.k, w.merge)
	if w.index = append(w.index, chunk{string(low), state.sequence, w.count(state.elements)}); len(w.index)%forgetAfter == 0 {
		forgetTx(w.base.Tx())
	}
	return nil
}

// walk calls fn for every element in order of key. It returns the index of the
// chunks and the number of journal entries.
func (t tableTx) walk(fn func(element []byte)) (index chunkIndex, entries int, err error) {
	w, err := t.newWalker()
	if err != nil {
		return nil, 0, err
	}
	for {
		element, err := w.next()
		if err != nil || element == nil {
			return w.index, len(w.entries), err
		}
		fn(element)
	}
}

// walk calls fn for every record in order of info hash. It returns the index of
// the chunks and the number of journal entries.
func walk(tx *bbolt.Tx, fn func(tracker.Record)) (index chunkIndex, entries int, err error) {
	return recordTable.in(tx).walk(func(element []byte) { fn(readRecord(element)) })
}

// errAhead says that a chunk contains entries that the journal never had.
type errAhead struct{ sequence, newest uint64 }

func (e errAhead) Error() string {
	return fmt.Sprintf("sequence %016x, the journal's is %016x", e.sequence, e.newest)
}
