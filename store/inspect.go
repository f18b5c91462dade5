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
)

// Why a database file cannot be used, for errors.Is.
var (
	// ErrInUse says that another process has the file open.
	ErrInUse = errors.New("in use by another process")
	// ErrNewer says that a newer version of keeptrack has written the file.
	ErrNewer = errors.New("written by a newer version of keeptrack")
	// ErrDamaged says that the file is not whole or does not make sense.
	ErrDamaged = errors.New("damaged")
)

// inspect looks at the file at path without writing to it and returns an error
// unless it is a whole database of version newest or older, or has nothing in
// it yet: no file, or an empty one.
func inspect(path string, newest int) error {
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
	if !info.Mode().IsRegular() {
		return fmt.Errorf("database %s is not a regular file", path)
	}
	if info.Size() == 0 {
		return nil
	}
	o := options()
	o.ReadOnly = true
	db, err := bbolt.Open(path, 0, o)
	if err != nil {
		return openError(path, err)
	}
	defer db.Close() // read only
	return db.View(func(tx *bbolt.Tx) error { return inspectTx(tx, path, newest) })
}

// inspectTx checks that the file is as long as it says, that its pages hang
// together, and its version.
func inspectTx(tx *bbolt.Tx, path string, newest int) error {
	// The length first: reading a page past the end would kill the process.
	info, err := os.Stat(path)
	if err != nil {
		return openError(path, err)
	}
	if info.Size() < tx.Size() {
		return damaged(path, fmt.Errorf("%d bytes long instead of %d", info.Size(), tx.Size()))
	}
	var first error
	for err := range tx.Check() { // to the end, or its goroutine would stay
		if first == nil {
			first = err
		}
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
