package store

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"
)

// ReplayFloors say how far the sealed live sync packets of each instance have been
// accepted: the highest sequence, by the instance's id. The zero id stands for
// all instances that are not in it. They are few, 258 at most.
type ReplayFloors = map[[4]byte]uint64

// ReplayFloors returns the replay floors in the file.
func (s *Store) ReplayFloors() (ReplayFloors, error) {
	floors := make(ReplayFloors)
	err := s.db.View(func(tx *bbolt.Tx) error {
		return guarded(func() error {
			return tx.Bucket(bucketSeen).ForEach(func(k, v []byte) error {
				if err := checkFloor(k, v); err != nil {
					return fmt.Errorf("bucket livesync_seen, key %x: %w", k, err)
				}
				floors[[4]byte(k)] = binary.BigEndian.Uint64(v)
				return nil
			})
		})
	})
	if err != nil {
		return nil, damaged(s.path, err)
	}
	return floors, nil
}

// putFloors puts replay floors in place of those in the file; nil leaves those.
func putFloors(tx *bbolt.Tx, floors ReplayFloors) error {
	if floors == nil {
		return nil
	}
	seen := tx.Bucket(bucketSeen)
	var gone [][]byte
	err := seen.ForEach(func(k, _ []byte) error {
		if len(k) != 4 || floors[[4]byte(k)] == 0 {
			gone = append(gone, k)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, k := range gone {
		if err := seen.Delete(k); err != nil {
			return fmt.Errorf("deleting the replay floor of %x: %w", k, err)
		}
	}
	for id, sequence := range floors {
		if err := seen.Put(id[:], binary.BigEndian.AppendUint64(nil, sequence)); err != nil {
			return fmt.Errorf("writing the replay floor of %x: %w", id, err)
		}
	}
	return nil
}
