package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"keeptrack/migrations"
	"keeptrack/store/boltpage"
	"keeptrack/store/safefile"
)

// Why a database file cannot be used, for errors.Is.
var (
	// ErrInUse says that another process has the file open.
	ErrInUse = errors.New("in use by another process")
	// ErrNewer says that a newer version of keeptrack has written the file.
	ErrNewer = errors.New("written by a newer version of keeptrack")
	// ErrDamaged says that the file is not whole or does not make sense.
	ErrDamaged = errors.New("damaged")
	// ErrEmpty says that there is nothing in the file yet.
	ErrEmpty = errors.New("empty")
)

// examine looks at the file at path without writing to it and returns an error
// unless it is a whole database of version newest or older, or has nothing in
// it yet: no file, or an empty one. With tolerate, damage to one meta page alone
// is no error but passed to that.
func examine(path string, newest int, tolerate func(*boltpage.MetaError)) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		dir := filepath.Dir(path)
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("database %s: there is no directory %s", path, dir)
		}
		return nil
	}
	if err != nil {
		return openError(path, err)
	}
	if info.Mode().IsRegular() && info.Size() == 0 {
		return nil
	}
	return view(path, func(tx *bbolt.Tx, f *os.File) error { return examineTx(tx, f, path, newest, tolerate) })
}

// view opens the file at path for reading alone and calls fn with it. Meanwhile
// no process can write to it.
func view(path string, fn func(*bbolt.Tx, *os.File) error) error {
	p, err := safefile.Locate(path)
	if err != nil {
		return openError(path, err)
	}
	defer p.Close() // was only looked into
	f, err := p.Open(os.O_RDONLY)
	if err != nil {
		return openError(path, err)
	}
	return viewFile(f, path, fn)
}

// viewFile is view for an open file, which it closes. path is what errors call
// it.
func viewFile(f *os.File, path string, fn func(*bbolt.Tx, *os.File) error) error {
	if err := checkFilled(f, path); err != nil {
		return errors.Join(err, f.Close())
	}
	o := options()
	o.ReadOnly, o.InitialMmapSize = true, 0
	o.OpenFile = func(string, int, os.FileMode) (*os.File, error) { return f, nil }
	db, err := bbolt.Open(path, 0, o)
	if err != nil {
		_ = f.Close() // bbolt closes it after some errors only
		return openError(path, err)
	}
	defer db.Close() // read only
	return db.View(func(tx *bbolt.Tx) error {
		var fnErr error // comes as it is, unlike the fault's
		if err := guarded(func() error { fnErr = fn(tx, f); return nil }); err != nil {
			return damaged(path, err)
		}
		return fnErr
	})
}

// checkFilled returns an error unless the file is a regular one with something
// in it.
func checkFilled(f *os.File, path string) error {
	info, err := f.Stat()
	switch {
	case err != nil:
		return openError(path, err)
	case !info.Mode().IsRegular():
		return openError(path, &fs.PathError{Op: "open", Path: path, Err: safefile.ErrNotRegular})
	case info.Size() == 0:
		return fmt.Errorf("database %s is %w", path, ErrEmpty)
	}
	return nil
}

// viewNewest is view for a whole file of the newest schema; tolerate is as for
// examine.
func viewNewest(path string, tolerate func(*boltpage.MetaError), fn func(*bbolt.Tx, *os.File) error) error {
	newest := len(migrations.Steps)
	return view(path, func(tx *bbolt.Tx, f *os.File) error {
		if err := examineTx(tx, f, path, newest, tolerate); err != nil {
			return err
		}
		switch version, err := readVersion(tx); {
		case err != nil:
			return openError(path, err)
		case version == 0:
			return fmt.Errorf("database %s is %w", path, ErrEmpty)
		case version < newest:
			return fmt.Errorf("database %s: schema version %d, migrate it to %d first", path, version, newest)
		}
		if err := checkMeta(tx); err != nil {
			return damaged(path, err)
		}
		return fn(tx, f)
	})
}

// examineTx checks that the file is as long as it says, that its pages hang
// together, and its version; tolerate is as for examine.
func examineTx(tx *bbolt.Tx, f *os.File, path string, newest int, tolerate func(*boltpage.MetaError)) error {
	var first error
	var meta *boltpage.MetaError
	_, err := checkFile(tx, f, path, func(err error) {
		if !(tolerate != nil && errors.As(err, &meta)) && first == nil {
			first = err
		}
	})
	if err != nil {
		return err
	}
	if first != nil {
		return damaged(path, first)
	}
	version, err := readVersion(tx)
	if meta != nil && (err != nil || version == 0) { // all was written in one transaction, as compaction does
		return damaged(path, fmt.Errorf("%w, and the other meta page leads to an empty file", meta))
	}
	if err != nil {
		return openError(path, err)
	}
	if err := checkVersion(path, version, newest); err != nil {
		return err
	}
	if meta != nil {
		tolerate(meta)
	}
	return nil
}

// checkFile reports what is wrong with a file's length and pages, and returns
// the number of free pages. An error is one that kept it from looking.
func checkFile(tx *bbolt.Tx, f *os.File, path string, report func(error)) (free int, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, openError(path, err)
	}
	if info.Size() < tx.Size() {
		report(fmt.Errorf("%d bytes long instead of %d", info.Size(), tx.Size()))
		return 0, nil
	}
	return boltpage.Check(f, tx.DB().Info().PageSize, report), nil
}

// checkMetaPages returns an error unless both meta pages are whole.
func checkMetaPages(tx *bbolt.Tx, f *os.File, path string) error {
	err := boltpage.CheckMetas(f, tx.DB().Info().PageSize)
	if errors.As(err, new(*boltpage.MetaError)) {
		return damaged(path, err)
	}
	if err != nil {
		return openError(path, err)
	}
	return nil
}

// checkVersion refuses a version past the newest.
func checkVersion(path string, version, newest int) error {
	if version > newest {
		return fmt.Errorf("database %s: schema version %d, this program knows up to %d: %w", path, version, newest, ErrNewer)
	}
	return nil
}

// openError makes an error in opening the file one that says what is wrong.
func openError(path string, err error) error {
	var pathErr *fs.PathError
	var errno syscall.Errno
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return fmt.Errorf("database %s is %w", path, ErrInUse)
	case errors.As(err, &pathErr):
		return fmt.Errorf("database %s: %w", path, pathErr.Err)
	case errors.As(err, &errno):
		return fmt.Errorf("database %s: %w", path, err)
	default:
		return fmt.Errorf("database %s is not a keeptrack database: %w", path, err)
	}
}

// damaged says what in the file is not as it must be.
func damaged(path string, err error) error {
	return fmt.Errorf("database %s is %w: %w", path, ErrDamaged, err)
}
