package store

import (
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
// two lists a page, which the kernel brings in with those around it.
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
	src      Source
	floors   func() ReplayFloors
	sequence uint64 // of the journal entry; 0: there was nothing to write
	index    chunkIndex
	gone     int    // records that were in the file alone and have expired
	scratch  []byte // for the records that are rewritten
	values   []byte // in the transaction
}

// write makes one transaction of a batch and adds it to the result.
func (s *Store) write(w *writing, res *Result) error {
	w.sort()
	var floors ReplayFloors
	written, err := s.transact(func(tx *bbolt.Tx) error {
		if err := guarded(func() error { return w.write(tx, s.index, s.limits) }); err != nil {
			return err
		}
		floors = w.floors()
		return putFloors(tx, floors)
	})
	forget(s.db) // what it has looked at would count as memory in use
	if err != nil {
		// It may be in the file nevertheless, as a later look will tell.
		s.index, s.doubt = nil, &doubt{w.sequence, tracker.Settlement{Partial: slices.Clone(w.partial), Expired: w.gone}}
		return err
	}
	w.src.Settle(tracker.Settlement{Taken: len(w.taken), Partial: w.partial, Expired: w.gone})
	s.floors, s.index = floors, w.index
	res.Records += len(w.records) / recordSize
	res.Removed += len(w.removed) / hashSize
	res.Bytes += written
	return nil
}

// write rewrites the share of the base that the batch has to pay for, adds the
// batch to the journal and drops the entries that no chunk needs any more. index
// is that of the file, nil if it is not known.
func (w *writing) write(tx *bbolt.Tx, index chunkIndex, l limits) (err error) {
	chunks, journal := tx.Bucket(bucketChunks), tx.Bucket(bucketJournal)
	w.sequence, w.gone, w.values = 0, 0, w.values[:0]
	if index == nil {
		if index, err = readIndex(chunks); err != nil {
			return err
		}
	}
	w.index = slices.Clone(index)
	entries, err := readJournal(journal, openJournal)
	if err != nil {
		return err
	}
	forgetTx(tx)
	if err := w.encode(&lookup{chunks: chunks, index: w.index, entries: entries}); err != nil {
		return err
	}
	changes := len(w.records)/recordSize + len(w.removed)/hashSize
	if changes == 0 { // all partial, and nothing new
		return nil
	}
	if w.sequence, err = journal.NextSequence(); err != nil {
		return err
	}
	due := max(rewriteFactor*changes, l.share(w.index.records()))
	w.values = slices.Grow(w.values, 2*len(w.records)+2*len(w.removed)+(due+2*l.cutting.most)*recordSize)
	w.values = appendJournal(w.values, w.records, w.removed)
	value := w.values
	entries = append(entries, runs.Entry{Sequence: w.sequence, Records: w.records, Removed: w.removed})
	if err := w.rewrite(chunks, entries, l.cutting, uint64(due)); err != nil {
		return err
	}
	oldest := w.index[w.index.oldest()].sequence
	if oldest < w.sequence {
		if err := putChanges(journal, w.sequence, value); err != nil {
			return err
		}
	}
	return dropChanges(journal, oldest)
}

// rewrite rewrites the chunks with the oldest sequence until due records have
// been rewritten. What the last run was too much is kept in the bucket's own
// sequence number and counts for the next batches.
func (w *writing) rewrite(chunks *bbolt.Bucket, entries []runs.Entry, c cutting, due uint64) error {
	r := rewriter{chunks: chunks, cutting: c, index: w.index, entries: entries, sequence: w.sequence,
		expired: w.src.Expired, records: w.scratch, values: w.values}
	done, err := r.rewrite(chunks.Sequence(), due)
	if err != nil {
		return err
	}
	w.index, w.gone, w.scratch, w.values = r.index, r.gone, r.records, r.values
	return chunks.SetSequence(done - due)
}

// doubt is a batch whose transaction has failed, maybe too late to keep it from
// taking effect.
type doubt struct {
	sequence   uint64 // of its journal entry
	settlement tracker.Settlement
}

// settleDoubt finds out whether the last batch that failed is in the file. If
// so, its partial changes are: written once more, they would count twice.
func (s *Store) settleDoubt(src Source) error {
	if s.doubt == nil {
		return nil
	}
	err := s.db.View(func(tx *bbolt.Tx) error {
		return guarded(func() error {
			if d := s.doubt; d.sequence > 0 && tx.Bucket(bucketJournal).Sequence() >= d.sequence {
				src.Settle(d.settlement)
			}
			return nil
		})
	})
	if err == nil {
		s.doubt = nil
	}
	return err
}
