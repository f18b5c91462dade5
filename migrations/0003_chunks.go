package migrations

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"go.etcd.io/bbolt"

	"keeptrack/store/runs"
)

// Version 2 has the records in shards, by the first byte of the info hash, each a
// single value, and in journal entries after them. Version 3 has them in chunks of
// about 3,000, which this step writes with everything that the journal holds, so
// that nothing is left in that.
//
// The bucket chunks is filled from the lowest info hash on. Until it is complete
// its sequence number is that of the journal plus one: if version 2 has written
// to the file meanwhile, the journal's has changed and all begins anew.

const (
	chunkRecords = 3000
	partChunks   = 128 // written in a transaction: 12 MB
)

// chunksBegun reports whether there are chunks in a file of version 2.
func chunksBegun(tx *bbolt.Tx) bool { return tx.Bucket([]byte("chunks")) != nil }

// prepareChunks returns what writes the next chunks.
func prepareChunks() Part { return chunksInParts(partChunks) }

func chunksInParts(n int) Part {
	var checked shardsChecked
	return func(tx *bbolt.Tx) (done bool, err error) {
		chunks, err := openChunks(tx)
		if err != nil {
			return false, err
		}
		from, ok := nextHash(chunks)
		if !ok {
			return true, nil
		}
		records, err := openShards(tx, from, &checked)
		if err != nil {
			return false, err
		}
		return writeChunks(chunks, records, n)
	}
}

// openChunks returns the bucket chunks, a new one if version 2 has written to the
// file since it was begun.
func openChunks(tx *bbolt.Tx) (*bbolt.Bucket, error) {
	name, mark := []byte("chunks"), tx.Bucket([]byte("journal")).Sequence()+1
	if b := tx.Bucket(name); b != nil {
		if b.Sequence() == mark {
			return b, nil
		}
		if err := tx.DeleteBucket(name); err != nil {
			return nil, fmt.Errorf("deleting chunks that are out of date: %w", err)
		}
	}
	b, err := tx.CreateBucket(name)
	if err != nil {
		return nil, fmt.Errorf("creating bucket chunks: %w", err)
	}
	return b, b.SetSequence(mark)
}

// nextHash returns the info hash after the last that is in a chunk, and whether
// there is any.
func nextHash(chunks *bbolt.Bucket) (next []byte, ok bool) {
	next = make([]byte, runs.HashSize)
	key, _ := chunks.Cursor().Last()
	if key == nil {
		return next, true
	}
	value := chunks.Bucket(key).Get([]byte("records"))
	if len(value) < runs.RecordSize { // there are no records
		return nil, false
	}
	copy(next, value[len(value)-runs.RecordSize:])
	for i := len(next) - 1; i >= 0; i-- {
		if next[i]++; next[i] != 0 {
			return next, true
		}
	}
	return nil, false
}

// writeChunks writes up to n chunks. It returns done once all records are written.
func writeChunks(chunks *bbolt.Bucket, records *shards, n int) (done bool, err error) {
	first, _ := chunks.Cursor().First()
	sequence := chunks.Sequence() - 1
	for range n {
		value := binary.BigEndian.AppendUint64(make([]byte, 4, 4+8+chunkRecords*runs.RecordSize), sequence)
		for len(value) < cap(value) {
			record, err := records.record()
			if err != nil {
				return false, err
			}
			if record == nil {
				break
			}
			value = append(value, record...)
		}
		key := make([]byte, runs.HashSize) // the first chunk's covers the lowest info hash
		if first != nil {
			if len(value) == 4+8 {
				return true, nil
			}
			copy(key, value[4+8:])
		}
		binary.BigEndian.PutUint32(value, crc32.Checksum(value[4:], crc32.MakeTable(crc32.Castagnoli)))
		b, err := chunks.CreateBucket(key)
		if err == nil {
			err = b.Put([]byte("records"), value)
		}
		if err != nil {
			return false, fmt.Errorf("writing chunk %x: %w", key, err)
		}
		if first = key; len(value) < cap(value) {
			return true, nil
		}
	}
	return false, nil
}

var errUnfinished = errors.New("the chunks are not those of this file")

// chunks takes away what the chunks, which are complete, stand for.
func chunks(tx *bbolt.Tx) error {
	journal, made := tx.Bucket([]byte("journal")), tx.Bucket([]byte("chunks"))
	sequence := journal.Sequence()
	if made == nil || made.Sequence() != sequence+1 {
		return errUnfinished
	}
	for _, name := range []string{"base", "journal"} {
		if err := tx.DeleteBucket([]byte(name)); err != nil {
			return fmt.Errorf("deleting bucket %s: %w", name, err)
		}
	}
	journal, err := tx.CreateBucket([]byte("journal"))
	if err != nil {
		return fmt.Errorf("creating bucket journal: %w", err)
	}
	return errors.Join(journal.SetSequence(sequence), made.SetSequence(0))
}
