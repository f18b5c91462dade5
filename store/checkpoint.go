package store

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// rewriteFactor is the number of base records rewritten for each change that
// goes to the journal. With 2, the base has been rewritten whole when half as
// many changes as it has records have been written, so that the journal grows
// to half the size of the base; and a change costs three records' writing.
const rewriteFactor = 2

// Result says what a checkpoint did.
type Result struct {
	Records int // changed and new torrents written
	Removed int // torrents removed
	// Bytes is what went to the file, its bookkeeping included.
	Bytes int64
}

// Checkpoint takes what has changed from src and writes it; when it returns
// without error, that is on disk. It goes through the shards in order, in
// transactions of bounded size, and writes nothing when nothing has changed.
// On an error the changes not written have been given back to src, and the next
// checkpoint writes them; Result tells what was written nevertheless. If another
// file is at the path meanwhile, or none, that is an error too, although all is
// written to the file that is open. It refuses to write before Load has
// succeeded: src would lack what is in the file, and shards would be rewritten
// without it.
func (s *Store) Checkpoint(src Source) (Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.loaded {
		return Result{}, fmt.Errorf("database %s: nothing can be written before it is loaded", s.path)
	}
	var res Result
	err := s.settle()
	if err == nil {
		err = s.checkpoint(src, &res)
		forget(s.db) // what it has looked at would count as memory in use
	}
	if err == nil {
		err = s.gone()
	}
	if err != nil {
		return res, fmt.Errorf("writing database %s: %w", s.path, err)
	}
	return res, nil
}

// gone returns an error if the file that is open, and goes on being written to,
// is no longer the one that will be opened at the next start.
func (s *Store) gone() error {
	same, err := sameFile(s.path, s.file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !same {
		return errors.New("the file was replaced or deleted while it was open, nothing written since is kept")
	}
	return err
}

// checkpoint cuts the changes into batches and writes each.
func (s *Store) checkpoint(src Source, res *Result) error {
	var b batch
	wrote := false
	for shard := range tracker.ShardCount {
		b.take(src, shard)
		last := shard == tracker.ShardCount-1
		if b.len() == 0 || b.len() < s.batchSize && !last {
			continue
		}
		if err := s.write(src, &b, res); err != nil {
			b.restore(src)
			return err
		}
		b.reset()
		wrote = true
	}
	if wrote {
		return nil
	}
	return s.writeMarks(res)
}

// write makes one transaction of a batch and adds it to the result.
func (s *Store) write(src Source, b *batch, res *Result) error {
	var marks Marks
	written, err := s.transact(func(tx *bbolt.Tx) error {
		if err := writeBatch(tx, src, b); err != nil {
			return err
		}
		marks = s.takeMarks()
		return putMarks(tx, marks)
	})
	if err != nil {
		return err
	}
	s.marks = marks
	res.Records += len(b.changes.Records)
	res.Removed += len(b.changes.Removed)
	res.Bytes += written
	return nil
}

// writeBatch rewrites the share of the base that the batch has to pay for, adds
// the batch to the journal and drops the entries that no shard needs any more.
func writeBatch(tx *bbolt.Tx, src Source, b *batch) error {
	base, journal := tx.Bucket(bucketBase), tx.Bucket(bucketJournal)
	sequence, err := journal.NextSequence()
	if err != nil {
		return err
	}
	oldest, err := b.rewriteBase(base, src, sequence)
	if err != nil {
		return err
	}
	if oldest < sequence {
		if err := putChanges(journal, sequence, encodeJournal(&b.changes)); err != nil {
			return err
		}
	}
	return dropChanges(journal, oldest)
}

// rewriteBase rewrites the shards with the oldest base until rewriteFactor
// records have been rewritten for each change in the batch. What the last shard
// was too much is kept in the base bucket's own sequence number and counts for
// the next batches. It returns the oldest sequence left in the base.
//
// The records may be newer than the batch, as the tracker goes on meanwhile:
// what changed since is marked, so that it also comes with a later entry.
func (b *batch) rewriteBase(base *bbolt.Bucket, src Source, sequence uint64) (oldest uint64, err error) {
	sequences, err := baseSequences(base)
	if err != nil {
		return 0, err
	}
	due, done := rewriteFactor*uint64(b.len()), base.Sequence()
	for done < due {
		shard := slices.Index(sequences[:], slices.Min(sequences[:]))
		if sequences[shard] == sequence { // all are new
			done = due
			break
		}
		b.records = src.Records(shard, b.records[:0])
		slices.SortFunc(b.records, compareRecords)
		if err := putState(base, shard, encodeBase(sequence, b.records)); err != nil {
			return 0, err
		}
		sequences[shard] = sequence
		done += max(1, uint64(len(b.records))) // an empty shard is not free
	}
	return slices.Min(sequences[:]), base.SetSequence(done - due)
}
