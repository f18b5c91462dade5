package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// keepCopy writes a consistent copy of the database, which has the given
// version, to the file dst, and returns once it is on disk and whole. A dst that exists is never overwritten: if it is
// a copy of the same state (an earlier try at the same migration made it) all
// is well, otherwise it is an error.
func keepCopy(db *bbolt.DB, dst string, version int) error {
	part := dst + ".part"
	defer os.Remove(part) // gone already when all went well
	if err := writeCopy(db, part); err != nil {
		return err
	}
	if err := examine(part, version, nil); err != nil {
		return err
	}
	switch same, err := sameFileState(part, dst, db.Info().PageSize); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case same:
		return nil
	default:
		return fmt.Errorf("%s is there already and holds something else: move it away", dst)
	}
	if err := os.Rename(part, dst); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dst))
}

// writeCopy writes the database, as of now, to the file dst, which gets the same
// owner, and flushes it.
func writeCopy(db *bbolt.DB, dst string) error {
	owner, err := ownerOf(db.Path(), false)
	if err != nil {
		return err
	}
	f, err := createPart(dst)
	if err != nil {
		return err
	}
	err = db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(f)
		return err
	})
	return errors.Join(err, own(f, owner), f.Sync(), f.Close())
}

// createPart makes a file for its owner only in place of what an interruption
// left under that name, whatever that is.
func createPart(path string) (*os.File, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// sameFileState is sameState for the files of two names.
func sameFileState(a, b string, pageSize int) (bool, error) {
	fa, err := os.Open(a)
	if err != nil {
		return false, err
	}
	defer fa.Close()
	fb, err := os.Open(b)
	if err != nil {
		return false, err
	}
	defer fb.Close()
	return sameState(fa, fb, pageSize)
}

// syncDir puts a directory's entries on disk: a file just made or renamed is
// not safe before.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
