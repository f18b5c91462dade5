package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// Backup writes a copy of the database to w, all of it as of one moment. The
// daemon goes on meanwhile, but pages that checkpoints free are not used again
// before the copy is done: the file grows by what they write.
func (s *Store) Backup(w io.Writer) error {
	return s.db.View(func(tx *bbolt.Tx) error { return writeTo(tx, s.path, w) })
}

// BackupFile writes a copy of the file at path, which no process may have open
// for writing, to w. Both head pages must be whole: the copy's are made anew, and
// nobody would see that it is as of an earlier transaction.
func BackupFile(path string, w io.Writer) error {
	return view(path, func(tx *bbolt.Tx) error {
		if err := checkHeads(tx, path); err != nil {
			return err
		}
		return writeTo(tx, path, w)
	})
}

func writeTo(tx *bbolt.Tx, path string, w io.Writer) error {
	_, err := tx.WriteTo(w)
	if errors.Is(err, io.EOF) {
		return damaged(path, errors.New("shorter than it says"))
	}
	if err != nil {
		return fmt.Errorf("copying database %s: %w", path, err)
	}
	return nil
}

// Save makes the file at path, readable for its owner only, out of what write
// writes, which must be a database. It is written to a file beside path,
// flushed, verified and then put in place of what was there; on an error the
// latter is left as it is, as is one that a process has open: ErrInUse. It
// returns the number of bytes.
func Save(path string, write func(io.Writer) error) (size int64, err error) {
	path = resolved(path)
	present, err := reserve(path)
	if err != nil {
		return 0, err
	}
	defer present.Close() // nothing was written to it
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.part")
	if err != nil {
		return 0, err
	}
	defer func() {
		_ = f.Close() // closed already when all went well
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		return 0, err
	}
	if size, err = f.Seek(0, io.SeekCurrent); err != nil {
		return 0, err
	}
	if err := flush(f); err != nil {
		return 0, err
	}
	if err := verified(f.Name(), "the copy"); err != nil {
		return 0, err
	}
	return size, putInPlace(f.Name(), path)
}

// resolved returns the file that a path leads to through symbolic links, so
// that the file is replaced and not the link.
func resolved(path string) string {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}
	return path // whatever is wrong with it, opening it will tell
}

// reserve locks the file at path until it is closed, so that nobody opens as a
// database what is about to be replaced. Without a file at path it returns nil.
func reserve(path string) (*os.File, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := exclude(f); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is %w", path, err), f.Close())
	}
	if err := inPlace(f, path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// flush puts what was written to f on disk and closes it.
func flush(f *os.File) error {
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// verified returns an error if Verify finds something. name is what the errors
// call the file.
func verified(path, name string) error {
	findings, err := Verify(path)
	if err != nil {
		return fmt.Errorf("%s does not verify: %w", name, err)
	}
	if n := len(findings); n > 0 {
		return fmt.Errorf("%s is %w: %w (the first of %d findings)", name, ErrDamaged, findings[0], n)
	}
	return nil
}

// putInPlace renames a file, in place of what is there, for good.
func putInPlace(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}
