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
// it yet: no file, or an empty one.
func examine(path string, newest int) error {
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
	return view(path, func(tx *bbolt.Tx) error { return examineTx(tx, path, newest) })
}

// view opens a file for reading alone and calls fn. Meanwhile no process can
// write to it.
func view(path string, fn func(*bbolt.Tx) error) (err error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return openError(path, err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("database %s is not a regular file", path)
	case info.Size() == 0:
		return fmt.Errorf("database %s is %w", path, ErrEmpty)
	}
	o := options()
	o.ReadOnly, o.InitialMmapSize = true, 0
	db, err := bbolt.Open(path, 0, o)
	if err != nil {
		return openError(path, err)
	}
	defer db.Close() // read only
	return db.View(func(tx *bbolt.Tx) error {
		var fnErr error // comes as it is, unlike the fault's
		if err := guarded(func() error { fnErr = fn(tx); return nil }); err != nil {
			return damaged(path, err)
		}
		return fnErr
	})
}

// viewNewest is view for a whole file of the newest schema.
func viewNewest(path string, fn func(*bbolt.Tx) error) error {
	newest := len(migrations.Steps)
	return view(path, func(tx *bbolt.Tx) error {
		if err := examineTx(tx, path, newest); err != nil {
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
		return fn(tx)
	})
}

// examineTx checks that the file is as long as it says, that its pages hang
// together, and its version.
func examineTx(tx *bbolt.Tx, path string, newest int) error {
	var first error
	_, err := checkFile(tx, path, func(err error) {
		if first == nil {
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
	if err != nil {
		return openError(path, err)
	}
	return checkVersion(path, version, newest)
}

// checkFile reports what is wrong with a file's length and pages, and returns
// the number of free pages. An error is one that kept it from looking.
func checkFile(tx *bbolt.Tx, path string, report func(error)) (free int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, openError(path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, openError(path, err)
	}
	if info.Size() < tx.Size() {
		report(fmt.Errorf("%d bytes long instead of %d", info.Size(), tx.Size()))
		return 0, nil
	}
	return checkPages(f, tx.DB().Info().PageSize, report), nil
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
