package store

import (
	"bytes"
	"slices"

	"keeptrack/store/runs"
)

// cutting says into how many elements chunks are cut.
type cutting struct {
	target int // about as many as this; with half of it a chunk is joined with the next
	most   int // at most maxChunk
}

// normal is how chunks are cut except in tests: three make 288 KiB, and one that is
// cut in two when it has grown is not joined again soon.
var normal = cutting{target: 3000, most: maxChunk}

// maxRun is the number of elements after which a run ends, which bounds the
// memory that it needs.
const maxRun = rewriteFactor * maxBatch

// rewriter rewrites chunks of the base from what the file holds: a chunk and the
// journal entries after it.
type rewriter struct {
	tableTx
	cutting  cutting
	index    chunkIndex
	entries  []runs.Entry
	sequence uint64 // of the newest entry, which rewritten chunks contain
	// drop reports whether an element, which is the newest entry's or is not, is to go.
	drop   func(element []byte, newest bool) (bool, error)
	gone   int // elements that have been dropped
	looked footprint

	elements []byte // of the run; scratch
	values   []byte // written, in use until the transaction ends
}

// piece is a part of what a run writes: a chunk to be.
type piece struct {
	low      string
	sequence uint64
	elements []byte
}

// rewrite rewrites the chunks with the oldest sequence until due elements have
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
// elements, and cuts these anew into chunks of one length. It returns the number of
// elements that it has looked at.
func (w *rewriter) run(first, want int) (looked int, err error) {
	merge, err := runs.NewMerge(w.Table, w.entries, []byte(w.index[first].low))
	if err != nil {
		return 0, err
	}
	forgetTx(w.base.Tx()) // it has searched every entry
	least := w.cutting.target / 2
	limit := max(want, least) + w.cutting.most
	w.elements = slices.Grow(w.elements[:0], limit*w.Element)
	next := first
	for rest := (*piece)(nil); ; next++ {
		n := w.count(w.elements)
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

// gather adds the elements of a chunk to those of the run and returns how many it
// has looked at. When that makes more than limit, it stops and returns what it has
// not come to: a chunk like the one that it began with.
func (w *rewriter) gather(i, limit int, merge *runs.Merge) (rest *piece, looked int, err error) {
	w.looked.grow(w.base.Tx(), len(w.entries))
	state, err := w.index.read(w.tableTx, i)
	if err != nil {
		return nil, 0, err
	}
	all := runs.NewOverlay(state.elements, state.sequence, w.index.bounds(i).high, merge)
	for ; ; looked++ {
		left := all.Left()
		element, sequence, err := all.Next()
		if err != nil || element == nil {
			return nil, looked, err
		}
		if key := element[:w.Key]; w.count(w.elements) == limit {
			for len(left) > 0 && bytes.Compare(left[:w.Key], key) < 0 {
				left = left[w.Element:]
			}
			return &piece{string(key), state.sequence, left}, looked, nil
		}
		drop, err := w.drop(element, sequence == w.sequence)
		if err != nil {
			return nil, looked, err
		}
		if drop {
			w.gone++
			continue
		}
		w.elements = append(w.elements, element...)
	}
}

// replace puts the elements of the run and the rest in place of chunks.
func (w *rewriter) replace(first, next int, rest *piece) error {
	pieces := w.cut(w.index[first].low)
	if rest != nil {
		pieces = append(pieces, *rest)
	}
	for i := first + 1; i < next; i++ {
		low := []byte(w.index[i].low)
		if err := w.base.DeleteBucket(low); err != nil {
			return w.chunkError(low, err)
		}
	}
	made := make(chunkIndex, 0, len(pieces))
	for _, p := range pieces {
		at := len(w.values)
		w.values = appendChunk(w.values, p.sequence, p.elements)
		if err := w.putChunk(p.low, w.values[at:]); err != nil {
			return err
		}
		made = append(made, chunk{p.low, p.sequence, w.count(p.elements)})
	}
	w.index = slices.Replace(w.index, first, next, made...)
	return nil
}

// cut cuts the elements of the run, which begins at low, into chunks.
func (w *rewriter) cut(low string) []piece {
	total := w.count(w.elements)
	n := max(1, (total+w.cutting.most-1)/w.cutting.most, (total+w.cutting.target/2)/w.cutting.target)
	pieces := make([]piece, n)
	for i := range pieces {
		elements := w.elements[total*i/n*w.Element : total*(i+1)/n*w.Element]
		if i > 0 {
			low = string(elements[:w.Key])
		}
		pieces[i] = piece{low, w.sequence, elements}
	}
	return pieces
}
