package migrations

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math"

	"go.etcd.io/bbolt"
)

// Version 3 has of an override of the access list whether the hash was added (1) or
// taken off (0) and when, in seconds. Version 4 has the decision, the time in
// nanoseconds and the label of the instance where it was made: none for those of
// version 3, which are decisions of their own kind because what they mean depends
// on the mode. It also has the label of this instance.

const (
	oldOverrideSize = 1 + 8
	localOverride   = 0x80 // set in decisions of version 3
	labelSize       = 4
)

// overrides makes version 4.
func overrides(tx *bbolt.Tx) error {
	access := tx.Bucket([]byte("access"))
	values := map[string][]byte{}
	err := access.ForEach(func(k, v []byte) error {
		if len(v) != oldOverrideSize || v[0] > 1 {
			return fmt.Errorf("bucket access, key %x: not an override", k)
		}
		nanoseconds := uint64(0)
		if seconds := int64(binary.BigEndian.Uint64(v[1:])); seconds > 0 {
			nanoseconds = uint64(min(seconds, math.MaxInt64/int64(1e9))) * 1e9
		}
		value := binary.BigEndian.AppendUint64([]byte{localOverride | v[0]}, nanoseconds)
		values[string(k)] = append(value, make([]byte, labelSize)...)
		return nil
	})
	if err != nil {
		return err
	}
	for k, v := range values {
		if err := access.Put([]byte(k), v); err != nil {
			return fmt.Errorf("bucket access, key %x: %w", k, err)
		}
	}
	label := make([]byte, labelSize)
	rand.Read(label) // never fails
	label[0] |= 1    // the zero label is of no instance
	if err := tx.Bucket([]byte("meta")).Put([]byte("label"), label); err != nil {
		return fmt.Errorf("storing the label: %w", err)
	}
	return nil
}
