package store

import (
	"fmt"

	"go.etcd.io/bbolt"

	"keeptrack/store/runs"
	"keeptrack/tracker"
)

// Load calls fn for every record in the file, once each, in order of info hash,
// and returns their number. The memory that it needs does not grow with the
// file. Damage is an error that names file, bucket and key; fn may have been
// called before it was found. fn must not call the store.
func (s *Store) Load(fn func(tracker.Record)) (int, error) {
	n, _, err := s.LoadMost(0, func(r tracker.Record, _ bool) { fn(r) })
	return n, err
}

// LoadMost is Load for who has room for limit records; 0 is no limit. Those with
// the most downloads, and of equals the latest announced, fit. It returns how many
// do and how many are left in the file alone. When there are too many it goes
// through the file up to eight times, most often four.
func (s *Store) LoadMost(limit int, fn func(r tracker.Record, fits bool)) (loaded, left int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var index chunkIndex
	err = s.db.View(func(tx *bbolt.Tx) error {
		err := guarded(func() error {
			takes, err := choose(tx, limit)
			if err != nil {
				return err
			}
			index, _, err = walk(tx, func(r tracker.Record) {
				fits := takes(r)
				if fits {
					loaded++
				} else {
					left++
				}
				fn(r, fits)
			})
			return err
		})
		if err != nil {
			return damaged(s.path, err)
		}
		return nil
	})
	if err == nil {
		s.loaded, s.index = true, index
	}
	return loaded, left, err
}

// choose returns what tells the records that fit; it is to be asked for each, in
// order of info hash.
func choose(tx *bbolt.Tx, limit int) (takes func(tracker.Record) bool, err error) {
	all := func(tracker.Record) bool { return true }
	if limit == 0 {
		return all, nil
	}
	if most, err := atMost(tx); err != nil || most <= limit {
		return all, err
	}
	c, err := findCut(tx, limit)
	return c.takes, err
}

// atMost returns how many records a file has at most: torrents that are in the
// base and in the journal count more than once.
func atMost(tx *bbolt.Tx) (n int, err error) {
	index, err := readIndex(tx.Bucket(bucketChunks))
	if err != nil {
		return 0, err
	}
	entries, err := readJournal(tx.Bucket(bucketJournal), openJournal)
	n = index.records()
	for i := range entries {
		n += len(entries[i].Records) / recordSize
	}
	return n, err
}

// forgetAfter is the number of chunks after which what has been looked at is
// taken out of the process's memory.
const forgetAfter = 128

// walk calls fn for every record in order of info hash. It returns the index of
// the chunks and the number of journal entries.
func walk(tx *bbolt.Tx, fn func(tracker.Record)) (index chunkIndex, length int, err error) {
	chunks, journal := tx.Bucket(bucketChunks), tx.Bucket(bucketJournal)
	entries, err := readJournal(journal, decodeWhole)
	if err != nil {
		return nil, 0, err
	}
	merge, err := runs.NewMerge(entries, make([]byte, hashSize))
	if err != nil {
		return nil, 0, err
	}
	c := chunks.Cursor()
	k, v := c.First()
	if err := checkFirstChunk(k); err != nil {
		return nil, 0, err
	}
	for k != nil {
		if err := checkChunkKey(k, v); err != nil {
			return nil, 0, chunkError(k, err)
		}
		low := k
		k, v = c.Next()
		state, err := walkChunk(chunkValueOf(chunks, low), bounds{low, k}, merge, fn)
		if err != nil {
			return nil, 0, err
		}
		if newest := journal.Sequence(); state.sequence > newest {
			return nil, 0, chunkError(low, errAhead{state.sequence, newest})
		}
		index = append(index, chunk{tracker.InfoHash(low), state.sequence, len(state.records) / recordSize})
		if len(index)%forgetAfter == 0 {
			forgetTx(tx)
		}
	}
	forgetTx(tx)
	return index, len(entries), checkComplete(journal, entries, index[index.oldest()].sequence)
}

// walkChunk calls fn for the records of a chunk and returns the chunk.
func walkChunk(value []byte, b bounds, merge *runs.Merge, fn func(tracker.Record)) (state chunkValue, err error) {
	willNeed(value)
	if state, err = decodeChunk(b, value); err != nil {
		return state, chunkError(b.low, err)
	}
	records := runs.NewOverlay(state.records, state.sequence, b.high, merge)
	for {
		record, _, err := records.Next()
		if err != nil || record == nil {
			return state, err
		}
		fn(readRecord(record))
	}
}

// errAhead says that a chunk contains entries that the journal never had.
type errAhead struct{ sequence, newest uint64 }

func (e errAhead) Error() string {
	return fmt.Sprintf("sequence %016x, the journal's is %016x", e.sequence, e.newest)
}
