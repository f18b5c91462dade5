package migrations

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// secretSize is the number of bytes of the connection secret.
const secretSize = 32

// initial makes the buckets of version 1, draws the connection secret and notes
// when that was.
func initial(tx *bbolt.Tx) error {
	for _, name := range []string{"meta", "base", "journal"} {
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return fmt.Errorf("creating bucket %s: %w", name, err)
		}
	}
	secret := make([]byte, secretSize)
	rand.Read(secret) // never fails
	meta := tx.Bucket([]byte("meta"))
	if err := meta.Put([]byte("connection_secret"), secret); err != nil {
		return fmt.Errorf("storing the connection secret: %w", err)
	}
	now := binary.BigEndian.AppendUint64(nil, uint64(time.Now().Unix()))
	if err := meta.Put([]byte("created"), now); err != nil {
		return fmt.Errorf("storing the time of creation: %w", err)
	}
	return nil
}
