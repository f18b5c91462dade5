package store

import (
	"bytes"
	"slices"

	"go.etcd.io/bbolt"

	"keeptrack/store/runs"
	"keeptrack/tracker"
)

// cutting says into how many records chunks are cut.
type cutting struct {
	target int // about as many as this; with half of it a chunk is joined with the next
	most   int // at most maxChunk
}

// normal is how chunks are cut except in tests: three make 288 KiB, and one that is
// cut in two when it has grown is not joined again soon.
var normal = cutting{target: 3000, most: maxChunk}

// maxRun is the number of records after which a run ends, which bounds the
// memory that it needs.
const maxRun = rewriteFactor * maxBatch

// rewriter rewrites chunks of the base from what the file holds: a chunk and the
// journal entries after it.
type rewriter struct {
	chunks   *bbolt.Bucket
	cutting  cutting
	index    chunkIndex
	entries  []runs.Entry
	sequence uint64 // of the newest entry, which rewritten chunks contain
	// expired reports whether a record that the newest entry does not have is
	// to go.
	expired func(tracker.Record) bool
	gone    int // records that have expired
	looked  footprint

	records []byte // of the run; scratch
	values  []byte // written, in use until the transaction ends
}

// piece is a part of what a run writes: a chunk to be.
type piece struct {
	low      tracker.InfoHash
	sequence uint64
	records  []byte
}

// rewrite rewrites the chunks with the oldest sequence until due records have
// been rewritten, of which done have been before. It returns how many have been
// in the end, at least due.
func (w *rewriter) rewrite(done, due uint64) (uint64, error) {
	for done < due {
		oldest := w.index.oldest()
		if w.index[oldest].sequence == w.sequence { // all are new
			return due, nil
		}
		n, err := w.run(oldest, int(min(due-done, maxRun)))
		if err != nil {
			return 0, err
		}
		done += uint64(max(n, 1)) // empty chunks are not free
	}
	return done, nil
}

// run rewrites chunks from the first on, as many as it takes to have want
// records, and cuts the records anew into chunks of one length. It returns the
// number of records that it has looked at.
func (w *rewriter) run(first, want int) (looked int, err error) {
	merge, err := runs.NewMerge(w.entries, w.index[first].low[:])
	if err != nil {
		return 0, err
	}
	forgetTx(w.chunks.Tx()) // it has searched every entry
	least := w.cutting.target / 2
	limit := max(want, least) + w.cutting.most
	w.records = slices.Grow(w.records[:0], limit*recordSize)
	next := first
	for rest := (*piece)(nil); ; next++ {
		n := len(w.records) / recordSize
		if rest != nil || next == len(w.index) || looked >= limit ||
			n >= least && (n >= want || w.index[next].sequence == w.sequence) {
			return looked, w.replace(first, next, rest)
		}
		var seen int
		if rest, seen, err = w.gather(next, limit, merge); err != nil {
			return 0, err
		}
		looked += seen
	}
}

// gather adds the records of a chunk to those of the run and returns how many it
// has looked at. When that makes more than limit, it stops and returns what it has
// not come to: a chunk like the one that it began with.
func (w *rewriter) gather(i, limit int, merge *runs.Merge) (rest *piece, looked int, err error) {
	w.looked.grow(w.chunks.Tx(), len(w.entries))
	state, err := w.index.read(w.chunks, i)
	if err != nil {
		return nil, 0, err
	}
	all := runs.NewOverlay(state.records, state.sequence, w.index.bounds(i).high, merge)
	for ; ; looked++ {
		left := all.Left()
		record, sequence, err := all.Next()
		if err != nil || record == nil {
			return nil, looked, err
		}
		if len(w.records)/recordSize == limit {
			for len(left) > 0 && bytes.Compare(left[:hashSize], record[:hashSize]) < 0 {
				left = left[recordSize:]
			}
			return &piece{tracker.InfoHash(record[:hashSize]), state.sequence, left}, looked, nil
		}
		if sequence != w.sequence && w.expired(readRecord(record)) {
			w.gone++
			continue
		}
		w.records = append(w.records, record...)
	}
}

// replace puts the records of the run and the rest in place of chunks.
func (w *rewriter) replace(first, next int, rest *piece) error {
	pieces := w.cut(w.index[first].low)
	if rest != nil {
		pieces = append(pieces, *rest)
	}
	for i := first + 1; i < next; i++ {
		if err := w.chunks.DeleteBucket(w.index[i].low[:]); err != nil {
			return chunkError(w.index[i].low[:], err)
		}
	}
	made := make(chunkIndex, 0, len(pieces))
	for _, p := range pieces {
		at := len(w.values)
		w.values = appendChunk(w.values, p.sequence, p.records)
		if err := putChunk(w.chunks, p.low, w.values[at:]); err != nil {
			return err
		}
		made = append(made, chunk{p.low, p.sequence, len(p.records) / recordSize})
	}
	w.index = slices.Replace(w.index, first, next, made...)
	return nil
}

// cut cuts the records of the run, which begins at low, into chunks.
func (w *rewriter) cut(low tracker.InfoHash) []piece {
	total := len(w.records) / recordSize
	n := max(1, (total+w.cutting.most-1)/w.cutting.most, (total+w.cutting.target/2)/w.cutting.target)
	pieces := make([]piece, n)
	for i := range pieces {
		records := w.records[total*i/n*recordSize : total*(i+1)/n*recordSize]
		if i > 0 {
			low = tracker.InfoHash(records[:hashSize])
		}
		pieces[i] = piece{low, w.sequence, records}
	}
	return pieces
}
