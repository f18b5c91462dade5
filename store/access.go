package store

import (
	"encoding/binary"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
	"keeptrack/tracker/override"
)

// Overrides returns all overrides of the access list, dropped ones included, in
// order of info hash.
func (s *Store) Overrides() ([]override.Override, error) {
	var all []override.Override
	err := s.db.View(func(tx *bbolt.Tx) error {
		return guarded(func() error {
			return tx.Bucket(bucketAccess).ForEach(func(k, v []byte) error {
				o, err := decodeOverride(k, v)
				if err != nil {
					return fmt.Errorf("bucket access, key %x: %w", k, err)
				}
				all = append(all, o)
				return nil
			})
		})
	})
	if err != nil {
		return nil, damaged(s.path, err)
	}
	return all, nil
}

// SetOverrides removes the overrides of some info hashes and puts others in place of
// those of the same info hashes, in one transaction. It is on disk when the method
// returns without error; it waits for the transaction of a checkpoint, not for a whole
// one.
func (s *Store) SetOverrides(put []override.Override, remove []tracker.InfoHash) error {
	return s.writeAccess(func(tx *bbolt.Tx) error {
		access := tx.Bucket(bucketAccess)
		for i := range remove {
			if err := access.Delete(remove[i][:]); err != nil {
				return err
			}
		}
		for i := range put {
			if err := access.Put(put[i].InfoHash[:], put[i].Append(nil)[hashSize:]); err != nil {
				return err
			}
		}
		return nil
	})
}

// Label returns what names this instance to people. It was drawn when the file
// was made, or migrated from an older version.
func (s *Store) Label() (l override.Label, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		copy(l[:], tx.Bucket(bucketMeta).Get(keyLabel))
		return nil
	})
	return l, err
}

// OverridesAgreed returns when the overrides were last found equal to those of
// another instance, to the second, as SetOverridesAgreed has noted it; the zero
// time if never.
func (s *Store) OverridesAgreed() (at time.Time, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		if v := tx.Bucket(bucketMeta).Get(keyAgreed); v != nil {
			at = time.Unix(int64(binary.BigEndian.Uint64(v)), 0).UTC()
		}
		return nil
	})
	return at, err
}

// SetOverridesAgreed notes when the overrides were found equal to those of
// another instance.
func (s *Store) SetOverridesAgreed(at time.Time) error {
	return s.writeAccess(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketMeta).Put(keyAgreed, binary.BigEndian.AppendUint64(nil, uint64(at.Unix())))
	})
}

// writeAccess runs fn in a transaction.
func (s *Store) writeAccess(fn func(tx *bbolt.Tx) error) error {
	_, err := s.transact(fn)
	if err == nil {
		err = s.gone()
	}
	if err != nil {
		return fmt.Errorf("writing database %s: %w", s.path, err)
	}
	return nil
}

// checkOverride checks a key and a value of the bucket access.
func checkOverride(k, v []byte) error {
	_, err := decodeOverride(k, v)
	return err
}

// decodeOverride reads a key and a value of the bucket access.
func decodeOverride(k, v []byte) (override.Override, error) {
	if len(k) != hashSize || len(v) != override.Size-hashSize {
		return override.Override{}, override.ErrOverride
	}
	o := override.Decode(append(append(make([]byte, 0, override.Size), k...), v...))
	return o, o.Check()
}
