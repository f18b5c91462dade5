package store

import (
	"bytes"
	"errors"
	"fmt"
	"sort"
)

// chunk is what is known of a chunk of the base without its elements.
type chunk struct {
	low      string // its key: the lowest one that it covers
	sequence uint64
	elements int
}

// chunkIndex are all chunks of a table in order. The first covers the lowest key,
// and each covers what is before the next: an element is in the last chunk whose key
// is not after its own. It takes 60 bytes for 3,000 elements.
type chunkIndex []chunk

// bounds returns what chunk i covers. It is valid as long as the index is not
// changed.
func (x chunkIndex) bounds(i int) bounds {
	b := bounds{low: []byte(x[i].low)}
	if i+1 < len(x) {
		b.high = []byte(x[i+1].low)
	}
	return b
}

// oldest returns the first chunk of those with the lowest sequence.
func (x chunkIndex) oldest() int {
	oldest := 0
	for i := range x {
		if x[i].sequence < x[oldest].sequence {
			oldest = i
		}
	}
	return oldest
}

// elements returns the number of elements in the base.
func (x chunkIndex) elements() (n int) {
	for i := range x {
		n += x[i].elements
	}
	return n
}

// of returns the chunk that covers a key.
func (x chunkIndex) of(key []byte) int {
	return sort.Search(len(x), func(i int) bool { return x[i].low > string(key) }) - 1
}

// read reads and checks the value of chunk i.
func (x chunkIndex) read(t tableTx, i int) (chunkValue, error) {
	b := x.bounds(i)
	value := t.chunk(b.low)
	willNeed(value)
	v, err := t.decodeChunk(b, value)
	if err != nil {
		return chunkValue{}, t.chunkError(b.low, err)
	}
	return v, nil
}

// What can be wrong with the keys of the chunks.
var (
	errChunkKey   = errors.New("not a chunk")
	errFirstChunk = errors.New("the first chunk does not cover the lowest key")
)

// checkChunkKey checks the key of a chunk. v is what a cursor has for its value,
// nil for a bucket.
func (t *table) checkChunkKey(k, v []byte) error {
	if len(k) != t.Key || v != nil {
		return errChunkKey
	}
	return nil
}

// checkFirstChunk checks the key of the first chunk, nil if there is none.
func (t *table) checkFirstChunk(k []byte) error {
	if !bytes.Equal(k, t.lowest()) {
		return fmt.Errorf("bucket %s: %w", t.chunks, errFirstChunk)
	}
	return nil
}

// readIndex makes the index from the heads of all chunks.
func (t tableTx) readIndex() (x chunkIndex, err error) {
	c := t.base.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if err := t.checkChunkKey(k, v); err != nil {
			return nil, t.chunkError(k, err)
		}
		value := t.chunk(k)
		if !t.chunkLength(len(value)) {
			return nil, t.chunkError(k, errLength)
		}
		x = append(x, chunk{string(k), chunkSequence(value), t.count(value[chunkHeader:])})
	}
	if len(x) == 0 {
		return nil, t.checkFirstChunk(nil)
	}
	return x, t.checkFirstChunk([]byte(x[0].low))
}
