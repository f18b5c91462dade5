package store

import (
	"bytes"
	"slices"

	"go.etcd.io/bbolt"

	"keeptrack/store/runs"
	"keeptrack/tracker"
)

// limits bound what is written at a time.
type limits struct {
	batch   int // changes that close a journal entry
	entries int // that the journal holds at most, about, unless the base is large: see share
	cutting cutting
}

// usual are the limits except in tests and where memory is short.
var usual = limits{batch: maxBatch, entries: mostEntries, cutting: normal}

// changeBytes is about what a checkpoint needs of memory for each change of a
// batch: it is taken, sorted and encoded, two records are rewritten for it, and
// bbolt copies what is written.
const changeBytes = 512

// entryBytes is about what a checkpoint has of each journal entry in memory: of its
// two lists a page, which the kernel brings in with those around it. The tables are
// written one after the other.
const entryBytes = 128 << 10

// A batch may have minBatch changes, and the journal about minEntries, in any case.
const (
	minBatch   = 1024
	minEntries = 16
)

// LimitMemory has checkpoints need about n bytes of memory at most, rather than
// 64 MiB: half for changes and half for the journal. With 0 it stays at that, and with
// little it is 3 MiB. It is to be called before the first checkpoint.
func (s *Store) LimitMemory(n int64) {
	if n > 0 {
		s.limits.batch = int(min(max(n/2/changeBytes, minBatch), maxBatch))
		s.limits.entries = int(min(max(n/2/entryBytes, minEntries), mostEntries))
	}
}

// share returns how many records of n in the base every batch rewrites at least, so
// that small ones do not make the journal longer and longer. A large base is no
// reason for more than a full batch rewrites.
func (l limits) share(n int) int { return min(n/l.entries, rewriteFactor*l.batch) }

// writing is a batch on its way into the file. What it has allocated is used
// again for the next.
type writing struct {
	batch
	src   Source
	along Along
}

// write makes one transaction of a batch and adds it to the result.
func (s *Store) write(w *writing, res *Result) error {
	w.sort()
	var floors ReplayFloors
	written, err := s.transact(func(tx *bbolt.Tx) error {
		if err := guarded(func() error { return w.write(tx, s.index, s.limits) }); err != nil {
			return err
		}
		floors = w.along.floors()
		return putFloors(tx, floors)
	})
	forget(s.db) // what it has looked at would count as memory in use
	if err != nil {
		// It may be in the file nevertheless, as a later look will tell.
		done := tracker.Settlement{Partial: slices.Clone(w.partial), Expired: w.records.gone}
		s.index, s.doubt = indexes{}, &doubt{w.records.sequence, done}
		return err
	}
	w.src.Settle(tracker.Settlement{Taken: len(w.taken), Partial: w.partial, Expired: w.records.gone})
	s.floors, s.index = floors, indexes{w.records.index, w.parts.index}
	res.Records += recordTable.count(w.records.elements)
	res.Removed += len(w.records.removed) / hashSize
	res.Bytes += written
	return nil
}

// indexes are those of a file's tables, nil if they are not known.
type indexes struct{ records, parts chunkIndex }

// write writes what the batch has for each table, and the origins. index is that of
// the file.
func (w *writing) write(tx *bbolt.Tx, index indexes, l limits) (err error) {
	w.records.begin()
	w.parts.begin()
	if w.origins, err = w.along.putOrigins(tx); err != nil {
		return err
	}
	records, err := recordTable.in(tx).newLookup(index.records)
	if err != nil {
		return err
	}
	parts, err := partTable.in(tx).newLookup(index.parts)
	if err != nil {
		return err
	}
	forgetTx(tx)
	if err := w.encode(records, parts); err != nil {
		return err
	}
	e := expiry{w.src, &w.batch, parts.again(), tracker.InfoHash{}}
	if err := w.records.write(records, l, e.drop); err != nil {
		return err
	}
	w.parts.sortRemoved(partTable)
	return w.parts.write(parts, l, func(part []byte, _ bool) (bool, error) { return w.origins.drops(readPart(part)), nil })
}

// tableBatch is what a batch has for a table.
type tableBatch struct {
	elements, removed []byte // encoded, ascending
	sequence          uint64 // of the journal entry; 0: there was nothing to write
	index             chunkIndex
	gone              int // elements that were in the file alone and have been dropped

	scratch []byte // for the elements that are rewritten
	values  []byte // in the transaction
}

// begin makes ready for a transaction.
func (b *tableBatch) begin() {
	b.elements, b.removed, b.values = b.elements[:0], b.removed[:0], b.values[:0]
	b.sequence, b.index, b.gone = 0, nil, 0
}

// sortRemoved puts the removed keys in order.
func (b *tableBatch) sortRemoved(t *table) {
	keys := slices.SortedFunc(slices.Chunk(b.removed, t.Key), bytes.Compare)
	b.removed = bytes.Join(keys, nil)
}

// write rewrites the share of the base that the batch has to pay for, adds the
// batch to the journal and drops the entries that no chunk needs any more. drop is as
// rewriter has it.
func (b *tableBatch) write(t *lookup, l limits, drop func([]byte, bool) (bool, error)) (err error) {
	b.index = t.index
	changes := t.count(b.elements) + len(b.removed)/t.Key
	if changes == 0 { // all partial, and nothing new
		return nil
	}
	if b.sequence, err = t.journal.NextSequence(); err != nil {
		return err
	}
	due := max(rewriteFactor*changes, l.share(b.index.elements()))
	b.values = slices.Grow(b.values, 2*len(b.elements)+2*len(b.removed)+(due+2*l.cutting.most)*t.Element)
	b.values = t.appendJournal(b.values, b.elements, b.removed)
	value := b.values
	entries := append(t.entries, runs.Entry{Sequence: b.sequence, Elements: b.elements, Removed: b.removed})
	if err := b.rewrite(t.tableTx, entries, l.cutting, uint64(due), drop); err != nil {
		return err
	}
	oldest := b.index[b.index.oldest()].sequence
	if oldest < b.sequence {
		if err := t.putChanges(b.sequence, value); err != nil {
			return err
		}
	}
	return t.dropChanges(oldest)
}

// rewrite rewrites the chunks with the oldest sequence until due elements have
// been rewritten. What the last run was too much is kept in the bucket's own
// sequence number and counts for the next batches.
func (b *tableBatch) rewrite(t tableTx, entries []runs.Entry, c cutting, due uint64, drop func([]byte, bool) (bool, error)) error {
	r := rewriter{tableTx: t, cutting: c, index: slices.Clone(b.index), entries: entries, sequence: b.sequence,
		drop: drop, elements: b.scratch, values: b.values}
	done, err := r.rewrite(t.base.Sequence(), due)
	if err != nil {
		return err
	}
	b.index, b.gone, b.scratch, b.values = r.index, r.gone, r.elements, r.values
	return t.base.SetSequence(done - due)
}
