package store

import (
	"slices"

	"keeptrack/tracker"
)

// maxBatch is the number of changes that closes a journal entry. An entry holds
// that many and at most one shard's more, which bounds the memory and the
// length of a transaction.
const maxBatch = 64 << 10

// batch gathers the changes of several shards, one after the other, for one
// journal entry: sorted within a shard, so that they are sorted altogether.
type batch struct {
	changes tracker.Changes
	ends    []shardEnd
	records []tracker.Record // scratch for one shard's records
}

// shardEnd says where in a batch the changes of a shard end.
type shardEnd struct {
	shard, records, removed int
}

// take adds what has changed in a shard.
func (b *batch) take(src Source, shard int) {
	c := &b.changes
	records, removed := len(c.Records), len(c.Removed)
	src.TakeChanges(shard, c)
	slices.SortFunc(c.Records[records:], compareRecords)
	slices.SortFunc(c.Removed[removed:], compareHashes)
	c.Removed = append(c.Removed[:removed], slices.Compact(c.Removed[removed:])...)
	b.ends = append(b.ends, shardEnd{shard, len(c.Records), len(c.Removed)})
}

// restore gives everything back to where it was taken from.
func (b *batch) restore(src Source) {
	records, removed := 0, 0
	for _, end := range b.ends {
		src.RestoreChanges(end.shard, &tracker.Changes{
			Records: b.changes.Records[records:end.records],
			Removed: b.changes.Removed[removed:end.removed],
		})
		records, removed = end.records, end.removed
	}
}

// len returns the number of changes.
func (b *batch) len() int { return len(b.changes.Records) + len(b.changes.Removed) }

// reset empties the batch and keeps its memory.
func (b *batch) reset() {
	b.changes.Records = b.changes.Records[:0]
	b.changes.Removed = b.changes.Removed[:0]
	b.ends = b.ends[:0]
}
