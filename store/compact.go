package store

import (
	"fmt"
	"os"

	"go.etcd.io/bbolt"

	"keeptrack/migrations"
)

// compactStep is the number of bytes that compaction writes in a transaction,
// which bounds its memory.
const compactStep = 32 << 20

// Compact makes a copy of the file at path without its free pages, verifies the
// copy and puts it in place of the file. No process may have it open. Whatever
// interrupts it, the file is afterwards either as it was or compacted, with the
// same contents. It returns the sizes in bytes.
func Compact(path string) (before, after int64, err error) {
	path = resolved(path)
	switch info, err := os.Stat(path); {
	case err != nil:
		return 0, 0, openError(path, err)
	case info.Mode().IsRegular() && info.Size() == 0: // opening it would write to it
		return 0, 0, fmt.Errorf("database %s is %w", path, ErrEmpty)
	}
	if err := examine(path, len(migrations.Steps), nil); err != nil {
		return 0, 0, err
	}
	s := &Store{path: path}
	if err := s.open(); err != nil {
		return 0, 0, err
	}
	defer s.db.Close() // holds the lock; nothing is written
	part := path + ".compact"
	if before, after, err = s.compact(part); err != nil {
		_ = os.Remove(part)
		return 0, 0, fmt.Errorf("compacting database %s: %w", path, err)
	}
	return before, after, nil
}

// compact does the work of Compact with the file part.
func (s *Store) compact(part string) (before, after int64, err error) {
	info, err := s.file.Stat()
	if err != nil {
		return 0, 0, err
	}
	owner, err := ownerOf(s.path, false)
	if err != nil {
		return 0, 0, err
	}
	if err := os.RemoveAll(part); err != nil { // what an interruption left
		return 0, 0, err
	}
	if after, err = s.writeCompacted(part); err != nil {
		return 0, 0, err
	}
	f, err := os.OpenFile(part, os.O_RDWR, 0)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close() // closed already when all went well
	if err := f.Truncate(after); err != nil {
		return 0, 0, err
	}
	if err := own(f, owner); err != nil {
		return 0, 0, err
	}
	if err := flush(f); err != nil {
		return 0, 0, err
	}
	if err := verified(part, "the copy"); err != nil {
		return 0, 0, err
	}
	return info.Size(), after, putInPlace(part, s.path)
}

// writeCompacted writes the compact copy and returns the bytes in use in it.
func (s *Store) writeCompacted(part string) (size int64, err error) {
	o := options()
	o.NoSync = true
	dst, err := bbolt.Open(part, 0o600, o)
	if err != nil {
		return 0, err
	}
	err = bbolt.Compact(dst, s.db, compactStep)
	if err == nil {
		err = dst.View(func(tx *bbolt.Tx) error {
			size = tx.Size()
			return nil
		})
	}
	if closeErr := dst.Close(); err == nil {
		err = closeErr
	}
	return size, err
}
