package store

import (
	"fmt"

	"go.etcd.io/bbolt"
)

// firstPrefix begins the keys of what First has noted in the bucket meta.
const firstPrefix = "first_"

// First reports whether something is the first of its name in the life of the
// database, and notes that it has been. Without a note, for an error, it is the first
// the next time too.
func (s *Store) First(name string) (bool, error) {
	key, noted := []byte(firstPrefix+name), false
	err := s.db.View(func(tx *bbolt.Tx) error {
		return guarded(func() error {
			noted = tx.Bucket(bucketMeta).Get(key) != nil
			return nil
		})
	})
	if err != nil {
		return false, damaged(s.path, err)
	}
	if noted {
		return false, nil
	}
	_, err = s.transact(func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Put(key, []byte{1}) })
	if err != nil {
		err = fmt.Errorf("writing database %s: %w", s.path, err)
	}
	return true, err
}
