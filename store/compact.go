package store

import (
	"fmt"
	"os"

	"go.etcd.io/bbolt"

	"keeptrack/migrations"
	"keeptrack/store/safefile"
)

// compactStep is the number of bytes that compaction writes in a transaction,
// which bounds its memory.
const compactStep = 32 << 20

// Compact makes a copy of the file at path without its free pages, verifies the
// copy and puts it in place of the file. No process may have it open. Whatever
// interrupts it, the file is afterwards either as it was or compacted, with the
// same contents. It returns the sizes in bytes.
func Compact(path string) (before, after int64, err error) {
	at, err := safefile.Locate(path)
	if err != nil {
		return 0, 0, openError(path, err)
	}
	defer at.Close() // was only looked into
	path = at.Path()
	// Without the check, opening an empty file would write to it.
	if err := view(path, func(tx *bbolt.Tx, f *os.File) error {
		return examineTx(tx, f, path, len(migrations.Steps), nil)
	}); err != nil {
		return 0, 0, err
	}
	s := &Store{path: path}
	if err := s.open(); err != nil {
		return 0, 0, err
	}
	defer s.db.Close() // holds the lock; nothing is written
	if before, after, err = s.compact(at); err != nil {
		return 0, 0, fmt.Errorf("compacting database %s: %w", path, err)
	}
	return before, after, nil
}

// compact does the work of Compact.
func (s *Store) compact(at *safefile.Place) (before, after int64, err error) {
	info, err := s.file.Stat()
	if err != nil {
		return 0, 0, err
	}
	owner, err := safefile.OwnerOf(s.file)
	if err != nil {
		return 0, 0, err
	}
	part, err := at.Temp(".compact")
	if err != nil {
		return 0, 0, err
	}
	defer part.Discard() // removes it unless it is in its place
	if err := owner.Give(part.File); err != nil {
		return 0, 0, err
	}
	if after, err = s.writeCompacted(part); err != nil {
		return 0, 0, err
	}
	if err := part.Truncate(after); err != nil {
		return 0, 0, err
	}
	if err := verified(part, "the copy"); err != nil {
		return 0, 0, err
	}
	return info.Size(), after, part.Commit()
}

// writeCompacted writes the compact copy and returns the bytes in use in it.
func (s *Store) writeCompacted(part *safefile.Temp) (size int64, err error) {
	o := options()
	o.NoSync = true
	o.OpenFile = func(string, int, os.FileMode) (*os.File, error) { return part.Dup() }
	dst, err := bbolt.Open(part.Name(), 0, o)
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
