package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// AccessOverride is what was added to the access list or taken off it while the
// daemon ran. It prevails over the list's file.
type AccessOverride struct {
	InfoHash tracker.InfoHash
	// Listed says that the info hash was added; otherwise it was taken off.
	Listed bool
	// Since is when that was, in whole seconds.
	Since time.Time
}

// overrideSize is the number of bytes of a value in bucket access.
const overrideSize = 1 + 8

// AccessOverrides returns all overrides in order of info hash.
func (s *Store) AccessOverrides() ([]AccessOverride, error) {
	var all []AccessOverride
	err := s.db.View(func(tx *bbolt.Tx) error {
		return guarded(func() error {
			return tx.Bucket(bucketAccess).ForEach(func(k, v []byte) error {
				if err := checkOverride(k, v); err != nil {
					return fmt.Errorf("bucket access, key %x: %w", k, err)
				}
				all = append(all, decodeOverride(k, v))
				return nil
			})
		})
	})
	if err != nil {
		return nil, damaged(s.path, err)
	}
	return all, nil
}

// SetAccessOverride puts an override in place of one of the same info hash. It
// is on disk when the method returns without error; it waits for the transaction
// of a checkpoint, not for a whole one.
func (s *Store) SetAccessOverride(o AccessOverride) error {
	value := encodeOverride(o)
	return s.writeAccess(func(b *bbolt.Bucket) error { return b.Put(o.InfoHash[:], value) })
}

// DropAccessOverride removes the override of an info hash, so that the file
// alone decides on it again; if there is none, that is no error. It is on disk
// when the method returns without error.
func (s *Store) DropAccessOverride(h tracker.InfoHash) error {
	return s.writeAccess(func(b *bbolt.Bucket) error { return b.Delete(h[:]) })
}

// writeAccess runs fn on the bucket access in a transaction.
func (s *Store) writeAccess(fn func(b *bbolt.Bucket) error) error {
	_, err := s.transact(func(tx *bbolt.Tx) error { return fn(tx.Bucket(bucketAccess)) })
	if err == nil {
		err = s.gone()
	}
	if err != nil {
		return fmt.Errorf("writing database %s: %w", s.path, err)
	}
	return nil
}

// errOverride says that a key in the bucket access is no override.
var errOverride = errors.New("no override")

func encodeOverride(o AccessOverride) []byte {
	value := make([]byte, 1, overrideSize)
	if o.Listed {
		value[0] = 1
	}
	return binary.BigEndian.AppendUint64(value, uint64(o.Since.Unix()))
}

// checkOverride checks a key and a value of the bucket access.
func checkOverride(k, v []byte) error {
	if len(k) != hashSize || len(v) != overrideSize || v[0] > 1 {
		return errOverride
	}
	return nil
}

// decodeOverride reads a key and a value that have been checked.
func decodeOverride(k, v []byte) AccessOverride {
	return AccessOverride{
		InfoHash: tracker.InfoHash(k),
		Listed:   v[0] == 1,
		Since:    time.Unix(int64(binary.BigEndian.Uint64(v[1:])), 0).UTC(),
	}
}
