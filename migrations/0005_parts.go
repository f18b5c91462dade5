package migrations

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"go.etcd.io/bbolt"
)

// Version 5 has parts of origins beside the records, in chunks and a journal as these
// are, and the origins. What older versions have counted may be in several instances'
// totals, if live sync was on: meta/floors says so. A record is left as it is.

const partKey = 20 + 8 // an info hash and an origin

// parts makes the buckets of version 5, the parts with one empty chunk.
func parts(tx *bbolt.Tx) error {
	made := map[string]*bbolt.Bucket{}
	for _, name := range []string{"part_chunks", "part_journal", "origins"} {
		b, err := tx.CreateBucket([]byte(name))
		if err != nil {
			return fmt.Errorf("creating bucket %s: %w", name, err)
		}
		made[name] = b
	}
	chunk, err := made["part_chunks"].CreateBucket(make([]byte, partKey))
	if err == nil {
		value := make([]byte, 4+8) // checksum, sequence 0
		binary.BigEndian.PutUint32(value, crc32.Checksum(value[4:], crc32.MakeTable(crc32.Castagnoli)))
		err = chunk.Put([]byte("parts"), value)
	}
	if err != nil {
		return fmt.Errorf("writing the first chunk of parts: %w", err)
	}
	meta := tx.Bucket([]byte("meta"))
	if meta.Get([]byte("version")) == nil { // all steps make a new file
		return nil
	}
	return meta.Put([]byte("floors"), []byte{1})
}
