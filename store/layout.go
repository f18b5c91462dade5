package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"keeptrack/tracker/override"
)

// The buckets and keys of the newest schema; docs/internals/format.md describes them.
//
// Each chunk of the base and each journal entry is a bucket of its own with a
// single key. bbolt puts at least two keys on a leaf and writes leaves whole,
// so that values of megabytes side by side would be written again with every
// change of a neighbour; a bucket has pages of its own, and one of less than
// a quarter of a page is kept inside its parent's.
var (
	bucketMeta    = []byte("meta")
	bucketAccess  = []byte("access")
	bucketSeen    = []byte("livesync_seen")
	bucketOrigins = []byte("origins")

	keyVersion = []byte("version")
	keyCreated = []byte("created")
	keySecret  = []byte("connection_secret")
	keyRetired = []byte("connection_secret_retired")
	keyLabel   = []byte("label")
	keyAgreed  = []byte("overrides_agreed")
	keyAlone   = []byte("alone")
	keyFloors  = []byte("floors")
	keyChanges = []byte("changes") // in the bucket of a journal entry
)

// secretSize is the number of bytes of the connection secret.
const secretSize = 32

// checkMeta checks that a file of the newest version has its buckets and what
// the meta bucket must hold.
func checkMeta(tx *bbolt.Tx) error {
	names := []string{string(bucketMeta), string(bucketAccess), string(bucketSeen), string(bucketOrigins)}
	for _, t := range tables {
		names = append(names, t.chunks, t.Journal)
	}
	for _, name := range names {
		if tx.Bucket([]byte(name)) == nil {
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
	for _, key := range [][]byte{keyAgreed, keyAlone, keyRetired} {
		if v := meta.Get(key); v != nil && len(v) != 8 {
			return fmt.Errorf("bucket meta, key %s: %w", key, errLength)
		}
	}
	return nil
}

// readCreated returns when the file was made, to the second.
func readCreated(meta *bbolt.Bucket) time.Time {
	return time.Unix(int64(binary.BigEndian.Uint64(meta.Get(keyCreated))), 0).UTC()
}

// chunk returns the value of the chunk with a key. A bucket without a value counts
// as an empty value, which no check passes.
func (t tableTx) chunk(key []byte) []byte {
	if b := t.base.Bucket(key); b != nil {
		if v := b.Get(t.value); v != nil {
			return v
		}
	}
	return []byte{}
}

// putChunk stores the value of a chunk. It must not be changed before the
// transaction has ended.
func (t tableTx) putChunk(low string, value []byte) error {
	b, err := t.base.CreateBucketIfNotExists([]byte(low))
	if err == nil {
		err = b.Put(t.value, value)
	}
	if err != nil {
		return t.chunkError([]byte(low), err)
	}
	return nil
}

// chunkError has an error name the key of a chunk.
func (t *table) chunkError(key []byte, err error) error {
	return fmt.Errorf("bucket %s, key %x: %w", t.chunks, key, err)
}

// errFloor says that a key in the bucket livesync_seen is none of an instance.
var errFloor = errors.New("not the replay floor of an instance")

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
