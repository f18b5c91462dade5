package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// Secret returns a copy of the 32 random bytes that were drawn when the file
// was made; connection ids are keyed with them, so that they outlive a restart.
func (s *Store) Secret() []byte { return bytes.Clone(s.secret) }

// RetireSecret notes that the secret is not used from now on, unless it is noted that it has
// not been for longer. It returns since when. With an error, that is now, and nothing is
// noted.
func (s *Store) RetireSecret(now time.Time) (since time.Time, err error) {
	since, err = s.secretRetired()
	if err != nil {
		return now, err
	}
	if !since.IsZero() && !since.After(now) {
		return since, nil
	}
	return now, s.writeMeta(func(meta *bbolt.Bucket) error {
		return meta.Put(keyRetired, binary.BigEndian.AppendUint64(nil, uint64(now.UnixNano())))
	})
}

// UseSecret notes that the secret is used, again or still.
func (s *Store) UseSecret() error {
	if since, err := s.secretRetired(); err != nil || since.IsZero() {
		return err
	}
	return s.writeMeta(func(meta *bbolt.Bucket) error { return meta.Delete(keyRetired) })
}

// secretRetired returns since when the secret has not been used; the zero time if it is.
func (s *Store) secretRetired() (since time.Time, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		return guarded(func() error {
			if v := tx.Bucket(bucketMeta).Get(keyRetired); v != nil {
				since = time.Unix(0, int64(binary.BigEndian.Uint64(v)))
			}
			return nil
		})
	})
	if err != nil {
		return time.Time{}, damaged(s.path, err)
	}
	return since, nil
}

// writeMeta changes the bucket meta in a transaction.
func (s *Store) writeMeta(change func(meta *bbolt.Bucket) error) error {
	if _, err := s.transact(func(tx *bbolt.Tx) error { return change(tx.Bucket(bucketMeta)) }); err != nil {
		return fmt.Errorf("writing database %s: %w", s.path, err)
	}
	return nil
}
