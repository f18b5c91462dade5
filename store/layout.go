package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// The buckets and keys of the newest schema; docs/format.md describes them.
//
// Each shard of the base and each journal entry is a bucket of its own with a
// single key. bbolt puts at least two keys on a leaf and writes leaves whole,
// so that values of megabytes side by side would be written again with every
// change of a neighbour; a bucket has pages of its own, and one of less than
// a quarter of a page is kept inside its parent's.
var (
	bucketMeta    = []byte("meta")
	bucketBase    = []byte("base")
	bucketJournal = []byte("journal")
	bucketAccess  = []byte("access")
	bucketSeen    = []byte("livesync_seen")

	keyVersion = []byte("version")
	keyCreated = []byte("created")
	keySecret  = []byte("connection_secret")
	keyState   = []byte("state")   // in the bucket of a shard of the base
	keyChanges = []byte("changes") // in the bucket of a journal entry
)

// secretSize is the number of bytes of the connection secret.
const secretSize = 32

// checkMeta checks that a file of the newest version has its buckets and what
// the meta bucket must hold.
func checkMeta(tx *bbolt.Tx) error {
	for _, name := range [][]byte{bucketMeta, bucketBase, bucketJournal, bucketAccess, bucketSeen} {
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
	return nil
}

// readCreated returns when the file was made, to the second.
func readCreated(meta *bbolt.Bucket) time.Time {
	return time.Unix(int64(binary.BigEndian.Uint64(meta.Get(keyCreated))), 0).UTC()
}

// getState returns the base value of a shard, nil if there is none yet. A
// bucket without a value counts as an empty value, which no check passes.
func getState(base *bbolt.Bucket, shard int) []byte {
	b := base.Bucket([]byte{byte(shard)})
	if b == nil {
		return nil
	}
	if v := b.Get(keyState); v != nil {
		return v
	}
	return []byte{}
}

// putState stores the base value of a shard. The value must not be changed
// before the transaction has ended.
func putState(base *bbolt.Bucket, shard int, value []byte) error {
	b, err := base.CreateBucketIfNotExists([]byte{byte(shard)})
	if err != nil {
		return fmt.Errorf("bucket of shard %02x: %w", shard, err)
	}
	return b.Put(keyState, value)
}

// putChanges stores a journal entry. The value must not be changed before the
// transaction has ended.
func putChanges(journal *bbolt.Bucket, sequence uint64, value []byte) error {
	b, err := journal.CreateBucket(binary.BigEndian.AppendUint64(nil, sequence))
	if err != nil {
		return fmt.Errorf("bucket of journal entry %d: %w", sequence, err)
	}
	return b.Put(keyChanges, value)
}

// dropChanges deletes the journal entries up to and including a sequence.
func dropChanges(journal *bbolt.Bucket, sequence uint64) error {
	for {
		k, _ := journal.Cursor().First()
		if k == nil || binary.BigEndian.Uint64(k) > sequence {
			return nil
		}
		if err := journal.DeleteBucket([]byte(string(k))); err != nil {
			return fmt.Errorf("deleting journal entry %x: %w", k, err)
		}
	}
}

// errMark says that a key in the bucket livesync_seen is none of an instance.
var errMark = errors.New("no instance's mark")

// checkMark checks a key and a value of the bucket livesync_seen.
func checkMark(k, v []byte) error {
	if len(k) != 4 || len(v) != 8 {
		return errMark
	}
	return nil
}

// errEntry says that a key in the journal is none.
var errEntry = errors.New("no journal entry")

// journalKey returns the sequence of the journal entry of key k. v is what a
// cursor has for its value, nil for a bucket.
func journalKey(k, v []byte) (uint64, error) {
	if len(k) != 8 || v != nil {
		return 0, errEntry
	}
	return binary.BigEndian.Uint64(k), nil
}

// baseSequences returns the sequence of every shard of the base, 0 for one
// that is not there yet.
func baseSequences(base *bbolt.Bucket) (sequences [tracker.ShardCount]uint64, err error) {
	for shard := range sequences {
		switch v := getState(base, shard); {
		case v == nil:
		case len(v) < baseHeader:
			return sequences, fmt.Errorf("bucket base, key %02x: %w", shard, errLength)
		default:
			sequences[shard] = baseSequence(v)
		}
	}
	return sequences, nil
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
