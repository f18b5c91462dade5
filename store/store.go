// Package store keeps the records of all torrents in a bbolt file: it loads
// them at start and writes what has changed at each checkpoint.
//
// The file holds a base, the whole state of every shard, and a journal of what
// has changed since. A checkpoint appends the changes to the journal and
// rewrites the shards with the oldest base, as many as keep the journal shorter
// than the base: writing costs a fixed multiple of what has changed, whatever
// the number of torrents, and loading reads half as much again as there is. docs/format.md describes every byte.
package store

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"go.etcd.io/bbolt"

	"keeptrack/migrations"
	"keeptrack/tracker"
)

// Source is what the store takes changes from: a *tracker.Tracker.
type Source interface {
	// TakeChanges appends what has changed in a shard since it was last taken,
	// the record of a torrent once.
	TakeChanges(shard int, c *tracker.Changes)
	// RestoreChanges puts back changes taken that could not be written.
	RestoreChanges(shard int, c *tracker.Changes)
	// Records appends the record of every torrent in a shard, once.
	Records(shard int, dst []tracker.Record) []tracker.Record
}

// Store is an open database file, locked against other processes. Its methods
// can be called from any goroutine; Load and Checkpoint wait for each other.
type Store struct {
	path   string
	db     *bbolt.DB
	secret []byte

	mu      sync.Mutex // held by Load and Checkpoint
	loaded  bool       // Load has read the file to its end
	entries int        // in the journal, as of the last transaction

	// Tests make transactions fail and journal entries small.
	update    func(func(*bbolt.Tx) error) error
	batchSize int // the number of changes that closes a journal entry
}

// Open opens the database file at path and brings it to the newest schema; a
// file that does not exist or is empty is made, readable for its owner only.
// It takes the file's lock, for which it waits up to a second. A file that is
// no database, is damaged or was written by a newer version is left untouched.
// Errors name the file; errors.Is tells ErrInUse, ErrNewer and ErrDamaged.
func Open(path string, log zerolog.Logger) (*Store, error) {
	if err := inspect(path, len(migrations.Steps)); err != nil {
		return nil, err
	}
	db, err := bbolt.Open(path, 0o600, options())
	if err != nil {
		return nil, openError(path, err)
	}
	s := &Store{path: path, db: db, update: db.Update, batchSize: maxBatch}
	if err := s.prepare(log); err != nil {
		_ = db.Close() // every transaction has ended, there is nothing to lose
		return nil, err
	}
	return s, nil
}

// Secret returns a copy of the 32 random bytes that were drawn when the file
// was made; connection ids are keyed with them, so that they outlive a restart.
func (s *Store) Secret() []byte { return bytes.Clone(s.secret) }

// Close releases the file and its lock. Closing twice is harmless.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("closing database %s: %w", s.path, err)
	}
	return nil
}

// prepare migrates the file just opened and reads the secret.
func (s *Store) prepare(log zerolog.Logger) error {
	if err := migrate(s.db, s.path, migrations.Steps, log); err != nil {
		return err
	}
	return s.db.View(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketMeta, bucketBase, bucketJournal} {
			if tx.Bucket(name) == nil {
				return damaged(s.path, fmt.Errorf("bucket %s is missing", name))
			}
		}
		s.secret = bytes.Clone(tx.Bucket(bucketMeta).Get(keySecret))
		if len(s.secret) != secretSize {
			return damaged(s.path, fmt.Errorf("bucket meta, key %s: %w", keySecret, errLength))
		}
		return nil
	})
}

// options returns bbolt's options for writing.
func options() *bbolt.Options {
	return &bbolt.Options{Timeout: time.Second, FreelistType: bbolt.FreelistMapType}
}
