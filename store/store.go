// Package store keeps the records of all torrents in a bbolt file: it loads
// them at start and writes what has changed at each checkpoint.
//
// The file holds a base, all records in order of info hash, cut into chunks, and a
// journal of what has changed since. A checkpoint appends the changes to the
// journal and merges the chunks with the oldest sequence with what the journal has
// for them, as many as keep the journal shorter than the base: writing costs a
// fixed multiple of what has changed, whatever the number of torrents, and loading
// reads half as much again as there is. What the file holds and the tracker does
// not is carried on. docs/internals/format.md describes every byte.
//
// Reading the source: Load, then Checkpoint; writing.write is what a transaction
// does, rewriter what it does to the base; runs.Merge reads the journal.
package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"go.etcd.io/bbolt"

	"keeptrack/migrations"
	"keeptrack/store/boltpage"
	"keeptrack/store/safefile"
	"keeptrack/tracker"
)

// Source is what the store takes changes from: a *tracker.Tracker.
type Source interface {
	// TakeChanges appends up to limit of the changes since they were last taken
	// to dst, and goes on where the call before has stopped. Fewer than limit are
	// the last ones for now. A torrent may come twice; the later change counts.
	TakeChanges(dst []tracker.Change, limit int) []tracker.Change
	// RestoreChanges puts back changes taken that could not be written.
	RestoreChanges(changes []tracker.Change)
	// Settle says what has become of changes taken that are written.
	Settle(tracker.Settlement)
	// Expired reports whether a record that is in the file is to go, as nobody
	// else has it in mind and it is too old to be kept.
	Expired(tracker.Record) bool
}

// Store is an open database file, locked against other processes. Its methods
// can be called from any goroutine; Load and Checkpoint wait for each other.
type Store struct {
	path   string
	db     *bbolt.DB
	file   *os.File // that db has open
	secret []byte

	pageSize int // in bytes

	mu     sync.Mutex   // held by Load and Checkpoint, guards what follows
	loaded bool         // Load has read the file to its end
	index  indexes      // of the file; nil: as a transaction failed they are not known
	doubt  *doubt       // nil: it is known what is in the file
	floors ReplayFloors // as last written

	writing   sync.Mutex // held during a transaction, guards what follows
	unsettled bool       // the last transaction failed, or may have: see settle

	// Tests make transactions fail, and journal entries and chunks small.
	update func(func(*bbolt.Tx) error) error
	limits limits
}

// Open opens the database file at path and brings it to the newest schema; a
// file that does not exist or is empty is made, readable for its owner only; one
// that root makes gets the owner of its directory.
// It takes the file's lock, for which it waits up to a second. A file that is
// no database, is damaged or was written by a newer version is left untouched.
// Of damage to one of the two meta pages alone it warns: a power loss in the
// middle of a transaction can leave that, and the other page is whole.
// Errors name the file; errors.Is tells ErrInUse, ErrNewer and ErrDamaged.
func Open(path string, log zerolog.Logger) (*Store, error) {
	warn := func(err *boltpage.MetaError) {
		log.Warn().Str("path", path).Err(damaged(path, err)).Msg("the database is opened with its other meta page: " +
			"counts may be as of the checkpoint before the last. The next checkpoints repair the page; to get back what it held, restore a backup")
	}
	return openWith(path, log, warn)
}

// openWith is Open; tolerate is as for examine.
func openWith(path string, log zerolog.Logger, tolerate func(*boltpage.MetaError)) (*Store, error) {
	if err := examine(path, len(migrations.Steps), tolerate); err != nil {
		return nil, err
	}
	s := &Store{path: path, limits: usual}
	if err := s.open(); err != nil {
		return nil, err
	}
	if err := s.prepare(log); err != nil {
		_ = s.db.Close() // every transaction has ended, there is nothing to lose
		return nil, err
	}
	return s, nil
}

// emptyAgain takes back what was written to a file that could not be made, for
// want of room on the disk say; the next try would take it for something else.
func emptyAgain(at *safefile.Place) error {
	f, _, err := lock(at)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() >= newFilePages*int64(os.Getpagesize()) { // another process has made it
		return err
	}
	return f.Truncate(0)
}

// newFilePages is the number of pages in bbolt's smallest file.
const newFilePages = 4

// Size returns the length of the file in bytes.
func (s *Store) Size() (int64, error) {
	info, err := s.file.Stat()
	if err != nil {
		return 0, openError(s.path, err)
	}
	return info.Size(), nil
}

// Close releases the file and its lock. Closing twice is harmless.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("closing database %s: %w", s.path, err)
	}
	return nil
}

// open opens the file for writing.
func (s *Store) open() error {
	at, err := safefile.Locate(s.path)
	if err != nil {
		return openError(s.path, err)
	}
	defer at.Close() // is not needed once the file is open
	if s.file, _, err = openOrMake(at); err != nil {
		return openError(s.path, err)
	}
	info, err := s.file.Stat()
	if err != nil {
		return errors.Join(openError(s.path, err), s.file.Close())
	}
	fresh := info.Size() == 0
	o := options()
	o.OpenFile = func(string, int, os.FileMode) (*os.File, error) { return s.file, nil }
	if s.db, err = bbolt.Open(s.path, 0, o); err != nil { // has closed the file
		err = openError(s.path, err)
		if fresh && !errors.Is(err, ErrInUse) {
			err = errors.Join(err, emptyAgain(at))
		}
		return err
	}
	s.db.AllocSize = growth
	s.pageSize = s.db.Info().PageSize
	s.update = s.db.Update
	s.unsettled = !fresh // who wrote to it last may have failed and ended
	// While the lock was waited for, the file may have been replaced.
	if err = inPlace(s.file, at); err != nil {
		_ = s.db.Close() // nothing has been written
	}
	return err
}

// prepare migrates the file just opened and reads the secret.
func (s *Store) prepare(log zerolog.Logger) error {
	if err := s.migrate(migrations.Steps, log); err != nil {
		return err
	}
	return s.db.View(func(tx *bbolt.Tx) error {
		if err := checkMeta(tx); err != nil {
			return damaged(s.path, err)
		}
		meta := tx.Bucket(bucketMeta)
		s.secret = bytes.Clone(meta.Get(keySecret))
		if created := readCreated(meta); time.Now().Before(created) {
			log.Warn().Str("path", s.path).Time("created", created).Msg("the database is newer than the clock says: is the clock right?")
		}
		return nil
	})
}

// mapSize is how much of the address space a file opened for writing is mapped
// into, whether or not it is that long. bbolt maps a file that outgrows it
// anew, for which it has to wait until nobody reads: a checkpoint would wait
// for a backup. It costs nothing but addresses, which are scarce in 32 bits.
const mapSize = 1 << (24 + 10*(^uint(0)>>63))

// growth is the number of bytes by which a file grows that has no room left.
const growth = 1 << 20

// options returns bbolt's options for writing.
func options() *bbolt.Options {
	return &bbolt.Options{Timeout: time.Second, FreelistType: bbolt.FreelistMapType, InitialMmapSize: mapSize}
}
