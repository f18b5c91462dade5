package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
	"keeptrack/tracker/override"
)

// The buckets and keys of the newest schema; docs/format.md describes them.
//
// Each chunk of the base and each journal entry is a bucket of its own with a
// single key. bbolt puts at least two keys on a leaf and writes leaves whole,
// so that values of megabytes side by side would be written again with every
// change of a neighbour; a bucket has pages of its own, and one of less than
// a quarter of a page is kept inside its parent's.
var (
	bucketMeta    = []byte("meta")
	bucketChunks  = []byte("chunks")
	bucketJournal = []byte("journal")
	bucketAccess  = []byte("access")
	bucketSeen    = []byte("livesync_seen")

	keyVersion = []byte("version")
	keyCreated = []byte("created")
	keySecret  = []byte("connection_secret")
	keyLabel   = []byte("label")
	keyAgreed  = []byte("overrides_agreed")
	keyRecords = []byte("records") // in the bucket of a chunk of the base
	keyChanges = []byte("changes") // in the bucket of a journal entry
)

// secretSize is the number of bytes of the connection secret.
const secretSize = 32

// checkMeta checks that a file of the newest version has its buckets and what
// the meta bucket must hold.
func checkMeta(tx *bbolt.Tx) error {
	for _, name := range [][]byte{bucketMeta, bucketChunks, bucketJournal, bucketAccess, bucketSeen} {
		if tx.Bucket(name) == nil {
			return fmt.Errorf("bucket %s is missing", name)
		}
	}
	meta := tx.Bucket(bucketMeta)
	if len(meta.Get(keySecret)) != secretSize {
		return fmt.Errorf("bucket meta, key %s: %w", keySecret, errLength)
	}
	if len(meta.Get(keyCreated)) != 8 {
		return fmt.Errorf("bucket meta, key %s: %w", keyCreated, errLength)
	}
	if len(meta.Get(keyLabel)) != len(override.Label{}) {
		return fmt.Errorf("bucket meta, key %s: %w", keyLabel, errLength)
	}
	if v := meta.Get(keyAgreed); v != nil && len(v) != 8 {
		return fmt.Errorf("bucket meta, key %s: %w", keyAgreed, errLength)
	}
	return nil
}

// readCreated returns when the file was made, to the second.
func readCreated(meta *bbolt.Bucket) time.Time {
	return time.Unix(int64(binary.BigEndian.Uint64(meta.Get(keyCreated))), 0).UTC()
}

// chunkValueOf returns the value of the chunk with a key. A bucket without a
// value counts as an empty value, which no check passes.
func chunkValueOf(chunks *bbolt.Bucket, key []byte) []byte {
	if b := chunks.Bucket(key); b != nil {
		if v := b.Get(keyRecords); v != nil {
			return v
		}
	}
	return []byte{}
}

// putChunk stores the value of a chunk. It must not be changed before the
// transaction has ended.
func putChunk(chunks *bbolt.Bucket, low tracker.InfoHash, value []byte) error {
	b, err := chunks.CreateBucketIfNotExists(low[:])
	if err == nil {
		err = b.Put(keyRecords, value)
	}
	if err != nil {
		return chunkError(low[:], err)
	}
	return nil
}

// chunkError has an error name the key of a chunk.
func chunkError(key []byte, err error) error {
	return fmt.Errorf("bucket chunks, key %x: %w", key, err)
}

// errFloor says that a key in the bucket livesync_seen is none of an instance.
var errFloor = errors.New("no instance's replay floor")

// checkFloor checks a key and a value of the bucket livesync_seen.
func checkFloor(k, v []byte) error {
	if len(k) != 4 || len(v) != 8 {
		return errFloor
	}
	return nil
}

// errForeign says that a file is a bbolt database but not one of ours.
var errForeign = errors.New("its buckets are not keeptrack's")

// readVersion returns the schema version of the file, 0 for one without any
// bucket.
func readVersion(tx *bbolt.Tx) (int, error) {
	meta := tx.Bucket(bucketMeta)
	if meta == nil {
		if k, _ := tx.Cursor().First(); k != nil {
			return 0, errForeign
		}
		return 0, nil
	}
	v := meta.Get(keyVersion)
	if len(v) != 4 || binary.BigEndian.Uint32(v) == 0 {
		return 0, errForeign
	}
	return int(binary.BigEndian.Uint32(v)), nil
}

// writeVersion records the schema version.
func writeVersion(tx *bbolt.Tx, version int) error {
	meta, err := tx.CreateBucketIfNotExists(bucketMeta)
	if err != nil {
		return err
	}
	return meta.Put(keyVersion, binary.BigEndian.AppendUint32(nil, uint32(version)))
}
