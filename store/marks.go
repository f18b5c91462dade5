package store

import (
	"encoding/binary"
	"fmt"
	"maps"

	"go.etcd.io/bbolt"
)

// Marks say how far the sealed live sync packets of each instance have been
// accepted: the highest sequence, by the instance's id. The zero id stands for
// all instances that are not in it. They are few, 258 at most.
type Marks map[[4]byte]uint64

// Marks returns the marks in the file.
func (s *Store) Marks() (Marks, error) {
	marks := make(Marks)
	err := s.db.View(func(tx *bbolt.Tx) error {
		return guarded(func() error {
			return tx.Bucket(bucketSeen).ForEach(func(k, v []byte) error {
				if err := checkMark(k, v); err != nil {
					return fmt.Errorf("bucket livesync_seen, key %x: %w", k, err)
				}
				marks[[4]byte(k)] = binary.BigEndian.Uint64(v)
				return nil
			})
		})
	})
	if err != nil {
		return nil, damaged(s.path, err)
	}
	return marks, nil
}

// KeepMarks has every checkpoint write what take returns in place of the marks
// that are in the file; nil stands for those. take is called after changes were
// taken from the source, in the transaction that writes them: when a packet had
// an effect on what is in the file, so have its marks. It is to be called before
// the first checkpoint.
func (s *Store) KeepMarks(take func() Marks) { s.takeMarks = take }

// writeMarks writes the marks in a transaction of their own, unless they are
// what was last written.
func (s *Store) writeMarks(res *Result) error {
	marks := s.takeMarks()
	if maps.Equal(marks, s.marks) {
		return nil
	}
	written, err := s.transact(func(tx *bbolt.Tx) error { return putMarks(tx, marks) })
	if err != nil {
		return err
	}
	res.Bytes += written
	s.marks = marks
	return nil
}

// putMarks puts marks in place of those in the file.
func putMarks(tx *bbolt.Tx, marks Marks) error {
	if marks == nil {
		return nil
	}
	seen := tx.Bucket(bucketSeen)
	var gone [][]byte
	err := seen.ForEach(func(k, _ []byte) error {
		if len(k) != 4 || marks[[4]byte(k)] == 0 {
			gone = append(gone, k)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, k := range gone {
		if err := seen.Delete(k); err != nil {
			return fmt.Errorf("deleting the mark of %x: %w", k, err)
		}
	}
	for id, sequence := range marks {
		if err := seen.Put(id[:], binary.BigEndian.AppendUint64(nil, sequence)); err != nil {
			return fmt.Errorf("writing the mark of %x: %w", id, err)
		}
	}
	return nil
}
