package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// chunk is what is known of a chunk of the base without its records.
type chunk struct {
	low      tracker.InfoHash // its key: the lowest info hash that it covers
	sequence uint64
	records  int
}

// chunkIndex are all chunks in order. The first covers the lowest info hash, and
// each covers what is before the next: a torrent is in the last chunk whose key
// is not after its info hash. It takes 40 bytes for 3,000 records.
type chunkIndex []chunk

// bounds returns what chunk i covers. It is valid as long as the index is not
// changed.
func (x chunkIndex) bounds(i int) bounds {
	b := bounds{low: x[i].low[:]}
	if i+1 < len(x) {
		b.high = x[i+1].low[:]
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

// records returns the number of records in the base.
func (x chunkIndex) records() (n int) {
	for i := range x {
		n += x[i].records
	}
	return n
}

// of returns the chunk that covers an info hash.
func (x chunkIndex) of(h *tracker.InfoHash) int {
	i, found := slices.BinarySearchFunc(x, h, func(c chunk, h *tracker.InfoHash) int {
		return bytes.Compare(c.low[:], h[:])
	})
	if found {
		return i
	}
	return i - 1
}

// read reads and checks the value of chunk i.
func (x chunkIndex) read(chunks *bbolt.Bucket, i int) (chunkValue, error) {
	value := chunkValueOf(chunks, x[i].low[:])
	willNeed(value)
	v, err := decodeChunk(x.bounds(i), value)
	if err != nil {
		return chunkValue{}, chunkError(x[i].low[:], err)
	}
	return v, nil
}

// What can be wrong with the keys of the bucket chunks.
var (
	errChunkKey   = errors.New("no chunk")
	errFirstChunk = errors.New("the first chunk does not cover the lowest info hash")
)

// checkChunkKey checks the key of a chunk. v is what a cursor has for its value,
// nil for a bucket.
func checkChunkKey(k, v []byte) error {
	if len(k) != hashSize || v != nil {
		return errChunkKey
	}
	return nil
}

// checkFirstChunk checks the first key of the bucket chunks, nil if it has none.
func checkFirstChunk(k []byte) error {
	if !bytes.Equal(k, make([]byte, hashSize)) {
		return fmt.Errorf("bucket chunks: %w", errFirstChunk)
	}
	return nil
}

// readIndex makes the index from the heads of all chunks.
func readIndex(chunks *bbolt.Bucket) (x chunkIndex, err error) {
	c := chunks.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if err := checkChunkKey(k, v); err != nil {
			return nil, chunkError(k, err)
		}
		value := chunkValueOf(chunks, k)
		if !chunkLength(len(value)) {
			return nil, chunkError(k, errLength)
		}
		x = append(x, chunk{tracker.InfoHash(k), chunkSequence(value), (len(value) - chunkHeader) / recordSize})
	}
	if len(x) == 0 {
		return nil, checkFirstChunk(nil)
	}
	return x, checkFirstChunk(x[0].low[:])
}
