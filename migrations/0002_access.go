package migrations

import (
	"fmt"

	"go.etcd.io/bbolt"
)

// access makes the buckets of version 2: what was added to the access list or
// taken off it while running, and live sync's replay floors.
func access(tx *bbolt.Tx) error {
	for _, name := range []string{"access", "livesync_seen"} {
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return fmt.Errorf("creating bucket %s: %w", name, err)
		}
	}
	return nil
}
